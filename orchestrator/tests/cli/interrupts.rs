//! Ctrl-C, once and twice, and a polite request by SIGTERM.

use orchestrator::run_dir::attempt::Outcome;

use crate::lab::{Lab, undisturbed, wait_for};
use crate::processes;

#[test]
fn an_interrupted_run_checkpoints_and_goes_on_later() {
    for signal in ["-INT", "-TERM"] {
        let lab = Lab::with(&[("sleep_ms: 20", "hang_at: 12")]);
        let run = lab.start("run trip.yaml -j 1");
        lab.reach("a-s0-", 1, 11);
        lab.settle("a-s0-", "running");
        run.signal(signal);
        let ended = run.end();
        ended.says(130, &["workers save a checkpoint first", "a-s0-", "0 of 2 trials done"]);
        let exit = lab.attempt("a-s0-", 1).unwrap().read_exit().unwrap().unwrap();
        assert_eq!(exit.outcome, Outcome::Exited { code: 75 });
        assert_eq!(lab.journey("a-s0-"), ["starting", "running", "interrupted"]);
        let status = lab.orch("status").stdout;
        assert!(status.starts_with("trip: 1 interrupted, 1 queued\n"), "{status}");

        // The checkpoint was saved behind the step at which it hangs; `b` hangs there next.
        let run = lab.start("run trip.yaml");
        lab.reach("b-s0-", 1, 11);
        lab.settle("a-s0-", "succeeded");
        run.signal(signal);
        assert_eq!(run.end().code, 130);
        lab.orch("run trip.yaml").says(0, &["1 done, 1 to resume", "2 of 2 trials done"]);
        assert_eq!((lab.attempts("a-s0-"), lab.attempts("b-s0-")), (2, 2));
        assert_eq!(lab.recorded(), undisturbed(&[]));
    }
}

#[test]
fn a_second_interrupt_waits_for_nobody() {
    let lab = Lab::with(&[
        ("sleep_ms: 20", "hang_at: 7, ignore_term: true, fork_child: true"),
        ("grace: 30s", "grace: 10d"),
    ]);
    let run = lab.start("run trip.yaml");
    lab.reach("a-s0-", 1, 6);
    run.signal("-INT");
    let attempt = lab.attempt("a-s0-", 1).unwrap();
    wait_for("the request to stop", || attempt.stop_requested().then_some(()));
    assert!(attempt.read_exit().unwrap().is_none());
    run.signal("-INT");
    let ended = run.end();
    ended.says(130, &["interrupt again to end them now", "ending the workers now"]);
    let exit = attempt.read_exit().unwrap().unwrap();
    assert_eq!((exit.outcome, exit.killed), (Outcome::Signalled { signal: 9 }, true));
    assert_eq!(lab.state("a-s0-").unwrap(), "interrupted");
    assert!(processes::holders(&lab.path("")).is_empty());
}
