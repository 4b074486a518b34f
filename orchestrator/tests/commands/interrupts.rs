//! Ctrl-C, once and twice, and SIGTERM.

use orchestrator::run_dir::attempt::Outcome;

use crate::common::default_file::reference_records;
use crate::common::processes;
use crate::common::test_run::TestRun;
use crate::common::wait::wait_for;

#[test]
fn an_interrupted_run_saves_checkpoints_and_resumes_later() {
    for signal in ["-INT", "-TERM"] {
        let test = TestRun::with(&[("sleep_ms: 20", "hang_at: 12")]);
        let run = test.start("run trip.yaml -j 1");
        test.wait_for_step("a-s0-", 1, 11);
        test.wait_for_state("a-s0-", "running");
        run.signal(signal);
        let ended = run.end();
        ended.expect(
            130,
            &[
                "workers are asked to end, with a checkpoint if they save any",
                "a-s0-",
                "0 of 2 trials done",
            ],
        );
        let exit = test.attempt("a-s0-", 1).unwrap().read_exit().unwrap().unwrap();
        assert_eq!(exit.outcome, Outcome::Exited { code: 75 });
        assert_eq!(test.state_history("a-s0-"), ["starting", "running", "interrupted"]);
        let status = test.orch("status").stdout;
        assert!(status.starts_with("trip: 1 interrupted, 1 queued\n"), "{status}");

        // The checkpoint was saved behind the step at which it hangs; `b` hangs there next.
        let run = test.start("run trip.yaml");
        test.wait_for_step("b-s0-", 1, 11);
        test.wait_for_state("a-s0-", "succeeded");
        run.signal(signal);
        assert_eq!(run.end().code, 130);
        test.orch("run trip.yaml").expect(0, &["1 done, 1 to resume", "2 of 2 trials done"]);
        assert_eq!((test.attempts("a-s0-"), test.attempts("b-s0-")), (2, 2));
        assert_eq!(test.recorded(), reference_records(&[]));
    }
}

#[test]
fn a_second_interrupt_kills_the_workers() {
    let test = TestRun::with(&[
        ("sleep_ms: 20", "hang_at: 7, ignore_term: true, fork_child: true"),
        ("grace: 30s", "grace: 10d"),
    ]);
    let run = test.start("run trip.yaml");
    test.wait_for_step("a-s0-", 1, 6);
    run.signal("-INT");
    let attempt = test.attempt("a-s0-", 1).unwrap();
    wait_for("the request to stop", || attempt.stop_requested().then_some(()));
    assert!(attempt.read_exit().unwrap().is_none());
    run.signal("-INT");
    let ended = run.end();
    ended.expect(130, &["interrupt again to end them now", "ending the workers now"]);
    let exit = attempt.read_exit().unwrap().unwrap();
    assert_eq!((exit.outcome, exit.killed), (Outcome::Signalled { signal: 9 }, true));
    assert_eq!(test.state("a-s0-").unwrap(), "interrupted");
    assert!(processes::holders(&test.path("")).is_empty());
}
