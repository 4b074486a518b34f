//! Runs without faults: every trial succeeds, and everything is recorded.

use std::fs;

use experiments::protocol::events::Event;
use serde_json::json;

use crate::common::test_run::{Recorded, TestRun};

#[test]
fn every_trial_succeeds_once() {
    let test = TestRun::new();
    let ended = test.orch("run trip.yaml");
    ended.expect(0, &["trip: 2 trials: 2 new\n", ": succeeded\n", "2 of 2 trials done"]);
    assert_eq!(ended.stdout, "");
    for trial in ["a-s0-", "b-s0-"] {
        let states = test.state_history(trial);
        // `running` and `queued` depend on the speed of the machine.
        assert_eq!(states.iter().filter(|state| *state == "starting").count(), 1);
        assert_eq!(states.last().unwrap(), "succeeded");
    }

    let records = || {
        let record = |name| fs::read(test.run_dir().join(name)).unwrap();
        ["journal.jsonl", "orch.db", "resolved.yaml"].map(record)
    };
    let before = records();
    let again = test.orch("run trip.yaml");
    again.expect(0, &["trip: 2 trials: 2 done\n", "nothing is left to do"]);
    assert!(records() == before, "nothing is recorded where nothing has happened");
    assert_eq!((test.attempts("a-s0-"), test.attempts("b-s0-")), (1, 1));
}

#[test]
fn the_records_are_what_the_worker_reported() {
    let test = TestRun::with(&[("seeds: [0]", "seeds: [0, 3]")]);
    test.orch("run trip.yaml -q").expect(0, &[]);
    let Recorded { loss: series, results } = test.recorded();
    assert_eq!(series.len(), 4);
    for (trial, points) in &series {
        let (mut reported, mut last) = (Vec::new(), None);
        for event in test.events(trial, 1) {
            match event {
                Event::Metrics { step, values, .. } => reported.push((step, values["loss"].0)),
                Event::Result { values } => last = Some(values),
                _ => {}
            }
        }
        assert_eq!(reported.len(), 20);
        assert_eq!(*points, reported, "{trial}");
        let last = last.unwrap().into_iter().map(|(metric, value)| (metric, value.0));
        assert_eq!(results[trial], last.collect(), "{trial}");
    }
}

#[test]
fn json_output_is_one_object_and_nothing_else() {
    let test = TestRun::new();
    let plan = test.json("run trip.yaml -n --json");
    assert_eq!(plan["trials"][0]["plan"], "new");
    assert_eq!(plan["trials"][1]["config"]["crash_at"], 0, "the check fills defaults in");

    let run = test.json("run trip.yaml --json");
    assert_eq!((&run["succeeded"], &run["failed"]), (&json!(2), &json!(0)));
    assert_eq!(run["ended"][0]["status"], json!({"state": "succeeded", "attempt": 1}));

    let status = test.json("status --json");
    assert_eq!(status["run"], "trip");
    let first = &status["trials"][0];
    assert_eq!((&first["variant"], &first["seed"]), (&json!("a"), &json!(0)));
    assert_eq!(first["progress"], json!({"phase": "train", "step": 20, "of": 20}));

    let report = test.json("report --json");
    assert_eq!(report["incomplete"], json!([]));
    for file in report["files"].as_array().unwrap() {
        assert!(test.path(file.as_str().unwrap()).is_file(), "{file}");
    }
}

#[test]
fn status_and_report_show_tables_on_standard_output() {
    let test = TestRun::new();
    test.orch("run trip.yaml").expect(0, &[]);
    let status = test.orch("status trip");
    assert_eq!((status.code, status.stderr.as_str()), (0, ""));
    assert!(status.stdout.starts_with("trip: 2 succeeded\n"), "{}", status.stdout);
    let report = test.orch("report trip");
    assert_eq!(report.code, 0, "{}", report.stderr);
    assert!(report.stdout.contains("Second"), "{}", report.stdout);
    assert!(report.stderr.contains("table.tex"), "{}", report.stderr);
}

#[test]
fn quiet_prints_nothing_without_failures() {
    let test = TestRun::new();
    let ended = test.orch("run trip.yaml --quiet");
    assert_eq!((ended.code, ended.stdout.as_str(), ended.stderr.as_str()), (0, "", ""));
}
