//! Slurm's own daemons are killed, and the supervisor moves: no trial is disturbed by that.

use std::process::Command;

use super::executor::Executor;
use crate::common::default_file::reference_records;
use crate::common::test_run::Ended;
use crate::common::test_run::TestRun;
use crate::common::wait::wait_for;

/// Long enough for a daemon to be killed and to come back.
const LONG: (&str, &str) = ("steps: 20, sleep_ms: 20", "steps: 500, sleep_ms: 20");

fn exclusive(changes: &[(&str, &str)]) -> TestRun {
    let test = TestRun::new_on(Executor::exclusive(&[]));
    test.edit(changes);
    test
}

#[test]
fn without_a_controller_nothing_is_known_and_nothing_is_lost() {
    let test = exclusive(&[LONG]);
    let run = test.start("run trip.yaml -j 1");
    test.wait_for_step("a-s0-", 1, 20);
    test.executor.cluster.strike("kill", "slurmctld");
    // `a` ends meanwhile, and `b` cannot be submitted.
    test.wait_for_state("a-s0-", "succeeded");
    wait_for("the reason", || {
        let status = test.status("b-s0-")?;
        let reason = status["status"]["reason"].as_str()?.to_owned();
        reason.starts_with("Slurm ").then_some(())
    });
    test.executor.cluster.up_again();
    let ended = run.end();
    ended.expect(0, &["nothing is started now: Slurm ", "2 of 2 trials done"]);
    assert_eq!(test.attempts("a-s0-"), 1);
    assert_eq!(test.recorded(), reference_records(&[LONG]));
}

#[test]
fn a_node_s_daemon_may_die_over_its_jobs() {
    let test = exclusive(&[LONG]);
    let run = test.start("run trip.yaml");
    test.wait_for_step("a-s0-", 1, 20);
    for daemon in ["slurmd-n1", "slurmd-n2"] {
        test.executor.cluster.strike("kill", daemon);
    }
    test.executor.cluster.up_again();
    run.end().expect(0, &["2 of 2 trials done"]);
    assert_eq!((test.attempts("a-s0-"), test.attempts("b-s0-")), (1, 1));
    assert_eq!(test.recorded(), reference_records(&[LONG]));
}

#[test]
fn a_run_without_a_controller_is_refused_in_slurm_s_words() {
    let test = exclusive(&[]);
    test.executor.cluster.strike("kill", "slurmctld");
    let refused = test.orch("run trip.yaml");
    refused.expect(1, &["Slurm would not take a trial's job", "`sbatch` says: "]);
    assert!(!test.run_dir().exists(), "something was begun");
}

#[test]
fn what_slurm_would_never_take_is_refused_before_anything_is_submitted() {
    for (settings, words) in [
        ("partition: gpuu", "invalid partition specified: gpuu"),
        ("gres: \"gpu:64\"", "Requested node configuration is not available"),
        ("extra: [\"--no-such-option\"]", "no-such-option"),
    ] {
        let test = TestRun::new();
        test.edit(&[("{poll: 200ms}", &format!("{{poll: 200ms, {settings}}}"))]);
        let refused = test.orch("run trip.yaml");
        refused.expect(1, &["Slurm would not take a trial's job", words]);
        assert_eq!(refused.stderr.matches(words).count(), 1, "{}", refused.stderr);
        assert!(!test.run_dir().exists(), "something was begun");
    }
}

#[test]
fn a_supervisor_on_another_machine_takes_the_run_up() {
    let test = exclusive(&[LONG]);
    let run = test.start("run trip.yaml");
    test.wait_for_step("a-s0-", 1, 10);
    test.wait_for_step("b-s0-", 1, 10);
    run.kill();
    // A job of Slurm's is a machine of its own; and so it goes on when the first one is lost, too.
    let orch = test.command("");
    let words: Vec<_> = orch.get_envs().filter_map(|(name, value)| Some((name, value?))).collect();
    let out = test.path("supervisor.log");
    let mut sbatch = Command::new("sbatch");
    sbatch
        .envs(words)
        .current_dir(test.path(""))
        .args(["--wait", "--dependency=singleton", "--job-name=supervisor", "--output"])
        .arg(&out)
        .arg(format!("--wrap={} run trip.yaml", env!("CARGO_BIN_EXE_orch")));
    let ended = Ended::of(sbatch.output().unwrap());
    let said = std::fs::read_to_string(out).unwrap();
    assert_eq!(ended.code, 0, "{}{said}", ended.stderr);
    assert!(said.contains("2 still running") && said.contains("2 of 2 trials done"), "{said}");
    assert_eq!((test.attempts("a-s0-"), test.attempts("b-s0-")), (1, 1));
    assert_eq!(test.recorded(), reference_records(&[LONG]));
}
