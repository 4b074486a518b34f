//! Bundles go on, or run again from scratch, in folders that never saw the run; and two runs are told apart.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::common::bundles::{copy, files_of};
use crate::common::test_run::TestRun;

/// A folder without a run, with the worker of `test`.
fn elsewhere(test: &TestRun) -> TestRun {
    let other = TestRun::with_file("");
    fs::remove_file(other.path("trip.yaml")).unwrap();
    fs::copy(test.path("worker.sh"), other.path("worker.sh")).unwrap();
    other
}

/// The verb `run` with the bundle `name` of `test`, and options.
fn run(test: &TestRun, name: &str, options: &str) -> String {
    format!("run {} {options}", test.path(name).display())
}

fn json(test: &TestRun, verb: &str) -> Value {
    let ended = test.orch(verb);
    ended.expect(0, &[]);
    serde_json::from_str(&ended.stdout).unwrap()
}

/// A bundle of a run of which one variant is done, and that variant's records.
fn half_done() -> TestRun {
    let test = TestRun::to_bundle();
    fs::remove_dir_all(test.path("runs")).unwrap();
    test.orch("run trip.yaml --only a").expect(0, &["2 left out"]);
    let bundle = "bundle -o half.zip --checkpoints --artifacts --allow-partial";
    test.orch(bundle).expect(0, &["the report is incomplete"]);
    test
}

#[test]
fn a_bundle_goes_on_elsewhere() {
    let test = half_done();
    let other = elsewhere(&test);
    let verb = run(&test, "half.zip", "");
    other.orch(&verb).expect(0, &["2 done, 2 new", "4 of 4 trials done", "count from `"]);
    for trial in ["a-s0-", "a-s1-"] {
        let names = |test: &TestRun| files_of(&test.trial(trial).unwrap().join("attempt-1"));
        let (there, here) = (names(&test), names(&other));
        assert_eq!(there["events.jsonl"], here["events.jsonl"]);
    }
    other.orch(&verb).expect(0, &["nothing is left to do"]);
    other.orch("report").expect(0, &[]);
    other.orch("db check").expect(0, &[]);
    // The copy that the run keeps, as of any run.
    other.orch("run runs/trip/experiment.yaml").expect(0, &["nothing is left to do"]);
    other
        .orch(&run(&test, "half.zip", "--from-scratch"))
        .expect(2, &["there is another run `trip`"]);
}

#[test]
fn a_bundle_runs_again_from_scratch_and_is_compared() {
    let test = TestRun::to_bundle();
    test.orch("bundle").expect(0, &[]);
    let other = elsewhere(&test);
    let verb = run(&test, "trip.orch.zip", "--from-scratch");
    other.orch(&verb).expect(0, &["4 trials: 4 new", "4 of 4 trials done"]);
    other.orch(&verb).expect(0, &["nothing is left to do"]);

    let bundle = test.path("trip.orch.zip").display().to_string();
    let same = json(&other, &format!("diff {bundle} trip --json"));
    assert_eq!(same["settings"], serde_json::json!({}));
    assert_eq!(same["rows"], serde_json::json!({}));
    assert_eq!(same["code"], serde_json::json!({}));
    let cell = &same["results"]["a.psnr"];
    assert_eq!((&cell["common_seeds"], &cell["identical_seeds"]), (&2.into(), &2.into()));
    let text = other.orch(&format!("diff {bundle} runs/trip")).stdout;
    assert!(text.contains("identical") && text.contains("a.psnr > b.psnr"), "{text}");

    // Another team's worker, and another setting.
    let third = elsewhere(&test);
    let worker = fs::read_to_string(third.path("worker.sh")).unwrap();
    fs::write(third.path("worker.sh"), worker.replace("\"psnr\":2", "\"psnr\":3")).unwrap();
    third.orch(&format!("{verb} --set a:n=5")).expect(0, &["4 of 4 trials done"]);
    let text = third.orch(&format!("diff {bundle} trip")).stdout;
    for part in ["worker.sh", "a: n", "+10 (0 of 2 common seeds identical)"] {
        assert!(text.contains(part), "no `{part}` in:\n{text}");
    }
}

