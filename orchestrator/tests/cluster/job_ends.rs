//! Jobs that Slurm ends: at their time limit, by preemption, by `scancel`, with their node. Every trial
//! reaches the result that it would have had.

use orchestrator::run_dir::attempt::{Outcome, StopSource};

use super::executor::Executor;
use crate::common::default_file::reference_records;
use crate::common::test_run::TestRun;
use crate::common::wait::wait_for;

/// Long enough to be interrupted.
const LONG: [(&str, &str); 1] = [("steps: 20, sleep_ms: 20", "steps: 500, sleep_ms: 20")];

fn with(executor: Executor, changes: &[(&str, &str)]) -> TestRun {
    let test = TestRun::new_on(executor);
    test.edit(changes);
    test
}

#[test]
fn a_trial_that_outlasts_its_job_continues_in_the_next() {
    // 45 seconds of work, and Slurm's warning after half a minute. The number of jobs depends on Slurm:
    // by its manual a warning may come up to a minute early.
    let changes = [
        ("steps: 20, sleep_ms: 20", "steps: 90, sleep_ms: 500"),
        ("{poll: 200ms}", "{poll: 200ms, time: 1m}"),
        ("  b: {label: Second, set: {offset: 1}}\n", ""),
    ];
    let test = with(Executor::new(), &changes);
    test.orch("run trip.yaml").expect(0, &["stopped after a checkpoint; will go on", "1 of 1"]);
    let attempts = test.attempts("a-s0-");
    assert!(attempts >= 2, "one job had enough time");
    for number in 1..=attempts {
        let exit = test.attempt("a-s0-", number).unwrap().read_exit().unwrap().unwrap();
        let warned = number < attempts;
        assert_eq!(exit.outcome, Outcome::Exited { code: if warned { 75 } else { 0 } });
        assert_eq!(exit.stop, warned.then_some(StopSource::Requested));
    }
    let faster = ("steps: 20, sleep_ms: 20", "steps: 90, sleep_ms: 0");
    assert_eq!(test.recorded(), reference_records(&[faster, changes[2]]));
}

#[test]
fn a_preempted_trial_saves_a_checkpoint_and_continues_later() {
    // It runs for as long as Slurm needs.
    let hangs = ("label: First", "label: First, set: {hang_at: 12}");
    let test = with(Executor::exclusive(&[("SLURM_NODES", "1"), ("SLURM_CPUS", "1")]), &[hangs]);
    let run = test.start("run trip.yaml");
    test.wait_for_step("a-s0-", 1, 11);
    let urgent = ["--partition=urgent", "--output=/dev/null", "--wrap=sleep 1"];
    test.executor.cluster.call("sbatch", &urgent);
    run.end().expect(0, &["a-s0-", "stopped after a checkpoint; will go on", "2 of 2 trials done"]);
    let exit = test.attempt("a-s0-", 1).unwrap().read_exit().unwrap().unwrap();
    assert_eq!(exit.outcome, Outcome::Exited { code: 75 });
    assert_eq!(test.recorded(), reference_records(&[]));
}

#[test]
fn a_job_cancelled_by_scancel_is_submitted_again() {
    let test = with(Executor::exclusive(&[("SLURM_NODES", "1"), ("SLURM_CPUS", "1")]), &LONG);
    let run = test.start("run trip.yaml");
    test.wait_for_step("a-s0-", 1, 20);
    // One runs, and the other waits.
    let jobs = wait_for("two jobs", || {
        let jobs = test.executor.cluster.jobs();
        (jobs.len() == 2).then_some(jobs)
    });
    let ids: Vec<_> = jobs.iter().map(|job| job.rsplit('|').next().unwrap()).collect();
    test.executor.cluster.call("scancel", &ids);
    run.end().expect(0, &["a-s0-", "b-s0-", "before a holder started it", "2 of 2 trials done"]);
    assert_eq!((test.attempts("a-s0-"), test.attempts("b-s0-")), (2, 2));
    assert_eq!(test.recorded(), reference_records(&LONG));
}

#[test]
fn a_trial_stopped_while_pending_never_starts() {
    let test = with(Executor::exclusive(&[("SLURM_NODES", "1"), ("SLURM_CPUS", "1")]), &LONG);
    let run = test.start("run trip.yaml");
    test.wait_for_step("a-s0-", 1, 5);
    let why = wait_for("Slurm's reason", || {
        let why = test.orch("why variant=b").stdout;
        why.contains("(Resources)").then_some(why)
    });
    assert!(why.contains("waits: no node has enough free"), "{why}");
    let status = test.status("a-s0-").unwrap();
    assert_eq!(status["job"]["state"], "RUNNING");
    assert_eq!(status["job"]["nodes"], "n1");
    test.orch("stop variant=b").expect(0, &["b-s0-", "cancelled"]);
    assert_eq!(test.executor.cluster.jobs().len(), 1);
    test.orch("stop --all").expect(0, &["a-s0-", "interrupted at step"]);
    assert_eq!(run.end().code, 130);
    wait_for("an empty queue", || test.executor.cluster.jobs().is_empty().then_some(()));
    test.orch("run trip.yaml").expect(0, &["2 of 2 trials done"]);
    assert_eq!(test.recorded(), reference_records(&LONG));
}

#[test]
fn a_trial_lost_with_its_node_continues_on_another() {
    let test = with(Executor::exclusive(&[("SLURM_CPUS", "1")]), &LONG);
    let run = test.start("run trip.yaml");
    test.wait_for_step("a-s0-", 1, 20);
    test.wait_for_step("b-s0-", 1, 20);
    let node = test.status("a-s0-").unwrap()["job"]["nodes"].as_str().unwrap().to_owned();
    test.executor.cluster.power_off(&node);
    let ended = run.end();
    ended.expect(0, &["a-s0-", "its holder was lost: its job", "NODE_FAIL", "2 of 2 trials done"]);
    assert_eq!((test.attempts("a-s0-"), test.attempts("b-s0-")), (2, 1));
    assert_eq!(test.recorded(), reference_records(&LONG));
}
