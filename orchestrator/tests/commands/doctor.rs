//! `orch doctor`: its findings and its exit code.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

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

/// `orch-worker` in `bin/`, a program that links libtorch and looks for it where an installed one does; and what
/// PyPI would bring, in `wheel/`.
fn worker_without_libtorch(test: &TestRun) {
    for folder in ["bin", "wheel"] {
        fs::create_dir_all(test.path(folder)).unwrap();
    }
    fs::write(test.path("torch.c"), "int torch(void) { return 0; }\n").unwrap();
    fs::write(test.path("main.c"), "int torch(void);\nint main(void) { return torch(); }\n")
        .unwrap();
    for arguments in [
        "-shared -fPIC -Wl,-soname,libtorch_cpu.so -o wheel/libtorch_cpu.so torch.c",
        "-o bin/orch-worker main.c wheel/libtorch_cpu.so -Wl,-rpath,$ORIGIN/../libtorch/lib",
    ] {
        let mut compiler = Command::new("cc");
        let compiler = compiler.args(arguments.split(' ')).current_dir(test.path(""));
        assert!(compiler.status().unwrap().success());
    }
}

#[test]
fn the_libtorch_of_an_installed_worker_is_fetched_where_it_looks_for_it() {
    let test = TestRun::with(&[
        ("[fake-worker]", "[bin/orch-worker]"),
        (", check: [fake-worker, check]", ""),
    ]);
    worker_without_libtorch(&test);
    let found = findings(&test, "trip.yaml", &[]);
    assert_finding(&found, "problem", "libraries", "not found: libtorch_cpu.so");
    assert!(
        test.orch("doctor trip.yaml").stdout.contains("→ `orch doctor --fix` fetches libtorch")
    );

    // Without pip nothing can be fetched, which the recipe says.
    let tools = test.path("tools");
    fs::create_dir(&tools).unwrap();
    let path = format!("{}:{}", tools.display(), std::env::var("PATH").unwrap());
    let python = |text: &str| {
        fs::write(tools.join("python3"), format!("#!/bin/sh\n{text}")).unwrap();
        fs::set_permissions(tools.join("python3"), fs::Permissions::from_mode(0o755)).unwrap();
    };
    python("exit 1\n");
    let ended = test.start_with("doctor --fix trip.yaml", &[("PATH", &path)]).end();
    ended.expect(1, &["python3 has no pip, which fetches libtorch"]);
    assert!(ended.stdout.contains("not found: libtorch_cpu.so"), "{}", ended.stdout);

    // In place of PyPI: its wheels are unpacked by a script on standard input, which gets the folder.
    let wheel = test.path("wheel");
    python(&format!(
        "[ \"$1\" = - ] || exit 0\nmkdir -p \"$2/lib\" && cp {}/* \"$2/lib\"\n",
        wheel.display()
    ));
    let ended = test.start_with("doctor --fix trip.yaml", &[("PATH", &path)]).end();
    ended.expect(0, &["libtorch 2.11.0 is in"]);
    assert!(test.path("libtorch/lib/libtorch_cpu.so").is_file());
    assert_finding(&findings(&test, "trip.yaml", &[]), "ok", "libraries", "are found");
}
