//! Everything is killed, again and again: the records end as if nothing had happened.

use std::fs;

use experiments::protocol::events::Event;

use crate::lab::{Lab, undisturbed, wait_for};

const CHANGES: [(&str, &str); 1] = [(
    "steps: 20, sleep_ms: 20, checkpoint_every: 5",
    "steps: 150, sleep_ms: 10, checkpoint_every: 3",
)];

#[test]
fn kills_at_any_moment_lose_and_double_nothing() {
    let lab = Lab::with(&CHANGES);
    // Between checkpoints, right after one, and twice without a new one.
    for (attempt, step) in (1..).zip([4, 9, 10, 11, 26, 41]) {
        let run = lab.start("run trip.yaml -j 1");
        lab.reach("a-s0-", attempt, step);
        lab.kill_everything();
        drop(run);
        // A cluster needs a moment to see it.
        let status = wait_for("the loss", || {
            let status = lab.orch("status").stdout;
            status.starts_with("trip: 1 lost, 1 ").then_some(status)
        });
        assert_eq!(lab.json("show state=lost --json")["id"], lab.status("a-s0-").unwrap()["id"]);
        lab.orch("retry state=lost").says(2, &["is lost, and no supervisor has recorded that yet"]);
        assert!(
            status.contains(
                "\nno supervisor is running; `orch run trip.yaml -j 1` resumes the run\n"
            ),
            "{status}"
        );
    }
    lab.orch("run trip.yaml").says(0, &["1 still running", "its holder was lost", "2 of 2"]);
    assert_eq!(lab.attempts("a-s0-"), 7);
    for attempt in 2..=7 {
        let Event::Hello { resumed_from, .. } = lab.events("a-s0-", attempt).swap_remove(0) else {
            panic!("the first word is no hello");
        };
        assert!(resumed_from.is_some_and(|step| step >= 3 && step % 3 == 0), "{resumed_from:?}");
    }
    assert_eq!(lab.recorded(), undisturbed(&CHANGES));
}

#[test]
fn killed_workers_alone_go_on_from_their_checkpoints() {
    let lab = Lab::with(&CHANGES);
    let run = lab.start("run trip.yaml -j 1");
    for attempt in 1..=3 {
        lab.reach("a-s0-", attempt, 12 * u64::from(attempt));
        for holder in crate::processes::holders(&lab.path("")) {
            assert!(crate::processes::try_signal(holder, "-KILL"));
        }
    }
    let ended = run.end();
    ended.says(0, &["its holder was lost", "will go on"]);
    assert_eq!(lab.recorded(), undisturbed(&CHANGES));
}

#[test]
fn what_killed_writers_left_aside_is_removed_by_the_next_run() {
    let lab = Lab::new();
    lab.orch("run trip.yaml").says(0, &[]);
    let (run, trial) = (lab.run_folder(), lab.trial("a-s0-").unwrap());
    let attempt = lab.attempt("a-s0-", 1).unwrap();
    fs::create_dir(run.join("requests")).unwrap();
    let left = [
        run.join(".experiment.yaml.a1B2c3.orch.tmp"),
        run.join("requests/.1-2.json.a1B2c3.orch.tmp"),
        trial.join(".trial.json.a1B2c3.orch.tmp"),
        attempt.path().join(".exit.json.a1B2c3.orch.tmp"),
    ];
    // What a worker keeps among its checkpoints is its own.
    let kept = trial.join("checkpoints/.best.orch.tmp");
    left.iter().chain([&kept]).for_each(|path| fs::write(path, "{").unwrap());
    lab.orch("run trip.yaml").says(0, &["nothing is left to do"]);
    assert!(left.iter().all(|path| !path.exists()) && kept.exists());
}
