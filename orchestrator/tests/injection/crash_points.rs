//! Every verb that writes is killed right before one of its changes to files, and called again: the
//! result is that of a call which nothing disturbed.
//!
//! Some of its changes by default, drawn by `SEED`; with `CRASH_POINTS=all` each of them
//! (`make crashes`).

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;

use fastrand::Rng;
use orchestrator::store::journal_file::Entry;

use super::checks;
use super::tracer::{Traced, trace};
use crate::common::test_run::{Ended, TestRun};
use crate::common::wait::wait_for;

/// The number of changes before which a verb is killed by default, each in a call of its own.
const DEFAULT_POINTS: usize = 8;

/// Two trials; one fails.
const FILE: &str = "\
orch: 1
name: trip
worker: {command: [fake-worker], check: [fake-worker, check], grace: 30s}
retry: {attempts: 1, backoff: 1ms}
config: {steps: 4, checkpoint_every: 1}
variants: {a: {}, b: {set: {offset: 1, exit: 3}}}
seeds: [0]
keep: {checkpoints: {last: 1}}
report:
  table: {name: table, columns: [{metric: psnr, decimals: 3}]}
  figures: [{curve: {name: loss, metric: loss}}]
";

/// Event files of tensorboardX and TensorBoard.
const LOGS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tensorboard/logs");

/// A verb, and the state in which it is called.
struct Verb {
    arguments: &'static str,
    /// Makes the files that it finds, once.
    prepare: fn(&TestRun),
    /// Starts the processes that it finds, before each call.
    start: fn(&TestRun),
    /// Exit codes of the second call; the first is that of an undisturbed one.
    codes: &'static [i32],
}

/// A run of [`FILE`] that has ended.
fn ended_run(test: &TestRun) {
    test.orch("run trip.yaml").expect(1, &["1 of 2 trials done"]);
}

/// Running attempts that no supervisor runs.
fn attempts_without_a_supervisor(test: &TestRun) {
    let waits = format!("steps: 4, wait_for: '{}'", test.path("never").display());
    test.write(&FILE.replace("steps: 4", &waits));
    let mut run = test.start("run trip.yaml").0;
    let trials = test.run_dir().join("trials");
    wait_for("the run's folder", || trials.is_dir().then_some(()));
    wait_for("checkpoints of both trials", || {
        let saved = files(&trials).into_keys();
        (saved.filter(|name| name.ends_with("00000003.json")).count() == 2).then_some(())
    });
    wait_for("running trials", || {
        let journal = fs::read_to_string(test.run_dir().join("journal.jsonl")).unwrap();
        (journal.matches("\"to\":{\"state\":\"running\"").count() == 2).then_some(())
    });
    run.kill().unwrap();
    run.wait().unwrap();
}

fn nothing(_: &TestRun) {}

/// A file of which nothing fails.
fn nothing_fails(test: &TestRun) {
    test.write(&FILE.replace(", exit: 3", ""));
}

#[test]
fn run() {
    let arguments = "run trip.yaml";
    survives(&Verb { arguments, prepare: nothing_fails, start: nothing, codes: &[0] });
}

#[test]
fn import() {
    let arguments = Box::leak(format!("import tensorboard {LOGS} --name trip").into_boxed_str());
    // Killed after its last act it has made the run, whose name is then taken.
    survives(&Verb { arguments, prepare: nothing, start: nothing, codes: &[0, 2] });
}

#[test]
fn retry() {
    let arguments = "retry --failed";
    survives(&Verb { arguments, prepare: ended_run, start: nothing, codes: &[0] });
}

#[test]
fn stop() {
    let (arguments, start) = ("stop seed=0", attempts_without_a_supervisor);
    survives(&Verb { arguments, prepare: nothing, start, codes: &[0] });
}

#[test]
fn gc() {
    survives(&Verb { arguments: "gc", prepare: ended_run, start: nothing, codes: &[0] });
}

#[test]
fn db_rebuild() {
    survives(&Verb { arguments: "db rebuild", prepare: ended_run, start: nothing, codes: &[0] });
}

#[test]
fn report() {
    survives(&Verb { arguments: "report", prepare: ended_run, start: nothing, codes: &[3] });
}

#[test]
fn export() {
    let arguments = "export --format csv --out points.csv";
    survives(&Verb { arguments, prepare: ended_run, start: nothing, codes: &[0] });
}