#[test]
fn records_without_their_artifacts_do_not_go_on() {
    let test = TestRun::to_bundle();
    test.orch("bundle").expect(0, &["left out: artifacts"]);
    let other = elsewhere(&test);
    let hint = ["artifacts that its records name were left out", "--from-scratch"];
    other.orch(&run(&test, "trip.orch.zip", "")).expect(2, &hint);
    assert!(!other.path("runs").exists());
}

#[test]
fn a_preview_leaves_no_trace() {
    let test = half_done();
    let other = elsewhere(&test);
    let before = files_of(&other.path(""));
    other.orch(&run(&test, "half.zip", "-n")).expect(0, &["2 done, 2 new"]);
    other.orch(&run(&test, "half.zip", "-n --from-scratch")).expect(0, &["4 new"]);
    let new: Vec<_> =
        files_of(&other.path("")).into_keys().filter(|f| !before.contains_key(f)).collect();
    assert!(new.iter().all(|file| file.starts_with("state/")), "{new:?}");
}

#[test]
fn a_copy_of_the_code_is_all_that_it_needs() {
    let test = TestRun::to_bundle();
    fs::remove_dir_all(test.path("runs")).unwrap();
    test.edit(&[("command: [sh, worker.sh]", "command: [sh, worker.sh], snapshot: true")]);
    test.orch("run trip.yaml").expect(0, &[]);
    test.orch("bundle").expect(0, &[]);
    let other = TestRun::with_file("");
    other.orch(&run(&test, "trip.orch.zip", "--from-scratch")).expect(0, &["4 of 4 trials done"]);
    let copy = other.path("trip.code/worker.sh");
    assert_eq!(fs::read(copy).unwrap(), fs::read(test.path("worker.sh")).unwrap());
}

#[test]
fn a_changed_bundle_is_not_used() {
    let test = TestRun::to_bundle();
    let bundle = test.bundle_folder("bundle");
    let forged = test.path("forged");
    copy(&bundle, &forged);
    let file = forged.join("experiment.yaml");
    let text = fs::read_to_string(&file).unwrap().replace("seeds: [0, 1]", "seeds: [0, 2]");
    fs::write(&file, text).unwrap();
    let other = elsewhere(&test);
    let named = ["`experiment.yaml` is not as in the manifest", "orch verify"];
    other.orch(&run(&test, "forged", "")).expect(5, &named);
    other.orch(&format!("diff {} {}", bundle.display(), forged.display())).expect(5, &named);
    other.orch(&format!("checklist {} --for acm", forged.display())).expect(5, &named);
    assert!(!other.path("runs").exists());
    other.orch("run trip.yaml --from-scratch").expect(2, &["`--from-scratch` is for bundles"]);
}

#[test]
fn a_checklist_is_answered_as_far_as_the_records_can() {
    let test = TestRun::to_bundle();
    test.orch("bundle").expect(0, &[]);
    for (venue, questions) in [("neurips", 16), ("acl", 18), ("acm", 6)] {
        let of_run = json(&test, &format!("checklist trip --for {venue} --json"));
        let of_bundle = json(&test, &format!("checklist trip.orch.zip --for {venue} --json"));
        assert_eq!(of_run, of_bundle);
        assert_eq!(of_run["items"].as_array().unwrap().len(), questions);
    }
    let ended = test.orch("checklist --for neurips");
    ended.expect(0, &["6 of 16 questions"]);
    for part in [
        "4 of 4 trials have succeeded",
        "seeds of a, b: 0, 1",
        "b: n = 1",
        "sample standard deviation over the seeds",
        "5 attempts took",
        "[a.psnr > b.psnr]",
        "`orch run trip.yaml`",
        "Left to the authors: memory, which is not recorded",
    ] {
        assert!(ended.stdout.contains(part), "no `{part}` in:\n{}", ended.stdout);
    }
    assert!(Path::new(&test.path("runs")).exists());
}
