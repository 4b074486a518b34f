//! Trials without events and output.

use crate::common::default_file::reference_records;
use crate::common::test_run::TestRun;
use crate::common::wait::wait_for;

#[test]
fn a_stalled_trial_is_flagged() {
    let test = TestRun::with(&[
        ("sleep_ms: 20", "hang_at: 7"),
        ("seeds:", "stall: {after: 300ms}\nseeds:"),
    ]);
    let run = test.start("run trip.yaml -j 1");
    wait_for("the flag", || {
        test.status("a-s0-").filter(|trial| trial["stalled_since"].is_string())
    });
    let status = test.orch("status").stdout;
    assert!(status.contains("stalled: no event and no output since 20"), "{status}");
    let why = test.orch("why variant=a").stdout;
    assert!(why.contains("prints its output; `orch stop a-s0-"), "{why}");
    test.orch("stop --all").expect(0, &["interrupted at step 7"]);
    run.end().expect(130, &["a-s0-", ": stalled: no event and no output for "]);
    assert!(!test.orch("status").stdout.contains("stalled"));
}

#[test]
fn a_stalled_trial_is_retried_where_the_file_asks_for_it() {
    let test = TestRun::with(&[
        ("sleep_ms: 20", "hang_at: 7"),
        ("seeds:", "stall: {after: 2s, then: retry}\nseeds:"),
    ]);
    let ended = test.orch("run trip.yaml");
    ended
        .expect(0, &["queued: stalled: no events and no output; will go on", "2 of 2 trials done"]);
    assert!(test.attempts("a-s0-") > 1);
    assert_eq!(test.recorded(), reference_records(&[]));
}