/// Kills the verb before changes of its own, and calls it again after each kill.
fn survives(verb: &Verb) {
    let test = TestRun::with_file(FILE);
    fs::create_dir(test.path("state")).unwrap();
    (verb.prepare)(&test);
    let before = tempfile::tempdir().unwrap();
    copy(&test.path(""), before.path());

    (verb.start)(&test);
    let Traced { changes, killed } = trace(test.command(verb.arguments), &test.path(""), None);
    assert!(!killed && changes > 0);
    let undisturbed = Outcome::of(&test);
    let mut survived = 0;
    for point in points(changes) {
        test.kill_all();
        for entry in fs::read_dir(test.path("")).unwrap() {
            remove(&entry.unwrap().path());
        }
        copy(before.path(), &test.path(""));
        (verb.start)(&test);
        survived +=
            usize::from(trace(test.command(verb.arguments), &test.path(""), Some(point)).killed);
        let again = Ended::of(test.command(verb.arguments).output().unwrap());
        let at = format!("killed before change {point} of {changes}: {again:?}");
        assert!(verb.codes.contains(&again.code), "{at}");
        let outcome = Outcome::of(&test);
        assert_eq!(outcome, undisturbed, "{at}");
    }
    // The last ones may be those of a longer call.
    assert!(survived * 2 > points(changes).len(), "{survived} of {changes}");
}

/// The numbers of the changes before which the verb is killed.
fn points(changes: usize) -> Vec<usize> {
    let all = (1..=changes).collect();
    if env::var_os("CRASH_POINTS").is_some_and(|points| points == "all") {
        return all;
    }
    let seed = env::var("SEED").map_or(1, |seed| seed.parse().expect("a number"));
    Rng::with_seed(seed).choose_multiple(all, DEFAULT_POINTS)
}

/// All that a person or another program finds afterwards.
#[derive(Debug, PartialEq)]
struct Outcome {
    /// Of each trial.
    states: BTreeMap<String, (String, usize)>,
    /// Every metric, as `orch export` writes it.
    points: String,
    /// What the workers, the report and the export have left: names and contents without times.
    files: BTreeMap<String, String>,
}

impl Outcome {
    fn of(test: &TestRun) -> Self {
        // Makes the database that a killed process could not.
        test.orch("status").expect(0, &[]);
        checks::nothing_is_left(test);
        checks::the_database_follows_from_the_files(test);
        let exported = test.orch("export --format csv --out -");
        exported.expect(0, &[]);
        let mut files = files(&test.path(""));
        files.retain(|name, _| is_compared(name));
        Self { states: states(test), points: without_times(&exported.stdout), files }
    }
}

/// The last state of each trial in the journal, and how often the trial has reached it.
fn states(test: &TestRun) -> BTreeMap<String, (String, usize)> {
    let mut reached = BTreeMap::<_, Vec<_>>::new();
    for line in checks::journal(test) {
        if let Entry::Changed { trial, to, .. } = line.entry {
            reached.entry(trial.0).or_default().push(to.name().to_owned());
        }
    }
    let last = |states: Vec<String>| {
        let last = states.last().unwrap().clone();
        let times = states.iter().filter(|state| **state == last).count();
        (last, times)
    };
    reached.into_iter().map(|(trial, states)| (trial, last(states))).collect()
}

/// Lines of CSV without their last column.
fn without_times(csv: &str) -> String {
    csv.lines().map(|line| line.rsplit_once(',').unwrap().0.to_owned() + "\n").collect()
}

/// Every file in and below `folder` by its path there, with its content.
fn files(folder: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for path in checks::files_below(folder) {
        let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
        // One may be removed meanwhile.
        let Ok(content) = fs::read(&path) else { continue };
        found.insert(name, String::from_utf8_lossy(&content).into_owned());
    }
    found
}

/// False for files that tell times and processes: compared are checkpoints, the report and the export,
/// and all other names that should not be there.
fn is_compared(name: &str) -> bool {
    let of_run = name.strip_prefix("runs/trip/").unwrap_or(name);
    let is_record = ["journal.jsonl", "resolved.yaml", "supervisor.lock"].contains(&of_run)
        || of_run.contains("/attempt-")
        || of_run.starts_with("state/")
        || ["orch.db", "orch.db-seal", "orch.db-shm", "orch.db-wal", "before.db"].contains(&of_run);
    !is_record
}

fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-a").arg(from.join(".")).arg(to).status();
    assert!(copied.unwrap().success());
}

fn remove(path: &Path) {
    if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }.unwrap();
}
