//! Power cuts: the runs lie on a disk of their own, whose content is copied at random moments. What is in
//! a copy is what a power cut would have left. The experiment must go on there, and whatever was called
//! done must still be there, undamaged.
//!
//! `CUTS` is the number of cuts. It needs the right to mount a disk image.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

use experiments::protocol::trial_id::TrialId;
use fastrand::Rng;
use orchestrator::scheduler::State;
use orchestrator::store::journal_file::{Entry, Line};

use super::checks;
use super::survival::number;
use crate::common::processes;
use crate::common::signals::try_signal;
use crate::common::test_run::TestRun;

/// The number of cuts without `CUTS`.
const DEFAULT_CUTS: u64 = 3;

/// Many short trials, so that some have just ended at any moment.
const FILE: &str = "\
orch: 1
name: trip
worker: {command: [fake-worker], check: [fake-worker, check]}
resources: {disk: 1MiB}
config: {steps: 12, sleep_ms: 10, checkpoint_every: 4}
variants: {a: {}, b: {set: {offset: 1}}, c: {set: {offset: 2}}}
seeds: [0, 1, 2, 3]
report: {figures: [{curve: {name: loss, metric: loss}}]}
";

/// A disk image, mounted at a test's folder of runs.
struct Image {
    file: PathBuf,
    folder: PathBuf,
}

impl Image {
    /// An empty one; `None` where that is not permitted.
    fn new(test: &TestRun) -> Option<Self> {
        let file = test.path("disk.img");
        fs::File::create(&file).unwrap().set_len(48 << 20).unwrap();
        let made = Command::new("mkfs.ext4").arg("-q").arg(&file).output();
        if !made.is_ok_and(|output| output.status.success()) {
            return None;
        }
        Self::mount(test, file)
    }

    fn mount(test: &TestRun, file: PathBuf) -> Option<Self> {
        let folder = test.path("runs");
        fs::create_dir(&folder).unwrap();
        let mounted = Command::new("mount").args(["-o", "loop"]).args([&file, &folder]).output();
        mounted.is_ok_and(|output| output.status.success()).then_some(Self { file, folder })
    }

    /// Copies what is on the disk now. No process of the test writes meanwhile.
    fn copy(&self, test: &TestRun, to: &Path) {
        let processes = processes::of(test.folder.path());
        for pid in &processes {
            try_signal(*pid, "-STOP");
        }
        fs::copy(&self.file, to).unwrap();
        for pid in &processes {
            try_signal(*pid, "-CONT");
        }
    }
}

impl Drop for Image {
    fn drop(&mut self) {
        // A process that was just killed may still have a file open.
        let _ = Command::new("umount").arg("--lazy").arg(&self.folder).output();
    }
}

#[test]
#[expect(clippy::print_stdout, reason = "the figures are for people")]
fn a_power_cut_loses_nothing_that_was_called_done() {
    let cuts = number("CUTS").unwrap_or(DEFAULT_CUTS);
    let mut random = Rng::with_seed(number("SEED").unwrap_or(1));
    let undisturbed = TestRun::with_file(FILE);
    undisturbed.orch("run trip.yaml").expect(0, &["12 of 12 trials done"]);

    let copies = tempfile::tempdir().unwrap();
    let mut cut = 0;
    while cut < cuts {
        let test = TestRun::with_file(FILE);
        let Some(image) = Image::new(&test) else {
            println!("not possible here: a disk image cannot be mounted");
            return;
        };
        let running = test.start("run trip.yaml -j 3");
        let these = cut..cuts.min(cut + 3);
        for number in these.clone() {
            thread::sleep(Duration::from_millis(random.u64(50..500)));
            image.copy(&test, &copies.path().join(number.to_string()));
        }
        cut = these.end;
        running.end().expect(0, &["12 of 12 trials done"]);
    }
    for cut in 0..cuts {
        let test = TestRun::with_file(FILE);
        let image = Image::mount(&test, copies.path().join(cut.to_string())).unwrap();
        if !test.run_dir().is_dir() {
            println!("cut {cut}: before the run was there");
            continue;
        }
        let done = successes(&test);
        // Exit code 5 if anything that was done is damaged.
        if test.run_dir().join("journal.jsonl").is_file() {
            let ended = test.orch("status");
            assert_eq!(ended.code, 0, "cut {cut}: {ended:?}");
        }
        test.orch("run trip.yaml").expect(0, &[]);
        let all = successes(&test);
        assert!(all.len() == 12 && all.values().all(|times| *times == 1), "cut {cut}: {all:?}");
        println!("cut {cut}: {} of 12 trials were done", done.len());
        assert_eq!(test.recorded(), undisturbed.recorded(), "cut {cut}");
        checks::the_database_follows_from_the_files(&test);
        test.kill_all();
        drop(image);
    }
}

/// How often each trial has succeeded, by the journal.
fn successes(test: &TestRun) -> BTreeMap<TrialId, u32> {
    let text = fs::read_to_string(test.run_dir().join("journal.jsonl")).unwrap_or_default();
    let mut successes = BTreeMap::new();
    // A torn line is no decision.
    for line in text.lines().filter_map(|line| serde_json::from_str::<Line>(line).ok()) {
        if let Entry::Changed { trial, to: State::Succeeded { .. }, .. } = line.entry {
            *successes.entry(trial).or_insert(0) += 1;
        }
    }
    successes
}
