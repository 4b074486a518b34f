//! Every file of a run is damaged in every way, while it runs and after it has ended, with its database
//! and without: what is read then is the same as before, or the damage is said and the exit code is not
//! 0; and the run can always go on.
//!
//! `MUTATIONS` is the number of mutations, and `SEED` the seed of the random choices.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

use experiments::protocol::exit;
use fastrand::Rng;

use super::survival::number;
use crate::common::processes;
use crate::common::signals::try_signal;
use crate::common::test_run::{Ended, TestRun};
use crate::common::wait::wait_for;

/// The number of mutations without `MUTATIONS`: some seconds' worth.
const DEFAULT_MUTATIONS: u64 = 24;

/// One in so many is of a run that goes on.
const RUNNING_EVERY: u64 = 6;

const FILE: &str = "\
orch: 1
name: trip
worker: {command: [fake-worker], check: [fake-worker, check]}
config: {steps: 8, sleep_ms: 25, checkpoint_every: 4}
variants:
  plain: {}
  crashes: {set: {offset: 1, crash_at: 6, crash_attempts: 1}}
seeds: [0, 1]
retry: {attempts: 3, backoff: 1ms}
report:
  table: {name: table, columns: [{metric: psnr, decimals: 3}]}
  figures: [{curve: {name: loss, metric: loss}}]
";

/// A way to damage a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Mutation {
    Truncate,
    ZeroTail,
    Empty,
    Delete,
    FlipBit,
    ChangeDigit,
    DropLine,
    RepeatLine,
    Garbage,
}

const MUTATIONS: [Mutation; 9] = [
    Mutation::Truncate,
    Mutation::ZeroTail,
    Mutation::Empty,
    Mutation::Delete,
    Mutation::FlipBit,
    Mutation::ChangeDigit,
    Mutation::DropLine,
    Mutation::RepeatLine,
    Mutation::Garbage,
];

impl Mutation {
    /// Damages the file; false if it has nothing that could be damaged so.
    fn apply(self, path: &Path, random: &mut Rng) -> bool {
        let Ok(before) = fs::read(path) else { return false };
        if self == Self::Delete {
            return fs::remove_file(path).is_ok();
        }
        if before.is_empty() && self != Self::Garbage {
            return false;
        }
        let mut bytes = before.clone();
        match self {
            Self::Truncate => bytes.truncate(random.usize(..before.len())),
            Self::ZeroTail => {
                let from = random.usize(..before.len());
                bytes[from..].fill(0);
            }
            Self::Empty => bytes.clear(),
            Self::Delete => {}
            Self::FlipBit => bytes[random.usize(..before.len())] ^= 1 << random.u8(0..8),
            Self::ChangeDigit => {
                let digits: Vec<_> =
                    (0..bytes.len()).filter(|at| bytes[*at].is_ascii_digit()).collect();
                let Some(at) = random.choice(digits) else { return false };
                bytes[at] = if bytes[at] == b'9' { b'1' } else { bytes[at] + 1 };
            }
            Self::DropLine | Self::RepeatLine => {
                let mut lines: Vec<_> = before.split_inclusive(|byte| *byte == b'\n').collect();
                let at = random.usize(..lines.len());
                if self == Self::DropLine {
                    lines.remove(at);
                } else {
                    lines.insert(at, lines[at]);
                }
                bytes = lines.concat();
            }
            Self::Garbage => bytes = (0..random.usize(1..200)).map(|_| random.u8(..)).collect(),
        }
        // In place, as a disk does it: open descriptors see it.
        bytes != before && fs::write(path, bytes).is_ok()
    }
}

/// The result of reading a damaged run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Reading {
    Same,
    Noticed,
}

