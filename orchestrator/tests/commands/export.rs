//! `orch export`: every point that counts, to the last bit that the format has.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use serde_json::Value;

use crate::common::test_run::TestRun;

/// A run of which one trial crashed half-way and reported some steps twice.
fn eventful() -> TestRun {
    let test = TestRun::with(&[
        ("sleep_ms: 20", "sleep_ms: 0"),
        ("label: First", "label: First, set: {crash_at: 7, crash_attempts: 1}"),
    ]);
    test.orch("run trip.yaml").expect(0, &[]);
    test
}

/// Steps and values of `loss`, by variant and seed (`a-s0`).
type Points = BTreeMap<String, Vec<(u64, f64)>>;

fn add(points: &mut Points, trial: &str, step: u64, value: f64) {
    let name = trial.rsplit_once('-').unwrap().0.to_owned();
    points.entry(name).or_default().push((step, value));
}

#[test]
fn csv_and_json_lines_have_every_point_that_counts() {
    let test = eventful();
    let recorded = test.recorded().loss;
    test.orch("export --format csv --out points.csv")
        .expect(0, &["of 2 trials are in `points.csv`"]);
    let json = test.json("export trip --format jsonl --out points.jsonl --json");
    let csv = fs::read_to_string(test.path("points.csv")).unwrap();
    let mut lines = csv.lines();
    assert_eq!(lines.next(), Some("trial,variant,seed,metric,item,step,value,time"));
    let mut points = Points::new();
    for line in lines.clone() {
        let fields: Vec<_> = line.split(',').collect();
        assert!(fields[7].parse::<f64>().unwrap() > 1e9);
        assert!(fields[0].starts_with(&format!("{}-s{}-", fields[1], fields[2])));
        if (fields[3], fields[4]) == ("loss", "") {
            add(&mut points, fields[0], fields[5].parse().unwrap(), fields[6].parse().unwrap());
        }
    }
    assert_eq!(points, recorded);
    let jsonl = fs::read_to_string(test.path("points.jsonl")).unwrap();
    assert_eq!(json["points"], jsonl.lines().count());
    assert_eq!(lines.count(), jsonl.lines().count());
    let mut points = Points::new();
    for line in jsonl.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        if line["metric"] == "loss" && line["item"] == "" {
            let (step, value) = (line["step"].as_u64(), line["value"].as_f64());
            add(&mut points, line["trial"].as_str().unwrap(), step.unwrap(), value.unwrap());
        }
    }
    assert_eq!(points, recorded);
}

#[test]
fn lines_can_go_to_standard_output() {
    let test = eventful();
    for format in ["csv", "jsonl"] {
        test.orch(&format!("export --format {format} --out points")).expect(0, &[]);
        let printed = test.orch(&format!("export --format {format} --out -"));
        printed.expect(0, &[]);
        assert_eq!(printed.stdout, fs::read_to_string(test.path("points")).unwrap());
        assert_eq!(printed.stderr, "");
    }
    for format in ["parquet", "tensorboard"] {
        test.orch(&format!("export --format {format} --out -"))
            .expect(2, &["only CSV and JSON lines can be written to standard output", "`--out`"]);
    }
    test.orch("export --format csv --out - --json").expect(2, &["would both print"]);
    assert!(!test.path("-").exists());
}

#[test]
fn an_export_that_cannot_be_written_names_the_path() {
    let test = eventful();
    test.orch("export --format csv --out no/such/points.csv")
        .expect(1, &["cannot write `no/such/points.csv`"]);
    test.orch("export --format csv").expect(2, &["--out <PATH>"]);
    test.orch("export nope --format csv --out points.csv").expect(2, &["there is no run `nope`"]);
    assert!(!test.path("points.csv").exists());
}

/// A line of the CSV file for each row of a Parquet file, by the reader of the crate that wrote it.
fn rows(file: &Path) -> Vec<String> {
    let reader = SerializedFileReader::new(fs::File::open(file).unwrap()).unwrap();
    let text = |field: &Field| match field {
        Field::Str(text) => text.clone(),
        Field::Null => String::new(),
        Field::ULong(number) => number.to_string(),
        Field::Long(number) => number.to_string(),
        Field::Double(number) => number.to_string(),
        other => panic!("{other:?}"),
    };
    let rows = reader.get_row_iter(None).unwrap().map(|row| row.unwrap());
    rows.map(|row| {
        let fields: Vec<_> = row.get_column_iter().map(|(_, field)| text(field)).collect();
        fields.join(",")
    })
    .collect()
}

