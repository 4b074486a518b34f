//! Trials of which nothing is heard.

use crate::lab::{Lab, undisturbed, wait_for};

#[test]
fn a_silent_trial_is_flagged() {
    let lab =
        Lab::with(&[("sleep_ms: 20", "hang_at: 7"), ("seeds:", "stall: {after: 300ms}\nseeds:")]);
    let run = lab.start("run trip.yaml -j 1");
    wait_for("the flag", || lab.status("a-s0-").filter(|trial| trial["stalled_since"].is_string()));
    let status = lab.orch("status").stdout;
    assert!(status.contains("stalled: no event and no output since 20"), "{status}");
    let why = lab.orch("why variant=a").stdout;
    assert!(why.contains("prints its output; `orch stop a-s0-"), "{why}");
    lab.orch("stop --all").says(0, &["interrupted at step 7"]);
    run.end().says(130, &["a-s0-", ": stalled: no event and no output for "]);
    assert!(!lab.orch("status").stdout.contains("stalled"));
}

#[test]
fn a_silent_trial_is_tried_again_where_the_file_says_so() {
    let lab = Lab::with(&[
        ("sleep_ms: 20", "hang_at: 7"),
        ("seeds:", "stall: {after: 2s, then: retry}\nseeds:"),
    ]);
    let ended = lab.orch("run trip.yaml");
    ended.says(0, &["queued: stalled: no events and no output; will go on", "2 of 2 trials done"]);
    assert!(lab.attempts("a-s0-") > 1);
    assert_eq!(lab.recorded(), undisturbed(&[]));
}
