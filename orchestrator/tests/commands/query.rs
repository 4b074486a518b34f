//! `orch query`: a user's own `select` reads the records, and can change nothing.

use std::process::Stdio;

use serde_json::json;

use crate::common::test_run::{Ended, TestRun};

/// A run that is done.
fn done() -> TestRun {
    let test = TestRun::with(&[("sleep_ms: 20", "sleep_ms: 0")]);
    test.orch("run trip.yaml").expect(0, &[]);
    test
}

/// `orch query` with a `select`, which has spaces.
fn query(test: &TestRun, select: &str, flags: &str) -> Ended {
    let mut command = test.command("query");
    Ended::of(command.arg(select).args(flags.split_whitespace()).output().unwrap())
}

#[test]
fn bytes_that_are_no_text_are_replaced() {
    let answer = query(&done(), "select cast(x'80' as text), x'80'", "--format json");
    answer.expect(0, &[]);
    assert_eq!(answer.stdout.matches('\u{fffd}').count(), 2, "{}", answer.stdout);
}

#[test]
fn the_run_may_come_first() {
    let test = done();
    let select = "select count(*) from final";
    let after = query(&test, select, "trip");
    after.expect(0, &[]);
    let mut command = test.command("query trip");
    assert_eq!(Ended::of(command.arg(select).output().unwrap()).stdout, after.stdout);
}

#[test]
fn every_format_has_the_recorded_values() {
    let test = done();
    let select = "select variant, step, value from series where metric = 'loss' and item = '' \
                  order by variant, step";
    let csv = query(&test, select, "--format csv");
    csv.expect(0, &[]);
    let mut lines = csv.stdout.lines();
    assert_eq!(lines.next(), Some("variant,step,value"));
    let series = test.recorded().loss;
    let expected: Vec<_> = series
        .iter()
        .flat_map(|(trial, points)| {
            let variant = trial.strip_suffix("-s0").unwrap();
            points.iter().map(move |(step, value)| format!("{variant},{step},{value}"))
        })
        .collect();
    assert!(expected.len() >= 40);
    assert_eq!(lines.collect::<Vec<_>>(), expected);
    // CSV is the default where standard output is not a terminal.
    assert_eq!(query(&test, select, "").stdout, csv.stdout);
    let json = query(&test, select, "--format json").json();
    let rows = json["rows"].as_array().unwrap().iter();
    let rows = rows.map(|row| {
        format!("{},{},{}", row["variant"].as_str().unwrap(), row["step"], row["value"])
    });
    assert_eq!(rows.collect::<Vec<_>>(), expected);
}

#[test]
fn null_nan_and_infinity_are_shown_as_such() {
    let test = done();
    let select = "select null as a, 'x' as long_name, -1.5 as c union all select 'y,z', '', 1e999";
    let table = query(&test, select, "--format table");
    assert_eq!(table.stdout, "a     long_name  c\nNULL  x          -1.5\ny,z              inf\n");
    assert_eq!(query(&test, select, "").stdout, "a,long_name,c\n,x,-1.5\n\"y,z\",,inf\n");
    assert_eq!(
        query(&test, select, "--format json").json()["rows"],
        json!([
            {"a": null, "long_name": "x", "c": -1.5},
            {"a": "y,z", "long_name": "", "c": "Infinity"},
        ])
    );
    assert_eq!(query(&test, "select 1 as a where 0", "").stdout, "a\n");
    let none = query(&test, "select 1 as a where 0", "--format json");
    assert_eq!(none.json()["rows"], json!([]));
}

#[test]
fn only_a_single_read_statement_is_accepted() {
    let test = done();
    for (select, word) in [
        ("delete from trial", "only a `select` is allowed"),
        ("vacuum into 'made.db'", "only a `select` is allowed"),
        ("attach 'made.db' as made", "only a `select` is allowed"),
        ("pragma query_only = off", "only a `select` is allowed"),
        ("with a as (select 1) delete from point", "readonly database"),
        ("select 1; vacuum into 'made.db'", "only one `select` is allowed"),
        ("select psnr from final", "no such column: psnr"),
        ("select * from finals", "no such table: finals"),
        ("select from", "syntax error"),
        ("select load_extension('x')", "SQL: "),
    ] {
        query(&test, select, "").expect(2, &["error: ", word, "hint: the views are `series`"]);
    }
    query(&test, "select 1 as a, 2 as a", "--format json")
        .expect(2, &["two columns are named `a`"]);
    test.orch("query select nope").expect(2, &["there is no run `nope`"]);
    // It agrees with journal and events as before.
    test.orch("db check").expect(0, &[]);
    assert!(!test.path("made.db").exists());
}

#[test]
fn rows_are_streamed_and_a_closed_pipe_is_not_an_error() {
    let test = done();
    // It has infinitely many rows.
    let endless = "with recursive n(i) as (select 1 union all select i + 1 from n) select i from n";
    for format in ["table", "csv", "json"] {
        let mut command = test.command("query");
        command.arg(endless).args(["--format", format]);
        let mut orch = command.spawn().unwrap();
        let mut head = std::process::Command::new("head");
        head.args(["-n", "3"]).stdin(orch.stdout.take().unwrap()).stdout(Stdio::piped());
        let seen = String::from_utf8(head.output().unwrap().stdout).unwrap();
        // It holds the other end of the pipe.
        drop(head);
        assert_eq!(seen.lines().count(), 3, "{seen}");
        let ended = Ended::of(orch.wait_with_output().unwrap());
        ended.expect(0, &[]);
        assert_eq!(ended.stderr, "");
    }
}

#[test]
fn trials_that_the_file_no_longer_names_are_in_neither_view() {
    let test = done();
    let count = |test: &TestRun| {
        let select = "select count(distinct trial) from series union all select count(distinct trial) from final";
        query(test, select, "").stdout
    };
    let before = count(&test);
    test.edit(&[("steps: 20", "steps: 8")]);
    test.orch("run trip.yaml").expect(0, &["retired"]);
    assert_eq!(count(&test), before);
    assert!(
        query(&test, "select max(step) as last from series where metric = 'loss'", "")
            .stdout
            .ends_with("\n8\n")
    );
}
