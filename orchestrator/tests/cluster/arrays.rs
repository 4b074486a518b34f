//! Hundreds of trials, submitted as job arrays.

use std::collections::BTreeSet;
use std::fs;

use super::executor::Executor;
use crate::common::test_run::{Recorded, TestRun};

#[test]
fn five_hundred_trials_are_submitted_as_arrays_and_each_is_done_once() {
    let seeds: Vec<_> = (0..250).map(|seed| seed.to_string()).collect();
    let test = TestRun::new_on(Executor::exclusive(&[("SLURM_CPUS", "8")]));
    test.edit(&[
        ("steps: 20, sleep_ms: 20", "steps: 2, sleep_ms: 0"),
        ("seeds: [0]", &format!("seeds: [{}]", seeds.join(", "))),
        ("{poll: 200ms}", "{poll: 1s, max_submit: 150}"),
    ]);
    test.orch("run trip.yaml").expect(0, &["500 trials: 500 new", "500 of 500 trials done"]);
    let Recorded { loss: points, results } = test.recorded();
    assert_eq!((points.len(), results.len()), (500, 500));
    assert!(points.values().all(|points| points.len() == 2));
    // The first submission fills the queue up to its limit.
    let submissions = fs::read_dir(test.run_dir().join("slurm")).unwrap();
    let sizes: BTreeSet<_> = submissions
        .map(|entry| fs::read_to_string(entry.unwrap().path().join("attempts")).unwrap())
        .map(|attempts| attempts.lines().count())
        .collect();
    assert_eq!(sizes.last(), Some(&150));
    let journal = fs::read_to_string(test.run_dir().join("journal.jsonl")).unwrap();
    assert_eq!(journal.matches("\"state\":\"succeeded\"").count(), 500);
}
