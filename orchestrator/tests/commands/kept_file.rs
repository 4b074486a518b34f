//! The experiment file that a run keeps: as it was written, and good to run again.

use std::fs;

use crate::common::test_run::TestRun;

/// Without a sleep, and with a profile that is not the first.
fn with_profiles() -> TestRun {
    TestRun::with(&[
        ("sleep_ms: 20", "sleep_ms: 0"),
        (
            "seeds: [0]",
            "seeds: [0]  # as in the paper\nprofiles: {demo: {}, paper: {config: {steps: 5}}}",
        ),
    ])
}

#[test]
fn a_run_keeps_its_file_byte_for_byte_beside_the_resolved_form() {
    let test = with_profiles();
    test.orch("run trip.yaml -q").expect(0, &[]);
    let written = fs::read(test.path("trip.yaml")).unwrap();
    let kept = test.path("runs/trip.demo/experiment.yaml");
    assert_eq!(fs::read(&kept).unwrap(), written);
    let resolved = fs::read_to_string(test.path("runs/trip.demo/resolved.yaml")).unwrap();
    let original = format!("file: {}\n", test.path("trip.yaml").display());
    assert!(resolved.starts_with("version: 1\n") && resolved.contains(&original), "{resolved}");
    // The next run keeps its own, also where nothing is left to run.
    let edited = String::from_utf8(written).unwrap() + "# once more\n";
    fs::write(test.path("trip.yaml"), &edited).unwrap();
    test.orch("run trip.yaml").expect(0, &["nothing is left to do"]);
    assert_eq!(fs::read_to_string(&kept).unwrap(), edited);
}

#[test]
fn the_kept_file_continues_its_run_and_starts_anew_elsewhere() {
    let test = with_profiles();
    test.orch("run trip.yaml -q --profile paper --set steps=7").expect(0, &[]);
    let kept = "runs/trip.paper/experiment.yaml";
    let again = test.orch(&format!("run {kept}"));
    again.expect(0, &[
        "`runs/trip.paper/experiment.yaml` is the copy of a run, and runs with --profile paper --set steps=7\n",
        "trip.paper: 2 trials: 2 done\n",
        "nothing is left to do",
    ]);
    let resolved = fs::read_to_string(test.path("runs/trip.paper/resolved.yaml")).unwrap();
    let original = format!("file: {}\n", test.path("trip.yaml").display());
    assert!(resolved.contains(&original), "{resolved}");
    // Another `--set` or profile replaces those of the run.
    test.orch(&format!("run {kept} -n --set steps=8")).expect(0, &["2 new; 2 retired"]);
    test.orch(&format!("run {kept} -n --profile demo"))
        .expect(0, &["trip.demo: 2 trials: 2 new\n"]);
    test.orch(&format!("report {kept} --out report")).expect(0, &[]);

    test.orch(&format!("run {kept} --runs elsewhere")).expect(0, &["2 trials: 2 new\n"]);
    let results = |runs: &str| {
        let query =
            ["query", "select trial, metric, value from final", "trip.paper", "--runs", runs];
        let output = test.command("").args(query).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(results("runs"), results("elsewhere"));
}
