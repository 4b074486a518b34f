//! What a person can get wrong: exit code 2, the place, what is wrong and what would help; nothing
//! is created.

use std::fs;

use crate::lab::Lab;

/// Asserts that `orch run` with `arguments` refuses, says `words`, and leaves nothing behind.
#[track_caller]
fn refused(lab: &Lab, arguments: &str, words: &[&str]) {
    let ended = lab.orch(arguments);
    ended.says(2, words);
    assert!(ended.stderr.starts_with("error: "), "{}", ended.stderr);
    assert_eq!(ended.stdout, "");
    assert!(!lab.path("runs").exists());
}

#[test]
fn a_wrong_file_is_refused_at_the_place_that_is_wrong() {
    let lab = Lab::new();
    refused(&lab, "run nowhere.yaml", &["nowhere.yaml: there is no such file"]);
    lab.edit(&[("label: Second", "lable: Second")]);
    refused(&lab, "run trip.yaml", &["trip.yaml:8:7: unknown field `lable`", "hint: did you mean"]);
    lab.write("orch: 1\nname: [trip\nworker: {}\n");
    refused(&lab, "run trip.yaml", &["trip.yaml:3:"]);
}

#[test]
fn what_the_worker_finds_wrong_is_placed_at_its_key() {
    let lab = Lab::with(&[("steps: 20", "steps: many"), ("offset: 1", "ofset: 1")]);
    refused(
        &lab,
        "run trip.yaml",
        &["trip.yaml:5:10: invalid type", "trip.yaml:8:28: unknown field `ofset`"],
    );
    let lab = Lab::new();
    refused(
        &lab,
        "run trip.yaml --set steps=few",
        &["--set steps=few: invalid type: string \"few\""],
    );
}

#[test]
fn unknown_names_on_the_command_line_are_refused_with_a_hint() {
    let lab = Lab::with(&[("seeds: [0]", "seeds: [0]\nprofiles: {demo: {}, paper: {}}")]);
    refused(&lab, "run trip.yaml --only c", &["--only c: there is no variant `c`", "`a`, `b`"]);
    refused(&lab, "run trip.yaml -p papr", &["--profile papr", "did you mean `paper`?"]);
    refused(&lab, "run trip.yaml --set c:steps=3", &["there is no variant `c`"]);
    refused(&lab, "run trip.yaml --set steps", &["--set steps: there is no `=`"]);
    let zero = lab.orch("run trip.yaml -j 0");
    assert_eq!(zero.code, 2, "{}", zero.stderr);
}

#[test]
fn a_worker_that_is_not_there_is_refused() {
    let lab = Lab::with(&[("command: [fake-worker]", "command: [no-worker]")]);
    refused(&lab, "run trip.yaml", &["there is no program `no-worker`"]);
    let lab = Lab::with(&[("check: [fake-worker, check]", "check: [./check]")]);
    refused(&lab, "run trip.yaml", &["there is no program `./check`"]);
    let lab =
        Lab::with(&[("check: [fake-worker, check]", "check: [sh, -c, 'echo oh >&2; exit 3']")]);
    refused(&lab, "run trip.yaml", &["exit status: 3", "oh"]);
}

#[test]
fn what_the_machine_cannot_give_is_refused_before_anything_is_made() {
    let lab = Lab::with(&[("seeds: [0]", "seeds: [0]\nresources: {cpus: 100000}")]);
    refused(&lab, "run trip.yaml", &["a trial needs 100000 CPU cores and this machine has"]);
}

#[test]
fn a_second_supervisor_is_told_who_the_first_is() {
    let lab = Lab::with(&[("sleep_ms: 20", "hang_at: 2")]);
    let first = lab.start("run trip.yaml");
    lab.reach("a-s0-", 1, 1);
    let second = lab.orch("run trip.yaml");
    second.says(4, &[&format!("`trip` is being run by process {} on", first.pid()), ", since 20"]);
    // Looking is always allowed.
    lab.settle("a-s0-", "running");
    assert_eq!(lab.json("status --json")["supervisor"]["pid"], first.pid());
    let status = lab.orch("status").stdout;
    assert!(status.contains(&format!("\nrun by process {} on ", first.pid())), "{status}");
    assert_eq!(lab.orch("report").code, 3);
    assert_eq!(lab.orch("report --allow-partial").code, 0);
}

#[test]
fn where_nothing_was_run_nothing_can_be_shown() {
    let lab = Lab::new();
    for verb in ["status", "report"] {
        lab.orch(verb).says(2, &["nothing has been run in `runs` yet"]);
        lab.orch(&format!("{verb} trap")).says(2, &["there is no run `trap` in `runs`"]);
    }
    lab.orch("run trip.yaml -q").says(0, &[]);
    lab.orch("status trap").says(2, &["(runs: trip)"]);
    // A folder that merely lies there is no run.
    fs::create_dir(lab.path("runs/trap")).unwrap();
    lab.orch("status trap").says(2, &["there is no run `trap`"]);
}

#[test]
fn a_run_is_found_by_name_profile_or_folder() {
    let lab = Lab::with(&[
        ("sleep_ms: 20", "sleep_ms: 0"),
        ("seeds: [0]", "seeds: [0]\nprofiles: {demo: {}, paper: {config: {steps: 5}}}"),
    ]);
    lab.orch("run trip.yaml -q --profile paper").says(0, &[]);
    let demo = lab.orch("run trip.yaml");
    demo.says(0, &["trip.demo: profile `demo` (there is also --profile paper)"]);
    for (name, run) in [
        ("", "trip.demo"),
        ("trip", "trip.demo"),
        ("trip.paper", "trip.paper"),
        ("runs/trip.paper", "trip.paper"),
    ] {
        assert_eq!(lab.json(&format!("status --json {name}"))["run"], run, "`{name}`");
    }
    assert_eq!(lab.json("report trip --profile paper --json")["run"], "trip.paper");
    assert_eq!(lab.json("report trip.yaml --profile paper --json")["run"], "trip.paper");
}
