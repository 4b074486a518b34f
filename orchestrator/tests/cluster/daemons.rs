//! Slurm's own daemons are killed, and the supervisor moves to another machine: no attempt is lost.

use std::process::Command;

use super::executor::Executor;
use crate::common::default_file::reference_records;
use crate::common::test_run::Ended;
use crate::common::test_run::TestRun;
use crate::common::wait::wait_for;

/// Long enough for a daemon to be killed and restarted.
const LONG: (&str, &str) = ("steps: 20, sleep_ms: 20", "steps: 500, sleep_ms: 20");

fn exclusive(changes: &[(&str, &str)]) -> TestRun {
    let test = TestRun::new_on(Executor::exclusive(&[]));
    test.edit(changes);
    test
}

#[test]
fn without_a_controller_no_attempt_is_taken_for_lost() {
    let test = exclusive(&[LONG]);
    let run = test.start("run trip.yaml -j 1");
    test.wait_for_step("a-s0-", 1, 20);
    test.executor.cluster.kill("slurmctld");
    // `a` ends meanwhile, and `b` cannot be submitted.
    test.wait_for_state("a-s0-", "succeeded");
    wait_for("the reason", || {
        let status = test.status("b-s0-")?;
        let reason = status["status"]["reason"].as_str()?.to_owned();
        reason.starts_with("Slurm ").then_some(())
    });
    test.executor.cluster.restart();
    let ended = run.end();
    ended.expect(0, &["no trial can be started: Slurm ", "2 of 2 trials done"]);
    assert_eq!(test.attempts("a-s0-"), 1);
    assert_eq!(test.recorded(), reference_records(&[LONG]));
}

#[test]
fn jobs_survive_the_daemons_of_their_nodes() {
    let test = exclusive(&[LONG]);
    let run = test.start("run trip.yaml");
    test.wait_for_step("a-s0-", 1, 20);
    for daemon in ["slurmd-n1", "slurmd-n2"] {
        test.executor.cluster.kill(daemon);
    }
    test.executor.cluster.restart();
    run.end().expect(0, &["2 of 2 trials done"]);
    assert_eq!((test.attempts("a-s0-"), test.attempts("b-s0-")), (1, 1));
    assert_eq!(test.recorded(), reference_records(&[LONG]));
}

#[test]
fn a_run_without_a_controller_is_refused_with_slurms_own_message() {
    let test = exclusive(&[]);
    test.executor.cluster.kill("slurmctld");
    let refused = test.orch("run trip.yaml");
    refused.expect(1, &["Slurm would not accept a trial's job", "`sbatch` failed: "]);
    assert!(!test.run_dir().exists(), "a run was started");
}

#[test]
fn settings_that_slurm_rejects_are_refused_before_anything_is_submitted() {
    for (settings, words) in [
        ("partition: gpuu", "invalid partition specified: gpuu"),
        ("gres: \"gpu:64\"", "Requested node configuration is not available"),
        ("extra: [\"--no-such-option\"]", "no-such-option"),
    ] {
        let test = TestRun::new();
        test.edit(&[("{poll: 200ms}", &format!("{{poll: 200ms, {settings}}}"))]);
        let refused = test.orch("run trip.yaml");
        refused.expect(1, &["Slurm would not accept a trial's job", words]);
        assert_eq!(refused.stderr.matches(words).count(), 1, "{}", refused.stderr);
        assert!(!test.run_dir().exists(), "a run was started");
    }
}

#[test]
fn a_supervisor_on_another_machine_continues_the_run() {
    let test = exclusive(&[LONG]);
    let run = test.start("run trip.yaml");
    test.wait_for_step("a-s0-", 1, 10);
    test.wait_for_step("b-s0-", 1, 10);
    run.kill();
    // A Slurm job runs on a machine of its own, as after the loss of the first.
    let orch = test.command("");
    let environment: Vec<_> =
        orch.get_envs().filter_map(|(name, value)| Some((name, value?))).collect();
    let out = test.path("supervisor.log");
    let mut sbatch = Command::new("sbatch");
    sbatch
        .envs(environment)
        .current_dir(test.path(""))
        .args(["--wait", "--dependency=singleton", "--job-name=supervisor", "--output"])
        .arg(&out)
        .arg(format!("--wrap={} run trip.yaml", env!("CARGO_BIN_EXE_orch")));
    let ended = Ended::of(sbatch.output().unwrap());
    let log = std::fs::read_to_string(out).unwrap();
    assert_eq!(ended.code, 0, "{}{log}", ended.stderr);
    assert!(log.contains("2 still running") && log.contains("2 of 2 trials done"), "{log}");
    assert_eq!((test.attempts("a-s0-"), test.attempts("b-s0-")), (1, 1));
    assert_eq!(test.recorded(), reference_records(&[LONG]));
}
