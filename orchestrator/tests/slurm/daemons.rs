//! Slurm's own daemons are killed, and the supervisor moves: no trial is disturbed by that.

use std::process::Command;

use crate::common::lab::Ended;
use crate::lab::{Lab, undisturbed, wait_for};
use crate::place::Place;

/// Long enough for a daemon to be killed and to come back.
const LONG: (&str, &str) = ("steps: 20, sleep_ms: 20", "steps: 500, sleep_ms: 20");

fn lab(changes: &[(&str, &str)]) -> Lab {
    let lab = Lab::new_at(Place::alone(&[]));
    lab.edit(changes);
    lab
}

#[test]
fn without_a_controller_nothing_is_known_and_nothing_is_lost() {
    let lab = lab(&[LONG]);
    let run = lab.start("run trip.yaml -j 1");
    lab.reach("a-s0-", 1, 20);
    lab.place.cluster.strike("kill", "slurmctld");
    // `a` ends meanwhile, and `b` cannot be submitted.
    lab.settle("a-s0-", "succeeded");
    wait_for("the reason", || {
        let status = lab.status("b-s0-")?;
        let reason = status["status"]["reason"].as_str()?.to_owned();
        reason.starts_with("Slurm ").then_some(())
    });
    lab.place.cluster.up_again();
    let ended = run.end();
    ended.says(0, &["no trial can be started: Slurm ", "2 of 2 trials done"]);
    assert_eq!(lab.attempts("a-s0-"), 1);
    assert_eq!(lab.recorded(), undisturbed(&[LONG]));
}

#[test]
fn a_node_s_daemon_may_die_over_its_jobs() {
    let lab = lab(&[LONG]);
    let run = lab.start("run trip.yaml");
    lab.reach("a-s0-", 1, 20);
    for daemon in ["slurmd-n1", "slurmd-n2"] {
        lab.place.cluster.strike("kill", daemon);
    }
    lab.place.cluster.up_again();
    run.end().says(0, &["2 of 2 trials done"]);
    assert_eq!((lab.attempts("a-s0-"), lab.attempts("b-s0-")), (1, 1));
    assert_eq!(lab.recorded(), undisturbed(&[LONG]));
}

#[test]
fn a_run_without_a_controller_is_refused_in_slurm_s_words() {
    let lab = lab(&[]);
    lab.place.cluster.strike("kill", "slurmctld");
    let refused = lab.orch("run trip.yaml");
    refused.says(1, &["Slurm would not accept a trial's job", "`sbatch` failed: "]);
    assert!(!lab.run_folder().exists(), "something was begun");
}

#[test]
fn what_slurm_would_never_take_is_refused_before_anything_is_submitted() {
    for (settings, words) in [
        ("partition: gpuu", "invalid partition specified: gpuu"),
        ("gres: \"gpu:64\"", "Requested node configuration is not available"),
        ("extra: [\"--no-such-option\"]", "no-such-option"),
    ] {
        let lab = Lab::new();
        lab.edit(&[("{poll: 200ms}", &format!("{{poll: 200ms, {settings}}}"))]);
        let refused = lab.orch("run trip.yaml");
        refused.says(1, &["Slurm would not accept a trial's job", words]);
        assert_eq!(refused.stderr.matches(words).count(), 1, "{}", refused.stderr);
        assert!(!lab.run_folder().exists(), "something was begun");
    }
}

#[test]
fn a_supervisor_on_another_machine_takes_the_run_up() {
    let lab = lab(&[LONG]);
    let run = lab.start("run trip.yaml");
    lab.reach("a-s0-", 1, 10);
    lab.reach("b-s0-", 1, 10);
    run.kill();
    // A job of Slurm's is a machine of its own; and so it goes on when the first one is lost, too.
    let orch = lab.command("");
    let words: Vec<_> = orch.get_envs().filter_map(|(name, value)| Some((name, value?))).collect();
    let out = lab.path("supervisor.log");
    let mut sbatch = Command::new("sbatch");
    sbatch
        .envs(words)
        .current_dir(lab.path(""))
        .args(["--wait", "--dependency=singleton", "--job-name=supervisor", "--output"])
        .arg(&out)
        .arg(format!("--wrap={} run trip.yaml", env!("CARGO_BIN_EXE_orch")));
    let ended = Ended::of(sbatch.output().unwrap());
    let said = std::fs::read_to_string(out).unwrap();
    assert_eq!(ended.code, 0, "{}{said}", ended.stderr);
    assert!(said.contains("2 still running") && said.contains("2 of 2 trials done"), "{said}");
    assert_eq!((lab.attempts("a-s0-"), lab.attempts("b-s0-")), (1, 1));
    assert_eq!(lab.recorded(), undisturbed(&[LONG]));
}
