//! Errors of usage: exit code 2, the position, the error and a hint; nothing is created.

use std::fs;

use crate::common::test_run::TestRun;

/// Asserts that `orch` with `arguments` is refused with `words`, and creates nothing.
#[track_caller]
fn assert_refused(test: &TestRun, arguments: &str, words: &[&str]) {
    let ended = test.orch(arguments);
    ended.expect(2, words);
    assert!(ended.stderr.starts_with("error: "), "{}", ended.stderr);
    assert_eq!(ended.stdout, "");
    assert!(!test.path("runs").exists());
}

#[test]
fn an_invalid_file_is_refused_with_the_position_of_the_error() {
    let test = TestRun::new();
    assert_refused(&test, "run nowhere.yaml", &["nowhere.yaml: there is no such file"]);
    test.edit(&[("label: Second", "lable: Second")]);
    assert_refused(
        &test,
        "run trip.yaml",
        &["trip.yaml:8:7: unknown field `lable`", "hint: did you mean"],
    );
    test.write("orch: 1\nname: [trip\nworker: {}\n");
    assert_refused(&test, "run trip.yaml", &["trip.yaml:3:"]);
}

#[test]
fn problems_found_by_the_worker_have_the_position_of_their_key() {
    let test = TestRun::with(&[("steps: 20", "steps: many"), ("offset: 1", "ofset: 1")]);
    assert_refused(
        &test,
        "run trip.yaml",
        &["trip.yaml:5:10: invalid type", "trip.yaml:8:28: unknown field `ofset`"],
    );
    let test = TestRun::new();
    assert_refused(
        &test,
        "run trip.yaml --set steps=few",
        &["--set steps=few: invalid type: string \"few\""],
    );
}

#[test]
fn unknown_names_on_the_command_line_are_refused_with_a_hint() {
    let test = TestRun::with(&[("seeds: [0]", "seeds: [0]\nprofiles: {demo: {}, paper: {}}")]);
    assert_refused(
        &test,
        "run trip.yaml --only c",
        &["--only c: there is no variant `c`", "`a`, `b`"],
    );
    assert_refused(&test, "run trip.yaml -p papr", &["--profile papr", "did you mean `paper`?"]);
    assert_refused(&test, "run trip.yaml --set c:steps=3", &["there is no variant `c`"]);
    assert_refused(&test, "run trip.yaml --set steps", &["--set steps: there is no `=`"]);
    let zero = test.orch("run trip.yaml -j 0");
    assert_eq!(zero.code, 2, "{}", zero.stderr);
}

#[test]
fn a_missing_worker_is_refused() {
    let test = TestRun::with(&[("command: [fake-worker]", "command: [no-worker]")]);
    assert_refused(&test, "run trip.yaml", &["there is no program `no-worker`"]);
    let test = TestRun::with(&[("check: [fake-worker, check]", "check: [./check]")]);
    assert_refused(&test, "run trip.yaml", &["there is no program `./check`"]);
    let test =
        TestRun::with(&[("check: [fake-worker, check]", "check: [sh, -c, 'echo oh >&2; exit 3']")]);
    assert_refused(&test, "run trip.yaml", &["exit status: 3", "oh"]);
}

#[test]
fn requests_beyond_the_machine_are_refused_before_anything_is_created() {
    let test = TestRun::with(&[("seeds: [0]", "seeds: [0]\nresources: {cpus: 100000}")]);
    assert_refused(
        &test,
        "run trip.yaml",
        &["a trial needs 100000 CPU cores and this machine has"],
    );
}

#[test]
fn resources_and_settings_of_the_command_line_are_those_of_the_run() {
    let test = TestRun::with(&[("sleep_ms: 20", "sleep_ms: 0")]);
    assert_refused(
        &test,
        "run trip.yaml --resources cpu=2",
        &["--resources cpu=2: unknown field `cpu`", "hint: did you mean `cpus`?"],
    );
    assert_refused(
        &test,
        "run trip.yaml --resources gpus=0,cpus=100000",
        &["a trial needs 100000 CPU cores and this machine has"],
    );
    // `a` and `b` differ in the offset, and only `a` is run.
    assert_refused(&test, "run trip.yaml --set offset=5", &["variants differ in `offset`"]);
    let ended = test.orch("run trip.yaml --only a --set offset=5 --resources disk=2MiB,time=1h");
    ended.expect(0, &["2 trials: 1 new, 1 left out"]);
    let shown = test.json("show a --json");
    assert_eq!(shown["config"]["offset"], 5.0);
    let command = test.attempt("a-s0-", 1).unwrap().read_command().unwrap().unwrap();
    assert_eq!(command.time_limit_secs, Some(3600.0));
}

