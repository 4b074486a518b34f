//! Very many trials, through arrays.

use std::collections::BTreeSet;
use std::fs;

use crate::lab::Lab;
use crate::place::Place;

#[test]
fn five_hundred_trials_are_submitted_as_arrays_and_each_is_done_once() {
    let seeds: Vec<_> = (0..250).map(|seed| seed.to_string()).collect();
    let lab = Lab::new_at(Place::alone(&[("SLURM_CPUS", "8")]));
    lab.edit(&[
        ("steps: 20, sleep_ms: 20", "steps: 2, sleep_ms: 0"),
        ("seeds: [0]", &format!("seeds: [{}]", seeds.join(", "))),
        ("{poll: 200ms}", "{poll: 1s, max_submit: 150}"),
    ]);
    lab.orch("run trip.yaml").says(0, &["500 trials: 500 new", "500 of 500 trials done"]);
    let (points, results) = lab.recorded();
    assert_eq!((points.len(), results.len()), (500, 500));
    assert!(points.values().all(|points| points.len() == 2));
    // No more in the queue than may be: the first submission is all of these.
    let submissions = fs::read_dir(lab.run_folder().join("slurm")).unwrap();
    let sizes: BTreeSet<_> = submissions
        .map(|entry| fs::read_to_string(entry.unwrap().path().join("attempts")).unwrap())
        .map(|attempts| attempts.lines().count())
        .collect();
    assert_eq!(sizes.last(), Some(&150));
    let journal = fs::read_to_string(lab.run_folder().join("journal.jsonl")).unwrap();
    assert_eq!(journal.matches("\"state\":\"succeeded\"").count(), 500);
}
