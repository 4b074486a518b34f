//! Records that were damaged after they were complete: named, with an exit code of their own, drawn only
//! on request, and run again on request.

use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;

use crate::common::test_run::TestRun;
use crate::common::wait::wait_for;

const FILE: &str = "\
orch: 1
name: trip
worker: {command: [fake-worker]}
config: {steps: 6, checkpoint_every: 3}
variants: {a: {}, b: {set: {offset: 1}}}
seeds: [0]
report: {table: {name: table, columns: [{metric: psnr, decimals: 3}]}}
";

/// A run that has ended.
fn finished() -> TestRun {
    let test = TestRun::with_file(FILE);
    test.orch("run trip.yaml").expect(0, &["2 of 2 trials done"]);
    test
}

fn events(test: &TestRun) -> PathBuf {
    test.trial("a-s0-").unwrap().join("attempt-1/events.jsonl")
}

fn table(test: &TestRun) -> String {
    fs::read_to_string(test.run_dir().join("report/table.md")).unwrap()
}

fn remove_database(test: &TestRun) {
    for name in ["orch.db", "orch.db-seal"] {
        fs::remove_file(test.run_dir().join(name)).unwrap();
    }
}

#[test]
fn every_verb_that_reads_names_the_damage() {
    let test = finished();
    File::options().write(true).open(events(&test)).unwrap().set_len(0).unwrap();
    let named = ["attempt-1/events.jsonl` has 0 bytes, and had "];
    for without_database in [false, true] {
        if without_database {
            remove_database(&test);
        }
        for verb in ["status", "run trip.yaml", "show a", "export --format csv --out -", "wait"] {
            test.orch(verb).expect(5, &named);
        }
        for verb in ["report", "db check", "gc"] {
            let ended = test.orch(verb);
            ended.expect(5, &named);
            assert!(ended.stdout.is_empty(), "{verb} printed {}", ended.stdout);
        }
    }
    assert!(!test.run_dir().join("report").exists());
}

#[test]
fn a_database_is_not_rebuilt_from_damaged_records() {
    let test = finished();
    fs::write(events(&test), "").unwrap();
    test.orch("db rebuild").expect(1, &["what the database", "--rerun-damaged"]);
    assert_eq!(test.recorded().loss["a-s0"].len(), 6, "it still has what the file has lost");
}

#[test]
fn damaged_trials_run_again_on_request() {
    let test = finished();
    test.orch("report").expect(0, &[]);
    let before = table(&test);
    fs::write(events(&test), "garbage").unwrap();
    test.orch("run trip.yaml").expect(5, &["2 done", "nothing is left to do"]);
    test.orch("run trip.yaml --rerun-damaged")
        .expect(0, &["1 done, 1 to run again from the beginning", "2 of 2 trials done"]);
    assert_eq!((test.attempts("a-s0-"), test.attempts("b-s0-")), (2, 1));
    test.orch("report").expect(0, &[]);
    assert_eq!(table(&test), before);
    test.orch("db check").expect(0, &[]);
}

#[test]
fn accepted_damage_is_said_below_the_table() {
    let test = finished();
    let text = fs::read_to_string(events(&test)).unwrap();
    let value =
        text.split("\"psnr\":").last().unwrap().split(['}', ',']).next().unwrap().to_owned();
    fs::write(events(&test), text.replace(&format!("\"psnr\":{value}"), "\"psnr\":99.5")).unwrap();
    test.orch("report").expect(5, &[]);
    test.orch("run trip.yaml --accept-damage").expect(0, &["accepted as they are"]);
    test.orch("report").expect(0, &[]);
    for part in ["99.500", "Damaged records were accepted as they are: a-s0-"] {
        assert!(table(&test).contains(part), "{}", table(&test));
    }
    test.orch("db check").expect(0, &[]);
    // Run again from the beginning, it is a result like any other.
    fs::write(events(&test), "").unwrap();
    test.orch("run trip.yaml --rerun-damaged").expect(0, &[]);
    test.orch("report").expect(0, &[]);
    assert!(!table(&test).contains("99.500") && !table(&test).contains("accepted"));
}

#[test]
fn lines_that_are_written_after_the_end_do_not_count() {
    let test = finished();
    let mut file = File::options().append(true).open(events(&test)).unwrap();
    writeln!(file, r#"{{"event":"result","values":{{"psnr":99.5}}}}"#).unwrap();
    remove_database(&test);
    test.orch("status").expect(5, &["events.jsonl` has ", ", and had "]);
    assert!(test.recorded().results["a-s0"]["psnr"] < 50.0);
}

#[test]
fn a_bit_that_changes_in_the_database_changes_no_report() {
    let test = finished();
    test.orch("report").expect(0, &[]);
    let expected = table(&test);
    let database = test.run_dir().join("orch.db");
    let whole = fs::read(&database).unwrap();
    for at in (0..whole.len()).step_by(whole.len() / 16 + 1) {
        let mut bytes = fs::read(&database).unwrap();
        bytes[at] ^= 4;
        fs::write(&database, bytes).unwrap();
        test.orch("report").expect(0, &["orch.db` is damaged, and is made again"]);
        assert_eq!(table(&test), expected, "byte {at}");
        test.orch("db check").expect(0, &[]);
    }
}

#[test]
fn a_damaged_journal_is_followed_as_far_as_it_goes() {
    let test = finished();
    let journal = test.run_dir().join("journal.jsonl");
    let text = fs::read_to_string(&journal).unwrap();
    let lines: Vec<_> = text.lines().collect();
    test.orch("report").expect(0, &[]);
    let expected = table(&test);
    for at in 0..lines.len() {
        for (repeats, said) in [(0, "lines are missing at line"), (2, "repeats an earlier line")] {
            let last = at + 1 == lines.len();
            let copies = lines.iter().enumerate().flat_map(|(number, line)| {
                std::iter::repeat_n(line, if number == at { repeats } else { 1 })
            });
            let changed: String = copies.flat_map(|line| [line, "\n"]).collect();
            fs::write(&journal, changed).unwrap();
            let _ = fs::remove_file(test.run_dir().join("orch.db"));
            let ended = test.orch("run trip.yaml");
            if !(last && repeats == 0) {
                ended.expect(5, &[said]);
                test.orch("run trip.yaml --accept-damage").expect(0, &["`journal.jsonl`"]);
            }
            test.orch("report").expect(0, &[]);
            // Perhaps with a note.
            assert!(table(&test).contains(expected.trim_end()), "line {at}: {}", table(&test));
            assert_eq!((test.attempts("a-s0-"), test.attempts("b-s0-")), (1, 1), "line {at}");
            fs::write(&journal, &text).unwrap();
        }
    }
}

#[test]
fn a_supervisor_whose_lock_was_replaced_leaves_the_run_to_the_next() {
    let test = TestRun::with_file(&FILE.replace("steps: 6", "steps: 40, sleep_ms: 50"));
    let first = test.start("run trip.yaml -j 1");
    wait_for("the first trial", || {
        test.trial("a-s0-").filter(|trial| trial.join("attempt-1").is_dir())
    });
    fs::remove_file(test.run_dir().join("supervisor.lock")).unwrap();
    test.orch("run trip.yaml -j 1").expect(0, &["2 of 2 trials done"]);
    first.end().expect(1, &["supervisor.lock` was removed or replaced"]);
    test.orch("db check").expect(0, &[]);
    assert_eq!((test.attempts("a-s0-"), test.attempts("b-s0-")), (1, 1));
}