#[test]
fn a_parquet_file_has_the_rows_of_the_csv_file() {
    let test = eventful();
    test.orch("export --format csv --out points.csv").expect(0, &[]);
    let json = test.json("export --format parquet --out points.parquet --json");
    let csv = fs::read_to_string(test.path("points.csv")).unwrap();
    let rows = rows(&test.path("points.parquet"));
    assert_eq!(json["points"], rows.len());
    assert_eq!(rows, csv.lines().skip(1).collect::<Vec<_>>());
    test.orch("export --format parquet --out no/such/points.parquet")
        .expect(1, &["cannot write `no/such/points.parquet`"]);
}

/// The output of a Python script about a file or folder, by the interpreter that `ORCH_TEST_PYTHON`
/// names; `None`, and a line that the check is skipped, where it is not set.
#[expect(clippy::print_stderr, reason = "a check that was not made must be seen")]
fn python(script: &str, of: &Path) -> Option<String> {
    let Some(python) = std::env::var_os("ORCH_TEST_PYTHON") else {
        eprintln!("skipped: ORCH_TEST_PYTHON names no Python (with pyarrow and tensorboard)");
        return None;
    };
    let output = Command::new(python).args(["-c", script]).arg(of).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).unwrap())
}

/// Prints a Parquet file, read by pyarrow, as the CSV file.
const PYARROW: &str = r#"
import sys, pyarrow.parquet as parquet
table = parquet.read_table(sys.argv[1])
print(",".join(table.column_names))
assert [str(t) for t in table.schema.types] == "string string uint64 string string int64 double double".split()
number = lambda value: "" if value is None else repr(value).removesuffix(".0")
for row in table.to_pylist():
    print(",".join(v if isinstance(v, str) else number(v) for v in row.values()))
"#;

#[test]
fn pyarrow_reads_every_point() {
    let test = eventful();
    test.orch("export --format csv --out points.csv").expect(0, &[]);
    test.orch("export --format parquet --out points.parquet").expect(0, &[]);
    let file = test.path("points.parquet");
    let csv = fs::read_to_string(test.path("points.csv")).unwrap();
    if let Some(read) = python(PYARROW, &file) {
        assert_eq!(read, csv);
    }
}

/// The contents of the records of an event file, each after its length in eight bytes.
fn records(mut file: &[u8]) -> Vec<&[u8]> {
    let mut records = Vec::new();
    while !file.is_empty() {
        let length = u64::from_le_bytes(file[..8].try_into().unwrap()) as usize;
        records.push(&file[12..12 + length]);
        file = &file[16 + length..];
    }
    records
}

#[test]
fn event_files_have_a_record_for_every_point() {
    let test = eventful();
    let json = test.json("export --format tensorboard --out boards --json");
    // A second export replaces the first.
    assert_eq!(test.json("export --format tensorboard --out boards --json"), json);
    let files = json["files"].as_array().unwrap();
    assert_eq!(files.len(), 2);
    let mut count = 0;
    for file in files {
        let bytes = fs::read(test.path(file.as_str().unwrap())).unwrap();
        let records = records(&bytes);
        assert!(records[0].ends_with(b"brain.Event:2"));
        count += records.len() - 1;
    }
    assert_eq!(json["points"], count);
}

/// Prints the points of a folder, read by TensorBoard itself, one per line of JSON.
const READER: &str = r#"
import json, os, sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
for trial in os.listdir(sys.argv[1]):
    events = EventAccumulator(os.path.join(sys.argv[1], trial), size_guidance={"scalars": 0})
    events.Reload()
    for tag in events.Tags()["scalars"]:
        for point in events.Scalars(tag):
            print(json.dumps([trial, tag, point.step, point.value, point.wall_time]))
"#;

#[test]
fn tensorboard_reads_every_point() {
    let test = eventful();
    test.orch("export --format tensorboard --out boards").expect(0, &[]);
    let Some(read) = python(READER, &test.path("boards")) else { return };
    let mut points = Points::new();
    for line in read.lines() {
        let (trial, tag, step, value, time): (String, String, u64, f64, f64) =
            serde_json::from_str(line).unwrap();
        assert!(time > 1e9);
        if tag == "loss" {
            add(&mut points, &trial, step, value);
        }
    }
    let mut expected = test.recorded().loss;
    // TensorBoard has 32 bits.
    expected.values_mut().flatten().for_each(|(_, value)| *value = f64::from(*value as f32));
    assert_eq!(points, expected);
}
