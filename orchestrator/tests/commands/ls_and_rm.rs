//! `orch ls` and `orch rm`.

use std::fs;

use crate::common::test_run::{Ended, TestRun};
use crate::common::wait::wait_for;

#[test]
fn every_run_is_listed_with_its_state_and_what_is_done() {
    let test = TestRun::new();
    test.orch("ls").expect(0, &["nothing has been run in `runs` yet"]);
    test.orch("run trip.yaml -q").expect(0, &[]);
    test.edit(&[("name: trip", "name: broken"), ("checkpoint_every: 5", "crash_at: 3")]);
    test.orch("run trip.yaml -q").expect(1, &[]);
    let listed = test.orch("ls").stdout;
    let words: Vec<Vec<_>> =
        listed.lines().map(|l| l.split_whitespace().take(3).collect()).collect();
    assert_eq!(
        words,
        [["run", "state", "done"], ["broken", "failed", "0/2"], ["trip", "done", "2/2"]]
    );
    let object = test.json("ls --json");
    assert_eq!(object["runs"][1]["succeeded"], 2);
    assert!(object["runs"][1]["changed"].as_str().unwrap().contains('T'));
    // One that is damaged is named, and hides no other.
    fs::write(test.path("runs/broken/journal.jsonl"), "{}\n").unwrap();
    fs::remove_file(test.path("runs/broken/orch.db")).unwrap();
    let listed = test.orch("ls");
    assert_eq!(listed.code, 5, "{}", listed.stderr);
    let words = |line: &str| line.split_whitespace().take(2).map(str::to_owned).collect::<Vec<_>>();
    let lines: Vec<_> = listed.stdout.lines().map(words).collect();
    assert_eq!(lines[1..], [["broken", "damaged"], ["trip", "done"]], "{}", listed.stdout);
}

#[test]
fn a_run_is_removed_whole_once_that_is_confirmed() {
    let test = TestRun::new();
    test.orch("run trip.yaml -q").expect(0, &[]);
    test.orch("rm trip").expect(2, &["`runs/trip` has 2 trials (2 succeeded) and", "give `--yes`"]);
    assert!(test.run_dir().join("journal.jsonl").is_file());
    test.orch("rm none --yes").expect(2, &["there is no run `none`"]);
    test.orch("rm trip --yes").expect(0, &["2 trials", "removed"]);
    assert_eq!(fs::read_dir(test.path("runs")).unwrap().count(), 0);
    test.orch("run trip.yaml").expect(0, &["2 trials: 2 new"]);
    // A removal that was killed leaves no run, and is finished by the next one.
    fs::create_dir_all(test.path("runs/.removed-old")).unwrap();
    fs::write(test.path("runs/.removed-old/journal.jsonl"), "").unwrap();
    assert_eq!(test.orch("ls").stdout.lines().count(), 2);
    test.orch("rm trip --yes").expect(0, &[]);
    assert_eq!(fs::read_dir(test.path("runs")).unwrap().count(), 0);
}

#[test]
fn a_run_of_several_profiles_is_named_in_full() {
    let test = TestRun::with(&[("seeds: [0]", "seeds: [0]\nprofiles: {demo: {}}")]);
    test.orch("run trip.yaml -q").expect(0, &[]);
    test.orch("rm trip --yes").expect(2, &["short for `trip.demo`"]);
    test.orch("rm trip.demo --yes -q").expect(0, &[]);
}

#[test]
fn nothing_that_runs_loses_its_files() {
    let test = TestRun::new().gated();
    let run = test.start("run trip.yaml -j 1");
    wait_for("a checkpoint", || {
        test.trial("a-s0-")?.join("checkpoints").read_dir().ok()?.next().map(drop)
    });
    assert!(test.orch("ls").stdout.contains("running"));
    test.orch("rm trip --yes").expect(4, &["is being run by process"]);
    // Its worker outlives the supervisor.
    run.signal("-KILL");
    assert!(run.0.wait_with_output().unwrap().status.code().is_none());
    test.orch("rm trip --yes").expect(2, &["attempt-1` is still running", "orch stop --all trip"]);
    assert!(test.orch("ls").stdout.contains("unsupervised"));
    test.open_gate();
    test.orch("run trip.yaml").expect(0, &["2 of 2 trials done"]);
    test.orch("rm trip --yes").expect(0, &["removed"]);
}

#[test]
fn runs_of_another_folder_are_pointed_to() {
    let test = TestRun::new();
    test.orch("run trip.yaml").expect(0, &["2 of 2 trials done"]);
    fs::create_dir_all(test.path("a/b")).unwrap();
    let below = |arguments: &str| {
        let mut command = test.command(arguments);
        Ended::of(command.current_dir(test.path("a/b")).output().unwrap())
    };
    below("ls").expect(0, &["nothing has been run in `runs` yet", "`--runs ../../runs`"]);
    below("status").expect(2, &["hint: there are runs in `../../runs`: `--runs ../../runs`"]);
    let note = "`trip` was run before in another folder";
    let anew = below("run ../../trip.yaml -n");
    anew.expect(0, &[note, "`--runs ../../runs` continues", "2 new"]);
    let continued = below("run ../../trip.yaml -n --runs ../../runs");
    continued.expect(0, &["2 done"]);
    assert!(!continued.stderr.contains("another folder"), "{}", continued.stderr);
    // From the side, the file's own folder is found.
    let file = test.path("trip.yaml");
    let mut command = test.command(&format!("run {} -n", file.display()));
    let ended = Ended::of(command.current_dir("/").output().unwrap());
    ended.expect(0, &[note, &format!("`--runs {}`", test.path("runs").display())]);
}
