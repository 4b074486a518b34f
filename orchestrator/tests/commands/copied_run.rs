//! A run that was copied while its trials run: the copy goes on without them.

use crate::common::test_run::TestRun;
use crate::common::wait::wait_for;

#[test]
fn a_copy_of_a_run_leaves_the_original_s_processes_alone() {
    let test = TestRun::new().gated();
    // As on a machine with room for the trials of both.
    std::fs::write(test.path("machine.yaml"), "cpus: 4\ngpus: []\n").unwrap();
    let machine = [("ORCH_INVENTORY", "machine.yaml")];
    let run = test.start_with("run trip.yaml", &machine);
    test.wait_for_step("a-s0-", 1, 10);
    test.wait_for_step("b-s0-", 1, 10);
    test.wait_for_state("a-s0-", "running");
    test.wait_for_state("b-s0-", "running");
    // Its database is not copied while it is written.
    run.kill();
    test.shell("cp -r runs copies").expect(0, &[]);
    let original = test.start_with("run trip.yaml", &machine);

    let copy = test.start_with("run trip.yaml --runs copies", &machine);
    let of_copy = |trial: &str| {
        let folder = test.trial(trial).unwrap();
        let name = folder.file_name().unwrap().to_owned();
        test.path("copies/trip/trials").join(name).join("attempt-2/events.jsonl")
    };
    wait_for("the copy's own attempts", || {
        ["a-s0-", "b-s0-"].iter().all(|trial| of_copy(trial).exists()).then_some(())
    });
    test.open_gate();
    copy.end().expect(0, &["its holder was lost; will go on", "2 of 2 trials done"]);
    original.end().expect(0, &["2 still running", "2 of 2 trials done"]);
    assert_eq!((test.attempts("a-s0-"), test.attempts("b-s0-")), (1, 1));
}