#[test]
#[expect(clippy::print_stdout, reason = "the figures are for people")]
fn no_damaged_file_is_read_silently() {
    let mutations = number("MUTATIONS").unwrap_or(DEFAULT_MUTATIONS);
    let mut random = Rng::with_seed(number("SEED").unwrap_or(1));
    let whole = TestRun::with_file(FILE);
    whole.orch("run trip.yaml").expect(0, &["4 of 4 trials done"]);
    let expected = report(&whole).1;
    let mut all: Vec<_> = kinds(&whole)
        .into_iter()
        .flat_map(|kind| MUTATIONS.map(|mutation| (kind.clone(), mutation)))
        .flat_map(|(kind, mutation)| [true, false].map(|kept| (kind.clone(), mutation, kept)))
        .collect();
    let mut counts = BTreeMap::<_, u64>::new();
    let mut done = 0;
    while done < mutations {
        random.shuffle(&mut all);
        for (kind, mutation, with_database) in &all {
            if done == mutations {
                break;
            }
            let running = done % RUNNING_EVERY == 0;
            let case = format!(
                "{mutation:?} of {kind}, {}, with{} database",
                if running { "running" } else { "finished" },
                if *with_database { "" } else { "out" }
            );
            let reading = if running {
                while_running(kind, *mutation, *with_database, &expected, &mut random, &case)
            } else {
                when_finished(
                    &whole,
                    kind,
                    *mutation,
                    *with_database,
                    &expected,
                    &mut random,
                    &case,
                )
            };
            if let Some(reading) = reading {
                *counts.entry((running, kind.clone(), reading)).or_default() += 1;
                done += 1;
            }
        }
    }
    for ((running, kind, reading), count) in counts {
        let when = if running { "running" } else { "finished" };
        println!("{count:5}  {when:8}  {reading:7?}  {kind}");
    }
}

/// The paths of a run's files, with `*` for the trial.
fn kinds(test: &TestRun) -> BTreeSet<String> {
    let trials = test.run_dir().join("trials");
    let names = fs::read_dir(trials).unwrap().map(|entry| entry.unwrap().file_name());
    let names: Vec<_> = names.map(|name| name.into_string().unwrap()).collect();
    files(&test.run_dir())
        .into_iter()
        .filter(|path| !path.starts_with("report"))
        .map(|path| {
            let path = path.to_str().unwrap().to_owned();
            names.iter().fold(path, |path, name| path.replace(name, "*"))
        })
        .collect()
}

/// The files below a folder, by their paths in it.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let name = PathBuf::from(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            found.extend(files(&entry.path()).into_iter().map(|below| name.join(below)));
        } else {
            found.push(name);
        }
    }
    found
}

/// One file of that kind, of a random trial; `None` if there is none.
fn choose(test: &TestRun, kind: &str, random: &mut Rng) -> Option<PathBuf> {
    let Some((before, after)) = kind.split_once('*') else {
        return Some(test.run_dir().join(kind)).filter(|path| path.is_file());
    };
    let mut trials: Vec<_> =
        fs::read_dir(test.run_dir().join(before)).ok()?.flatten().map(|e| e.path()).collect();
    trials.sort();
    let found = trials.into_iter().map(|trial| trial.join(after.trim_start_matches('/')));
    random.choice(found.filter(|path| path.is_file()).collect::<Vec<_>>())
}

fn when_finished(
    whole: &TestRun,
    kind: &str,
    mutation: Mutation,
    with_database: bool,
    expected: &Outputs,
    random: &mut Rng,
    case: &str,
) -> Option<Reading> {
    let test = TestRun::with_file(FILE);
    copy(&whole.path("runs"), &test.path("runs"));
    let path = choose(&test, kind, random)?;
    if !mutation.apply(&path, random) {
        return None;
    }
    Some(read(&test, with_database, expected, case))
}

