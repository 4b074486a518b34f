//! `orch import`: curves of another program, exactly as it wrote them, beside those of a run.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::common::test_run::TestRun;

/// Event files of tensorboardX and TensorBoard, made by `tests/tensorboard/make.py`.
const LOGS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tensorboard/logs");

/// A run's points: `[step, value]` by row and metric, steps rising.
fn points(test: &TestRun, run: &str) -> Value {
    let select = "select variant, metric, step, value from series order by 1, 2, 3";
    let mut query = test.command("query");
    let output = query.args([select, run, "--format", "json"]).output().unwrap();
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    let mut points = BTreeMap::<&str, BTreeMap<&str, Vec<Value>>>::new();
    for row in json["rows"].as_array().unwrap() {
        let text = |name: &str| row[name].as_str().unwrap();
        // NULL is SQL's NaN.
        let value = if row["value"].is_null() { json!("NaN") } else { row["value"].clone() };
        let of_row = points.entry(text("variant")).or_default();
        of_row.entry(text("metric")).or_default().push(json!([row["step"], value]));
    }
    json!(points)
}

#[test]
fn scalars_are_read_as_by_tensorboard_itself() {
    let test = TestRun::new();
    let json = test.json(&format!("import tensorboard {LOGS} --name theirs --json"));
    assert_eq!(json["skipped"], json!(["note", "weights"]));
    let expected = fs::read_to_string(Path::new(LOGS).with_file_name("expected.json")).unwrap();
    let expected: Value = serde_json::from_str(&expected).unwrap();
    assert_eq!(points(&test, "theirs"), expected);

    // It is a run like any other, and its database can be rebuilt.
    test.orch("status theirs").expect(0, &[]);
    test.orch("db check theirs").expect(0, &[]);
    fs::remove_file(test.path("runs/theirs/orch.db")).unwrap();
    assert_eq!(points(&test, "theirs"), expected);
    test.orch("db rebuild theirs").expect(0, &[]);
    test.orch("db check theirs").expect(0, &[]);
    let shown = test.orch("show variant=plain theirs");
    assert!(shown.stdout.contains("imported  2023-11-14T22:13:20"), "{}", shown.stdout);
    let from = format!("imported     {LOGS}/plain/events.out.tfevents.1700000000.machine (sha256 ");
    assert!(shown.stdout.contains(&from) && shown.stdout.contains("(plain, imported)"));
}

#[test]
fn an_exported_run_can_be_imported_again_in_32_bits() {
    let test = TestRun::with(&[("sleep_ms: 20", "sleep_ms: 0")]);
    test.orch("run trip.yaml").expect(0, &[]);
    test.orch("export --format tensorboard --out boards").expect(0, &[]);
    test.orch("import tensorboard boards --name again").expect(0, &["the run `again`"]);
    let again = points(&test, "again");
    for (trial, expected) in test.recorded().loss {
        let rows = again.as_object().unwrap();
        let row = rows.iter().find(|(name, _)| name.starts_with(&trial)).unwrap().1;
        let expected: Vec<Value> =
            expected.into_iter().map(|(step, v)| json!([step, f64::from(v as f32)])).collect();
        assert_eq!(row["loss"], json!(expected), "{trial}");
    }
}

#[test]
fn an_imported_baseline_appears_in_the_curves_and_the_table_of_a_run() {
    let test = TestRun::with(&[("sleep_ms: 20", "sleep_ms: 0")]);
    test.orch("run trip.yaml").expect(0, &[]);
    let import = format!("import tensorboard {LOGS}/plain --name theirs --row sr3 --last");
    test.orch(&format!("{import} --metric val/psnr=psnr")).expect(0, &["the run `theirs`"]);
    let json = test.json("report trip --beside theirs --json");
    assert_eq!(json["problems"], json!([]));
    let report = test.run_dir().join("report");
    let read = |name: &str| fs::read_to_string(report.join(name)).unwrap();
    let curves = read("data/loss.csv");
    assert!(curves.contains("theirs/sr3,7,0.11111"), "{curves}");
    let table = read("table.md");
    assert!(table.contains("| sr3, imported (theirs) |") && table.contains("27.000"), "{table}");
    assert!(table.contains("theirs: Run elsewhere; imported from TensorBoard's files in"));
    let provenance: Value = serde_json::from_str(&read("provenance.json")).unwrap();
    let cell = &provenance["cells"]["theirs/sr3.psnr"][0];
    let trial = &provenance["trials"][cell["trial"].as_str().unwrap()];
    let imported = &trial["attempts"][0]["ran_with"]["imported"];
    assert_eq!(imported["metrics"], json!({"val/psnr": "psnr"}));
    assert_eq!(imported["last_is_final"], true);
    assert_eq!(imported["files"].as_array().unwrap().len(), 2);
    test.orch("compare trip theirs").expect(0, &[]);

    // Without it the report is the run's own.
    test.orch("report trip").expect(0, &[]);
    assert!(!read("data/loss.csv").contains("theirs"));
    test.orch("report trip --beside theirs --beside theirs").expect(2, &["given twice"]);
}

