//! The report of a file without a section `report`.

use std::fs;

use crate::common::test_run::TestRun;

/// A script whose loss has three points, and whose accuracy has one; the other variant has no accuracy.
const FILE: &str = "\
orch: 1
name: trip
worker:
  command: [sh, -c, 'for i in 1 2 3; do echo step $i loss 0.$i; done; $0', '{last}']
  metrics:
    - stdout: 'step (?<step>\\d+) loss (?<loss>\\S+)'
    - {stdout: 'acc (?<acc>\\S+)', prefix: val/}
variants:
  a: {label: First, set: {last: ./acc.sh}}
  b: {label: Second, set: {last: 'true'}}
seeds: [0]
";

fn ended() -> TestRun {
    let test = TestRun::with_file(FILE);
    fs::write(test.path("acc.sh"), "#!/bin/sh\necho acc 0.87654\n").unwrap();
    test.shell("chmod +x acc.sh").expect(0, &[]);
    test.orch("run trip.yaml").expect(0, &["2 of 2 trials done"]);
    test
}

/// The names of the files in a folder of the report, in order.
fn files(test: &TestRun, folder: &str) -> Vec<String> {
    let entries = fs::read_dir(test.path("runs/trip/report").join(folder)).unwrap();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn every_final_metric_is_a_column_and_every_metric_with_several_points_a_curve() {
    let test = ended();
    let report = test.orch("report");
    assert_eq!(report.code, 0, "{}", report.stderr);
    let rows: Vec<_> =
        report.stdout.lines().map(|line| line.split_whitespace().collect::<Vec<_>>()).collect();
    for row in
        [&["loss", "val/acc"][..], &["First", "0.3000", "0.8765"], &["Second", "0.3000", "–"]]
    {
        assert!(rows.iter().any(|found| found == row), "no {row:?} in:\n{}", report.stdout);
    }
    assert_eq!(files(&test, "data"), ["loss.csv"]);
    assert_eq!(files(&test, "figures"), ["loss.pdf", "loss.png", "loss.svg"]);
    let page = test.path("runs/trip/report/report.html");
    for text in [report.stdout, fs::read_to_string(page).unwrap()] {
        assert!(text.contains("has no section"), "it says that nothing was chosen: {text}");
    }
}

#[test]
fn a_section_of_the_file_is_drawn_alone() {
    let test = ended();
    let chosen = "report: {table: {name: mine, columns: [{metric: loss}]}}\n";
    test.write(&format!("{FILE}{chosen}"));
    let report = test.orch("report trip.yaml");
    report.expect(0, &["report/mine.{md,"]);
    assert!(!report.stdout.contains("val/acc") && !report.stdout.contains("has no section"));
}