fn while_running(
    kind: &str,
    mutation: Mutation,
    with_database: bool,
    expected: &Outputs,
    random: &mut Rng,
    case: &str,
) -> Option<Reading> {
    // A database that is changed beneath SQLite is beyond what this or any program notices.
    if kind.starts_with("orch.db") {
        return None;
    }
    let test = TestRun::with_file(FILE);
    let running = test.start("run trip.yaml");
    let lines = random.usize(2..12);
    wait_for("events", || {
        let events = choose(&test, "trials/*/attempt-1/events.jsonl", &mut Rng::with_seed(1))?;
        (fs::read_to_string(events).ok()?.lines().count() >= lines).then_some(())
    });
    // The workers pause, so that their holders have read all that they have written.
    let processes = processes::of(test.folder.path()).into_iter();
    let is_worker = |pid: &u32| processes::command_line(*pid).contains("fake-worker");
    let workers: Vec<_> = processes.filter(is_worker).collect();
    for pid in &workers {
        try_signal(*pid, "-STOP");
    }
    thread::sleep(Duration::from_millis(400));
    let path = choose(&test, kind, random);
    let changed = path.is_some_and(|path| mutation.apply(&path, random));
    for pid in &workers {
        try_signal(*pid, "-CONT");
    }
    let ended = running.end();
    assert!(ended.code != 101, "{case}: {ended:?}");
    changed.then(|| {
        // Whatever the supervisor made of it, another one goes on.
        let again = test.orch("run trip.yaml");
        assert!(again.code != 101, "{case}: {again:?}");
        read(&test, with_database, expected, case)
    })
}

/// Reads the damaged run, and goes on with it.
fn read(test: &TestRun, with_database: bool, expected: &Outputs, case: &str) -> Reading {
    if !with_database {
        for name in ["orch.db", "orch.db-seal", "orch.db-wal", "orch.db-shm"] {
            let _ = fs::remove_file(test.run_dir().join(name));
        }
    }
    let (ended, outputs) = report(test);
    assert!(!ended.stderr.contains("panicked"), "{case}: {ended:?}");
    let reading = if ended.code == 0 {
        let differ: Vec<_> = outputs
            .iter()
            .filter(|(name, content)| expected.get(*name) != Some(*content))
            .map(|(name, _)| name.clone())
            .collect();
        assert_eq!(differ, Vec::<PathBuf>::new(), "{case}: was silent\n{ended:?}");
        assert_eq!(outputs.len(), expected.len(), "{case}: was silent\n{ended:?}");
        Reading::Same
    } else {
        let said = ["error: ", "warning: ", "†", "‡"];
        let text = ended.stdout.clone() + &ended.stderr;
        assert!(said.iter().any(|said| text.contains(said)), "{case}: {ended:?}");
        Reading::Noticed
    };
    for verb in ["status", "run trip.yaml --rerun-damaged"] {
        let ended = test.orch(verb);
        assert!(!ended.stderr.contains("panicked"), "{case}: {verb}: {ended:?}");
    }
    let accepted = test.orch("run trip.yaml --accept-damage");
    // Incomplete where the events of a running trial were lost.
    let goes_on = |code| code == i32::from(exit::OK) || code == i32::from(exit::INCOMPLETE);
    assert!(goes_on(accepted.code), "{case}: {accepted:?}");
    let (last, _) = report(test);
    assert!(goes_on(last.code), "{case}: {last:?}");
    reading
}

/// The report's numbers by file: all that does not tell when and where something ran.
type Outputs = BTreeMap<PathBuf, Vec<u8>>;

fn report(test: &TestRun) -> (Ended, Outputs) {
    let folder = test.run_dir().join("report");
    let _ = fs::remove_dir_all(&folder);
    let ended = test.orch("report trip");
    if !folder.is_dir() {
        return (ended, BTreeMap::new());
    }
    let numbers = |path: &PathBuf| {
        path.extension().is_some_and(|e| e == "csv" || e == "md" || e == "tex")
            || path.ends_with("table.json")
    };
    let outputs = files(&folder).into_iter().filter(numbers);
    let outputs = outputs.map(|path| (path.clone(), fs::read(folder.join(path)).unwrap()));
    let outputs = outputs.collect();
    (ended, outputs)
}

fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-r").arg(from).arg(to).status().unwrap();
    assert!(copied.success());
}
