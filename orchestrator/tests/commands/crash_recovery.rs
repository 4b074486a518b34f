//! All processes are killed, again and again: the records end as those of a run without faults.

use std::fs;

use experiments::protocol::events::Event;

use crate::common::default_file::reference_records;
use crate::common::processes;
use crate::common::signals::try_signal;
use crate::common::test_run::TestRun;
use crate::common::wait::wait_for;

const CHANGES: [(&str, &str); 1] = [(
    "steps: 20, sleep_ms: 20, checkpoint_every: 5",
    "steps: 150, sleep_ms: 10, checkpoint_every: 3",
)];

#[test]
fn kills_at_any_moment_lose_and_double_nothing() {
    let test = TestRun::with(&CHANGES);
    // Between checkpoints, right after one, and twice without a new one.
    for (attempt, step) in (1..).zip([4, 9, 10, 11, 26, 41]) {
        let run = test.start("run trip.yaml -j 1");
        test.wait_for_step("a-s0-", attempt, step);
        test.kill_all();
        drop(run);
        // A cluster needs a moment to notice it.
        let status = wait_for("the loss", || {
            let status = test.orch("status").stdout;
            status.starts_with("trip: 1 lost, 1 ").then_some(status)
        });
        assert_eq!(test.json("show state=lost --json")["id"], test.status("a-s0-").unwrap()["id"]);
        test.orch("retry state=lost")
            .expect(2, &["is lost, and no supervisor has recorded that yet"]);
        assert!(
            status.contains(
                "\nno supervisor is running; `orch run trip.yaml -j 1` resumes the run\n"
            ),
            "{status}"
        );
    }
    test.orch("run trip.yaml").expect(0, &["1 still running", "its holder was lost", "2 of 2"]);
    assert_eq!(test.attempts("a-s0-"), 7);
    for attempt in 2..=7 {
        let Event::Hello { resumed_from, .. } = test.events("a-s0-", attempt).swap_remove(0) else {
            panic!("the first event is not `hello`");
        };
        assert!(resumed_from.is_some_and(|step| step >= 3 && step % 3 == 0), "{resumed_from:?}");
    }
    assert_eq!(test.recorded(), reference_records(&CHANGES));
}

#[test]
fn trials_whose_holders_are_killed_resume_from_their_checkpoints() {
    let test = TestRun::with(&CHANGES);
    let run = test.start("run trip.yaml -j 1");
    for attempt in 1..=3 {
        test.wait_for_step("a-s0-", attempt, 12 * u64::from(attempt));
        for holder in processes::holders(&test.path("")) {
            assert!(try_signal(holder, "-KILL"));
        }
    }
    let ended = run.end();
    ended.expect(0, &["its holder was lost", "will go on"]);
    assert_eq!(test.recorded(), reference_records(&CHANGES));
}

#[test]
fn temporary_files_of_killed_writers_are_removed_by_the_next_run() {
    let test = TestRun::new();
    test.orch("run trip.yaml").expect(0, &[]);
    let (run, trial) = (test.run_dir(), test.trial("a-s0-").unwrap());
    let attempt = test.attempt("a-s0-", 1).unwrap();
    fs::create_dir(run.join("requests")).unwrap();
    let left = [
        run.join(".resolved.yaml.a1B2c3.orch.tmp"),
        run.join("requests/.1-2.json.a1B2c3.orch.tmp"),
        trial.join(".trial.json.a1B2c3.orch.tmp"),
        attempt.path().join(".exit.json.a1B2c3.orch.tmp"),
    ];
    // Files of the worker among its checkpoints are kept.
    let kept = trial.join("checkpoints/.best.orch.tmp");
    left.iter().chain([&kept]).for_each(|path| fs::write(path, "{").unwrap());
    test.orch("run trip.yaml").expect(0, &["nothing is left to do"]);
    assert!(left.iter().all(|path| !path.exists()) && kept.exists());
}
