//! A wall clock that can be stepped, for the processes that are started with it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::common::test_run::{Running, TestRun};
use crate::common::wait::wait_for;

/// The library that steps the clock, and the file that tells it by how much.
pub(crate) struct Clock {
    library: PathBuf,
    step: PathBuf,
}

impl Clock {
    /// Makes the library; `None` where there is no `rustc` to make it.
    pub(crate) fn new(test: &TestRun) -> Option<Self> {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/injection/stepped_clock.rs");
        let library = test.path("stepped_clock.so");
        let mut compiler = Command::new(option_env!("RUSTC").unwrap_or("rustc"));
        compiler.args(["--crate-type=cdylib", "--edition=2024", "-o"]).arg(&library).arg(source);
        let made = compiler.output().is_ok_and(|output| output.status.success());
        made.then(|| Self { library, step: test.path("clock") })
    }

    /// `command` and all that it starts see this clock.
    pub(crate) fn give_to(&self, command: &mut Command) {
        command.env("LD_PRELOAD", &self.library).env("STEPPED_CLOCK", &self.step);
    }

    /// From now on it shows so many seconds more, or less, than the true time.
    pub(crate) fn step(&self, seconds: i64) {
        // Renamed into place: a clock that reads nothing for a moment would step twice.
        let aside = self.step.with_extension("new");
        fs::write(&aside, seconds.to_string()).unwrap();
        fs::rename(&aside, &self.step).unwrap();
    }
}

/// A trial that waits to be tried again.
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
fn who_waits_to_be_tried_again_does_not_wait_for_the_wall_clock() {
    let test = TestRun::with_file(FILE);
    let Some(clock) = Clock::new(&test) else { return };
    clock.step(10_000 * 3600);
    let mut command = test.command("run trip.yaml");
    clock.give_to(&mut command);
    let run = Running(command.spawn().unwrap());
    wait_for("a failed attempt", || {
        let journal = fs::read_to_string(test.run_dir().join("journal.jsonl")).ok()?;
        journal.contains("attempt 1 of 2 failed").then_some(())
    });
    clock.step(0);
    run.end().expect(0, &["1 of 1 trials done"]);
}