#[test]
fn the_dry_run_says_how_much_disk_is_free_and_wanted() {
    let test = TestRun::new();
    let free = |arguments: &str| {
        let plan = test.json(&format!("run trip.yaml -n --json --resources {arguments}"));
        (plan["disk"]["free"].as_u64().unwrap(), plan["disk"]["wanted"].as_u64().unwrap())
    };
    let statvfs = rustix::fs::statvfs(test.path("")).unwrap();
    let all = statvfs.f_blocks * statvfs.f_frsize;
    let (room, wanted) = free("disk=3MiB");
    assert!(room <= all && wanted == 3 << 20, "{room} of {all}, {wanted}");
    test.orch("run trip.yaml -n --resources disk=1KiB")
        .expect(0, &[" are free for `runs/trip`; nothing is started below 1.0 KiB"]);
    test.orch("run trip.yaml -n --resources disk=1EiB").expect(
        0,
        &["\ndisk: ", " are free for `runs/trip`, too little; nothing is started below 1.0 EiB"],
    );
    assert!(!test.path("runs").exists());
}

#[test]
fn a_second_supervisor_is_refused_with_the_process_of_the_first() {
    let test = TestRun::with(&[("sleep_ms: 20", "hang_at: 2")]);
    let first = test.start("run trip.yaml");
    test.wait_for_step("a-s0-", 1, 1);
    let second = test.orch("run trip.yaml");
    second
        .expect(4, &[&format!("`trip` is being run by process {} on", first.pid()), ", since 20"]);
    // Readers are always allowed.
    test.wait_for_state("a-s0-", "running");
    assert_eq!(test.json("status --json")["supervisor"]["pid"], first.pid());
    let status = test.orch("status").stdout;
    assert!(status.contains(&format!("\nrun by process {} on ", first.pid())), "{status}");
    assert_eq!(test.orch("report").code, 3);
    assert_eq!(test.orch("report --allow-partial").code, 0);
}

#[test]
fn status_and_report_without_a_run_are_refused() {
    let test = TestRun::new();
    for verb in ["status", "report"] {
        test.orch(verb).expect(2, &["nothing has been run in `runs` yet"]);
        test.orch(&format!("{verb} trap")).expect(2, &["there is no run `trap` in `runs`"]);
    }
    test.orch("run trip.yaml -q").expect(0, &[]);
    test.orch("status trap").expect(2, &["(runs: trip)"]);
    // A folder without records is not a run.
    fs::create_dir(test.path("runs/trap")).unwrap();
    test.orch("status trap").expect(2, &["there is no run `trap`"]);
}

#[test]
fn a_run_is_found_by_name_profile_or_folder() {
    let test = TestRun::with(&[
        ("sleep_ms: 20", "sleep_ms: 0"),
        ("seeds: [0]", "seeds: [0]\nprofiles: {demo: {}, paper: {config: {steps: 5}}}"),
    ]);
    test.orch("run trip.yaml -q --profile paper").expect(0, &[]);
    let demo = test.orch("run trip.yaml");
    demo.expect(0, &["trip.demo: profile `demo` (there is also --profile paper)"]);
    for (name, run) in [
        ("", "trip.demo"),
        ("trip", "trip.demo"),
        ("trip.paper", "trip.paper"),
        ("runs/trip.paper", "trip.paper"),
    ] {
        assert_eq!(test.json(&format!("status --json {name}"))["run"], run, "`{name}`");
    }
    assert_eq!(test.json("report trip --profile paper --json")["run"], "trip.paper");
    assert_eq!(test.json("report trip.yaml --profile paper --json")["run"], "trip.paper");
}
