//! `orch verify --execute` trains parts of trials again, and finds checkpoints that are not those of the run.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use super::unchanged_scripts::with_script;
use crate::common::bundles::renew_manifest;
use crate::common::test_run::{Ended, TestRun};

const FILE: &str = "\
orch: 1
name: trip
worker: {command: [python3, deterministic.py]}
variants: {a: {}}
seeds: [0, 1]
report: {table: {name: table, columns: [{metric: loss}]}}
";

/// A run of two trials with four checkpoints each, as a bundle in a folder.
fn bundled() -> TestRun {
    let test = with_script(FILE, "deterministic.py");
    test.orch("run trip.yaml").expect(0, &["2 of 2 trials done"]);
    test.orch("bundle --checkpoints -o bundle").expect(0, &[]);
    test
}

fn verify(test: &TestRun, arguments: &str, environment: &[(&str, &str)]) -> Ended {
    test.start_with(&format!("verify {arguments}"), environment).end()
}

#[track_caller]
fn prints(ended: &Ended, code: i32, parts: &[&str]) {
    ended.expect(code, &[]);
    for part in parts {
        assert!(ended.stdout.contains(part), "no `{part}` in:\n{}", ended.stdout);
    }
}

#[test]
fn every_segment_is_the_same_here_and_in_another_folder() {
    let test = bundled();
    // From each checkpoint to the next one, and from the last one to the end.
    let all = ["8 of 8 segments were trained again", "bit for bit the same", "a-s1-"];
    prints(&verify(&test, "bundle --execute 100", &[]), 0, &all);
    prints(&verify(&test, "bundle --execute", &[]), 0, &["1 of 8 segments"]);
    let other = with_script("", "deterministic.py");
    let bundle = test.path("bundle").display().to_string();
    prints(&verify(&other, &format!("{bundle} --execute 100"), &[]), 0, &all);
    // Nothing is left behind, and the run was not touched.
    assert!(!other.path("runs").exists());
    test.orch("db check").expect(0, &[]);
    fs::remove_file(other.path("deterministic.py")).unwrap();
    let without = verify(&other, &format!("{bundle} --execute 2"), &[]);
    prints(&without, 3, &["NOT VERIFIED", "could not be trained again", "deterministic.py"]);
}

#[test]
fn a_program_that_is_elsewhere_here_is_found_by_its_name() {
    let test = with_script(&FILE.replace("python3", "my-python"), "deterministic.py");
    let path = std::env::var("PATH").unwrap();
    let install = |folder: &str| {
        let program = test.path(folder).join("my-python");
        fs::create_dir(test.path(folder)).unwrap();
        fs::write(&program, "#!/bin/sh\nexec python3 \"$@\"\n").unwrap();
        fs::set_permissions(program, fs::Permissions::from_mode(0o755)).unwrap();
        format!("{}:{path}", test.path(folder).display())
    };
    let run = |verb: &str, path: &str| test.start_with(verb, &[("PATH", path)]).end();
    let there = install("there");
    run("run trip.yaml", &there).expect(0, &["2 of 2 trials done"]);
    test.orch("bundle --checkpoints -o bundle").expect(0, &[]);
    fs::remove_dir_all(test.path("there")).unwrap();
    let verb = "verify bundle --execute 100";
    prints(&run(verb, &path), 3, &["NOT VERIFIED", "there/my-python` cannot be started"]);
    prints(&run(verb, &install("here")), 0, &["8 of 8 segments were trained again"]);
}

#[test]
fn another_computation_is_accepted_only_from_another_build_and_within_the_tolerance() {
    let test = bundled();
    let differs = verify(&test, "bundle --execute 100", &[("DRIFT", "1e-9")]);
    prints(&differs, 5, &["execution", "DIFFERS", "`loss` of `x` at step", "checkpoint: `04`"]);
    let other_build = [("DRIFT", "1e-9"), ("BUILD", "b2")];
    // Files that are not safetensors have no tolerance.
    prints(&verify(&test, "bundle --execute 100", &other_build), 5, &["the build was `b1`"]);
    let exceeds = verify(&test, "bundle --execute 100 --tolerance 0", &other_build);
    prints(&exceeds, 5, &["exceed the tolerance"]);
    prints(&verify(&test, "bundle --execute 100", &[("BUILD", "b2")]), 0, &["bit for bit"]);
    verify(&test, "bundle --execute 1 --tolerance 2", &[]).expect(2, &["from 0 to 1"]);
}

#[test]
fn other_code_is_not_trained() {
    let test = bundled();
    let script = test.path("deterministic.py");
    let code = fs::read_to_string(&script).unwrap();
    fs::write(&script, format!("{code}\n# other\n")).unwrap();
    let other = verify(&test, "bundle --execute 100", &[]);
    let reason = "could not be trained again: its code is not the recorded one in";
    prints(&other, 3, &["NOT VERIFIED", reason, "deterministic.py"]);
    fs::write(&script, code).unwrap();
    prints(&verify(&test, "bundle --execute 100", &[]), 0, &["bit for bit the same"]);
}

#[test]
fn an_exchanged_checkpoint_is_found_although_its_manifest_was_renewed() {
    let test = bundled();
    let trials = fs::read_dir(test.path("bundle/trials")).unwrap();
    let trial = trials.map(|trial| trial.unwrap().path()).min().unwrap();
    fs::copy(trial.join("checkpoints/02"), trial.join("checkpoints/04")).unwrap();
    renew_manifest(&test.path("bundle"));
    verify(&test, "bundle", &[]).expect(0, &[]);
    let found = verify(&test, "bundle --execute 100", &[]);
    prints(&found, 5, &["from step 4 to 6: points: `loss`", "from step 2 to 4: checkpoint: `04`"]);
}

#[test]
fn nothing_is_trained_again_without_checkpoints_or_where_no_worker_is_deterministic() {
    let test = bundled();
    test.orch("bundle -o bare").expect(0, &["left out: checkpoints, 8 files"]);
    prints(&verify(&test, "bare --execute", &[]), 3, &["the bundle has no checkpoints"]);
    let test = TestRun::to_bundle();
    test.bundle_folder("bundle");
    let not = verify(&test, "bundle --execute", &[]);
    prints(&not, 3, &["NOT VERIFIED", "no worker says that its training is deterministic"]);
}
