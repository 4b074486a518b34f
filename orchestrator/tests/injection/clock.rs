//! A wall clock that can be stepped, for the processes that are started with it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::common::test_run::{Running, TestRun};
use crate::common::wait::wait_for;

/// The library that steps the clock, and the file that contains the step in seconds.
pub(crate) struct Clock {
    library: PathBuf,
    step: PathBuf,
}

impl Clock {
    /// Compiles the library; `None` where there is no `rustc`.
    pub(crate) fn new(test: &TestRun) -> Option<Self> {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/injection/stepped_clock.rs");
        let library = test.path("stepped_clock.so");
        let mut compiler = Command::new(option_env!("RUSTC").unwrap_or("rustc"));
        compiler.args(["--crate-type=cdylib", "--edition=2024", "-o"]).arg(&library).arg(source);
        let made = compiler.output().is_ok_and(|output| output.status.success());
        made.then(|| Self { library, step: test.path("clock") })
    }

    /// Makes `command` and its descendants see this clock.
    pub(crate) fn preload(&self, command: &mut Command) {
        command.env("LD_PRELOAD", &self.library).env("STEPPED_CLOCK", &self.step);
    }

    /// Sets the difference from the true time.
    pub(crate) fn step(&self, seconds: i64) {
        // Renamed into place: a clock that reads nothing for a moment would step twice.
        let temporary = self.step.with_extension("new");
        fs::write(&temporary, seconds.to_string()).unwrap();
        fs::rename(&temporary, &self.step).unwrap();
    }
}

/// A trial that crashes once, and is retried after two seconds.
const FILE: &str = "\
orch: 1
name: trip
worker: {command: [fake-worker]}
retry: {attempts: 2, backoff: 2s}
config: {steps: 2, crash_at: 1, crash_attempts: 1}
variants: {a: {}}
seeds: [0]
report: {table: {name: table, columns: [{metric: psnr}]}}
";

#[test]
fn the_backoff_of_a_retry_does_not_follow_the_wall_clock() {
    let test = TestRun::with_file(FILE);
    let Some(clock) = Clock::new(&test) else { return };
    clock.step(10_000 * 3600);
    let mut command = test.command("run trip.yaml");
    clock.preload(&mut command);
    let run = Running(command.spawn().unwrap());
    wait_for("a failed attempt", || {
        let journal = fs::read_to_string(test.run_dir().join("journal.jsonl")).ok()?;
        journal.contains("(failure 1 of 2)").then_some(())
    });
    clock.step(0);
    run.end().expect(0, &["1 of 1 trials done"]);
}
