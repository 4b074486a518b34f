//! `orch doctor`: its findings and its exit code.

use std::fs;

use serde_json::Value;

use crate::common::processes;
use crate::common::signals::try_signal;
use crate::common::test_run::TestRun;
use crate::common::wait::wait_for;

/// The findings of `orch doctor --json` with `arguments` and more variables in its environment. Its
/// exit code must agree with them.
fn findings(test: &TestRun, arguments: &str, environment: &[(&str, &str)]) -> Vec<Value> {
    let ended = test.start_with(&format!("doctor --json {arguments}"), environment).end();
    let json = ended.json();
    let problems = json["findings"].as_array().unwrap().iter();
    let problems = problems.filter(|finding| finding["level"] == "problem").count();
    assert_eq!(
        (json["problems"].as_u64(), ended.code),
        (Some(problems as u64), i32::from(problems > 0))
    );
    json["findings"].as_array().unwrap().clone()
}

/// Asserts that one finding of `check` is of this level and contains `words`.
#[track_caller]
fn assert_finding(findings: &[Value], level: &str, check: &str, words: &str) {
    let fits = |finding: &Value| {
        let found = finding["found"].as_str().unwrap();
        finding["check"] == check && finding["level"] == level && found.contains(words)
    };
    assert!(findings.iter().any(fits), "no {level} of {check} contains `{words}` in {findings:#?}");
}

#[test]
fn a_machine_that_can_run_the_file_has_no_problem() {
    let test = TestRun::with(&[("sleep_ms: 20", "sleep_ms: 0")]);
    test.orch("run trip.yaml -q").expect(0, &[]);
    let found = findings(&test, "trip.yaml", &[]);
    for (check, words) in [
        ("resources", "`trip` fits on this machine"),
        ("worker", "/fake-worker"),
        ("check", "2 trials are valid; build fake-1"),
        ("locks", "they work in"),
        ("clock", "this machine's"),
        ("slots", "none is held"),
        ("records", "1 database readable"),
    ] {
        assert_finding(&found, "ok", check, words);
    }
    // No probe file is left behind.
    assert!(!fs::read_dir(test.path("runs")).unwrap().any(|e| e.unwrap().file_name() != "trip"));
    let text = test.orch("doctor trip.yaml").stdout;
    for line in text.lines() {
        assert!(
            ["ok ", "warning ", "problem "].iter().any(|level| line.starts_with(level)),
            "{text}"
        );
    }
    assert_eq!(text.lines().count(), found.len(), "{text}");
}

#[test]
fn problems_are_reported_with_advice() {
    let test = TestRun::with(&[
        ("check: [fake-worker, check]", "check: [sh, -c, 'echo no data >&2; exit 3']"),
        ("seeds: [0]", "seeds: [0]\nresources: {gpus: 2}"),
    ]);
    fs::create_dir_all(test.path("runs/odd")).unwrap();
    for file in ["journal.jsonl", "orch.db"] {
        fs::write(test.path("runs/odd").join(file), "nonsense that is no database").unwrap();
    }
    let gpu = "{uuid: GPU-1, memory: 8GiB, processes: [{pid: 7, name: python}]}";
    fs::write(test.path("gpus.yaml"), format!("gpus: [{gpu}]\n")).unwrap();
    let environment = [("ORCH_INVENTORY", "gpus.yaml"), ("ORCH_STATE_DIR", "/proc/nowhere")];
    let found = findings(&test, "trip.yaml", &environment);
    assert_finding(&found, "warning", "inventory", "mocked by `gpus.yaml`");
    assert_finding(&found, "ok", "GPU", "in use by pid 7 (python)");
    assert_finding(&found, "problem", "resources", "a trial needs 2 GPUs and the mock machine");
    assert_finding(&found, "problem", "check", "no data");
    assert_finding(&found, "problem", "slots", "`/proc/nowhere/slots/");
    assert_finding(&found, "problem", "records", "runs/odd/orch.db");
    for finding in found.iter().filter(|finding| finding["level"] != "ok") {
        assert_ne!(finding["advice"], "", "{finding:#}");
    }

    test.edit(&[("command: [fake-worker]", "command: [no-worker]")]);
    fs::write(test.path("gpus.yaml"), "gpus: 3\n").unwrap();
    let found = findings(&test, "trip.yaml", &environment);
    assert_finding(&found, "problem", "worker", "there is no program `no-worker`");
    assert_finding(&found, "problem", "inventory", "gpus.yaml:1:");
    test.orch("doctor nowhere.yaml").expect(2, &["nowhere.yaml: there is no such file"]);
}

#[test]
fn owners_of_slots_are_named_orphans_of_a_killed_holder_too() {
    let test = TestRun::with(&[("sleep_ms: 20", "hang_at: 2, fork_child: true")]);
    let run = test.start("run trip.yaml -q -j 1");
    test.wait_for_step("a-s0-", 1, 1);
    let attempt = test.attempt("a-s0-", 1).unwrap();
    assert_finding(
        &findings(&test, "", &[]),
        "ok",
        "slots",
        &format!("1 held by `{}`", attempt.path().display()),
    );
    // A supervisor would end the orphans.
    run.kill();
    for holder in processes::holders(&test.path("")) {
        assert!(try_signal(holder, "-KILL"));
    }
    let children = test.trial("a-s0-").unwrap().join("artifacts/children");
    let child = fs::read_to_string(children).unwrap();
    let left = format!("pid {} (sleep) holds some", child.trim());
    wait_for("the orphan", || {
        let found = findings(&test, "", &[]);
        found.iter().any(|f| f["found"].as_str().unwrap().starts_with(&left)).then_some(())
    });
}
