//! `orch bundle`: the evidence of a run in one file.

use std::fs;
use std::process::Command;

use crate::common::bundles::files_of;
use crate::common::test_run::TestRun;
use crate::common::wait::wait_for;

#[test]
fn the_same_run_gives_the_same_bytes() {
    let test = TestRun::to_bundle();
    test.orch("bundle").expect(0, &["`trip.orch.zip` has the", "left out: checkpoints, 8 files"]);
    // A copy of the run elsewhere, with other times, without a database.
    test.shell("mkdir other && cp -r runs/trip other/trip && touch other/trip/*").expect(0, &[]);
    for name in ["orch.db", "orch.db-seal"] {
        fs::remove_file(test.path("other/trip").join(name)).unwrap();
    }
    test.orch("bundle trip --runs other -o other.zip").expect(0, &[]);
    let read = |name| fs::read(test.path(name)).unwrap();
    assert!(read("trip.orch.zip") == read("other.zip"), "the bundles differ");
    test.orch("bundle").expect(2, &["`trip.orch.zip` exists already"]);
    test.orch("verify other.zip").expect(0, &[]);
}

#[test]
fn other_programs_read_it_and_check_its_manifest() {
    let test = TestRun::to_bundle();
    test.orch("bundle -o all.zip --logs --checkpoints --artifacts").expect(0, &[]);
    let unpack = "import sys, zipfile; z = zipfile.ZipFile('all.zip'); assert z.testzip() is None; \
                  z.extractall('unpacked')";
    let python = Command::new("python3").args(["-c", unpack]).current_dir(test.path("")).status();
    assert!(python.unwrap().success());
    test.shell("cd unpacked && sha256sum --check --strict --quiet manifest.sha256").expect(0, &[]);
    let folder = test.bundle_folder("folder");
    assert_eq!(files_of(&test.path("unpacked")), files_of(&folder));
    for bundle in ["all.zip", "folder", "unpacked"] {
        test.orch(&format!("verify {bundle}")).expect(0, &[]);
    }
}

#[test]
fn what_is_not_requested_is_left_out_and_said() {
    let test = TestRun::to_bundle();
    let parts = |files: &str| files.matches(".log").count() + files.matches("checkpoints/").count();
    test.orch("bundle -o small").expect(0, &["left out: logs", "`--checkpoints` adds them"]);
    let small = fs::read_to_string(test.path("small/manifest.sha256")).unwrap();
    assert_eq!((parts(&small), small.matches("more.txt").count()), (0, 0), "{small}");
    // The images that the report shows are always in it: of each variant, those of one seed.
    assert_eq!(small.matches("sample.png").count(), 2);
    for name in
        ["experiment.yaml", "resolved.yaml", "journal.jsonl", "report/table.tex", "events.jsonl"]
    {
        assert!(small.contains(name), "{name}");
    }
    assert!(!small.contains("orch.db") && !small.contains("supervisor"));
    let verified = test.orch("verify small");
    verified.expect(0, &[]);
    for said in ["Left out", "8 checkpoints", "artifacts that the records name were left out"] {
        assert!(verified.stdout.contains(said), "{}", verified.stdout);
    }
    let all = test.bundle_folder("all");
    let all = fs::read_to_string(all.join("manifest.sha256")).unwrap();
    assert!(parts(&all) > 8 && all.contains("more.txt"), "{all}");
}

#[test]
fn a_variable_that_looks_like_a_secret_is_in_no_bundle_unless_it_is_none() {
    let test = TestRun::with(&[("grace: 30s", "grace: 30s, env: {HF_TOKEN: abc, MODE: fast}")]);
    test.orch("run trip.yaml").expect(0, &[]);
    test.orch("bundle").expect(2, &["sets `HF_TOKEN`", "--not-secret HF_TOKEN"]);
    assert!(!test.path("trip.orch.zip").exists());
    test.orch("bundle --not-secret HF_TOKEN").expect(0, &[]);
    // One that is inherited is not recorded.
    let test = TestRun::new();
    test.start_with("run trip.yaml", &[("HF_TOKEN", "do-not-tell")]).end().expect(0, &[]);
    let bundle = test.bundle_folder("bundle");
    for (name, content) in files_of(&bundle) {
        assert!(!String::from_utf8_lossy(&content).contains("do-not-tell"), "{name}");
    }
}

#[test]
fn a_run_that_goes_on_or_is_damaged_is_refused_and_an_incomplete_one_said() {
    let test = TestRun::new().gated();
    let run = test.start("run trip.yaml");
    test.wait_for_state("a-s0-", "running");
    test.orch("bundle").expect(4, &["is being run by"]);
    run.kill();
    test.orch("bundle").expect(4, &["are running, and their files still change"]);
    test.open_gate();
    wait_for("the end of both", || {
        let ends =
            ["a-s0-", "b-s0-"].map(|trial| test.trial(trial).unwrap().join("attempt-1/exit.json"));
        ends.iter().all(|end| end.exists()).then_some(())
    });
    test.orch("run trip.yaml").expect(0, &[]);
    test.orch("bundle").expect(0, &[]);
    let events = test.trial("a-s0-").unwrap().join("attempt-1/events.jsonl");
    fs::write(events, "").unwrap();
    test.orch("bundle -o damaged.zip").expect(5, &["events.jsonl` has 0 bytes"]);
    assert!(!test.path("damaged.zip").exists());
}

#[test]
fn a_report_that_lacks_trials_is_bundled_with_a_code_of_its_own() {
    let test =
        TestRun::with(&[("label: Second, set: {offset: 1}", "label: Second, set: {exit: 1}")]);
    test.orch("run trip.yaml").expect(1, &[]);
    test.orch("bundle -o partial.zip").expect(3, &["the report is incomplete"]);
    test.orch("bundle -o accepted.zip --allow-partial").expect(0, &[]);
    let verified = test.orch("verify partial.zip");
    verified.expect(3, &[]);
    let said = "results    INCOMPLETE    0 of 1 trials of b have succeeded";
    assert!(verified.stdout.contains(said), "{}", verified.stdout);
    assert!(verified.stdout.contains("lacks results or mixes them"), "{}", verified.stdout);
}