#[test]
fn folders_may_be_the_seeds_of_one_row() {
    let test = TestRun::new();
    for seed in ["1", "2", "3"] {
        let folder = test.path("logs").join(seed).join("version_0");
        fs::create_dir_all(&folder).unwrap();
        for file in fs::read_dir(Path::new(LOGS).join("plain")).unwrap() {
            let file = file.unwrap();
            fs::copy(file.path(), folder.join(file.file_name())).unwrap();
        }
    }
    let json = test.json("import tensorboard logs --row sr3 --json");
    assert_eq!(json["run"], "logs");
    let trials: Vec<_> =
        json["trials"].as_array().unwrap().iter().map(|id| &id.as_str().unwrap()[..6]).collect();
    assert_eq!(trials, ["sr3-s0", "sr3-s1", "sr3-s2"]);
}

#[test]
fn logs_that_cannot_be_imported_are_refused_with_a_reason_and_leave_no_run() {
    let test = TestRun::new();
    let import = |rest: &str| test.orch(&format!("import tensorboard {rest}"));
    fs::create_dir(test.path("empty")).unwrap();
    import("empty").expect(2, &["no folder in", "has event files with scalars"]);
    import("nowhere").expect(2, &["cannot read the folder `nowhere`: No such file"]);
    import(&format!("{LOGS} --metric los=train/loss")).expect(2, &["did you mean `loss`?"]);
    import(&format!("{LOGS} --metric loss")).expect(2, &["write TAG=METRIC"]);
    import(&format!("{LOGS} --metric loss=val/psnr"))
        .expect(2, &["the tags `loss` and `val/psnr` would both be the metric `val/psnr`"]);
    import(&format!("{LOGS} --name ../up")).expect(2, &["cannot be the name of a run"]);
    fs::create_dir(test.path("damaged")).unwrap();
    let file = Path::new(LOGS).join("plain/events.out.tfevents.1700000000.machine");
    let mut bytes = fs::read(file).unwrap();
    bytes[30] ^= 1;
    fs::write(test.path("damaged/tfevents"), bytes).unwrap();
    import("damaged").expect(2, &["tfevents`: the record at byte 0 does not match its checksum"]);
    test.orch("status").expect(2, &["nothing has been run"]);

    import(LOGS).expect(0, &["as the run `logs`"]);
    import(LOGS).expect(2, &["there is a run `logs` already", "--name"]);
}

#[test]
fn what_a_killed_import_left_is_removed_and_no_run_is_there_before() {
    let test = TestRun::new();
    // The name of the run that another import is making.
    let staged = test.path("runs/.imports/other");
    fs::create_dir_all(staged.join("trials")).unwrap();
    fs::write(staged.join("journal.jsonl"), "").unwrap();
    test.orch("status").expect(2, &["nothing has been run"]);
    test.orch(&format!("import tensorboard {LOGS}")).expect(0, &["as the run `logs`"]);
    assert!(!staged.exists());
    assert_eq!(fs::read_dir(test.path("runs")).unwrap().count(), 2);

    // A folder that is not a run is neither replaced nor filled.
    fs::create_dir_all(test.path("runs/notes/mine")).unwrap();
    let refused = test.orch(&format!("import tensorboard {LOGS} --name notes"));
    refused.expect(2, &["notes` is in the way: it is not a run", "move it away"]);
    assert_eq!(fs::read_dir(test.path("runs/notes")).unwrap().count(), 1);
}
