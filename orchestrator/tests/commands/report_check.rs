//! `orch report --check`: numbers that no longer match the records are named. `--format`: the table alone.

use std::fs;

use crate::common::bundles::files_of;
use crate::common::test_run::TestRun;

#[test]
fn a_report_is_stale_once_it_or_the_records_have_changed() {
    let test = TestRun::to_bundle();
    let missing = test.orch("report --check");
    missing.expect(1, &[]);
    assert!(missing.stdout.contains("`table.md` is missing"), "{}", missing.stdout);
    assert!(!test.run_dir().join("report").exists(), "a check draws nothing");

    test.orch("report").expect(0, &[]);
    fs::write(test.run_dir().join("report/notes.txt"), "mine").unwrap();
    test.orch("report --check").expect(0, &[]);
    let before = files_of(&test.run_dir().join("report"));
    let table = test.run_dir().join("report/table.tex");
    let text = fs::read_to_string(&table).unwrap();
    fs::write(&table, text.replace("20.625", "30.625")).unwrap();
    let stale = test.orch("report --check");
    stale.expect(1, &["`orch report` draws them again"]);
    let named = "`table.tex` is not as it is drawn from the records";
    assert!(stale.stdout.contains(named) && stale.stdout.lines().count() == 1, "{}", stale.stdout);
    test.orch("report").expect(0, &[]);
    assert_eq!(files_of(&test.run_dir().join("report")), before);

    // One more seed: the numbers are other ones.
    test.edit(&[("seeds: [0, 1]", "seeds: [0, 1, 2]")]);
    test.orch("run trip.yaml").expect(0, &[]);
    let stale = test.orch("report --check --json");
    stale.expect(1, &[]);
    let json: serde_json::Value = serde_json::from_str(&stale.stdout).unwrap();
    let files = json["stale"].as_array().unwrap();
    for name in ["table.csv", "table-values.tex", "loss.svg", "report.html"] {
        let is_named = |file: &serde_json::Value| file["file"].as_str().unwrap().ends_with(name);
        assert!(files.iter().any(is_named), "{name} is not in {json}");
    }
    assert_eq!(files_of(&test.run_dir().join("report")), before, "a check draws nothing");
}

#[test]
fn a_printed_table_is_that_of_the_report_and_draws_nothing() {
    let test = TestRun::to_bundle();
    let printed = ["csv", "markdown", "latex"].map(|format| {
        let printed = test.orch(&format!("report --format {format}"));
        printed.expect(0, &[]);
        printed.stdout
    });
    let json = test.orch("report -f json").stdout;
    assert!(!test.run_dir().join("report").exists(), "it draws nothing");
    test.orch("report").expect(0, &[]);
    let file = |name: &str| fs::read_to_string(test.run_dir().join("report").join(name)).unwrap();
    assert_eq!(printed, ["table.csv", "table.md", "table.tex"].map(file));
    let parsed = |json: &str| serde_json::from_str::<serde_json::Value>(json).unwrap();
    assert_eq!(parsed(&json), parsed(&file("table.json")));

    test.edit(&[("seeds: [0, 1]", "seeds: [0, 1, 2]")]);
    test.orch("run trip.yaml --only a").expect(0, &[]);
    test.orch("report --format csv").expect(3, &[]);
    test.orch("report --format csv --allow-partial").expect(0, &[]);
}
