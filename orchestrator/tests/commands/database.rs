//! The database is an index: it is checked against the files, rebuilt from them, migrated, and refused
//! where a newer `orch` made it.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use orchestrator::cli;
use serde_json::Value;
use sqlx::migrate::Migrator;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, SqliteConnection};

use crate::common::test_run::TestRun;
use crate::common::wait::wait_for;

async fn open(database: &Path) -> SqliteConnection {
    SqliteConnectOptions::new().filename(database).connect().await.unwrap()
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    cli::block_on(work).unwrap()
}

/// Changes one row of the database behind the back of `orch`, which has not sealed it.
fn alter(database: &Path, statement: &'static str) {
    let _ = fs::remove_file(database.with_extension("db-seal"));
    block_on(async {
        let mut db = open(database).await;
        let done = sqlx::query(statement).execute(&mut db).await.unwrap();
        assert_eq!(done.rows_affected(), 1, "{statement}");
        db.close().await.unwrap();
    });
}

/// Every row of every table, each with its own columns, whatever there is.
fn dump(database: &Path) -> Vec<String> {
    // The ids of metrics follow from the order in which attempts were read, and from nothing else.
    let queries = [
        "select json_object('metric', name) from metric",
        "select trial_id || json_array(name, key, variant, seed, position, state, state_json,
            changed_ms, build, data, attempts_reset) from trial",
        "select json_array(attempt_id, trial_id, number, started_ms, bytes_read, lines_read,
            in_long_line, skipped_lines, partial_lines, program, build, data, device, resumed_from, phase,
            phase_step, phase_total, phase_time, failure_class, failure_message, stop_cause, last_step,
            stalled_since_ms) from attempt",
        "select json_array(attempt_id, name, item, step, printf('%!.17g', value), time)
            from point join attempt_series using (series_id) join metric using (metric_id)",
        "select json_array(attempt_id, name, printf('%!.17g', value))
            from result join metric using (metric_id)",
        "select json_array(attempt_id, name, description, unit)
            from attempt_metric join metric using (metric_id)",
        "select json_array(attempt_id, step, path, hash) from checkpoint",
        "select json_array(attempt_id, step, removed_ms) from removed_checkpoint",
        "select json_array(attempt_id, kind, name, item, step, path) from artifact",
        "select json_array(attempt_id, line, reason) from skipped_line",
        "select json_array(name, label, position) from variant",
        "select json_array('journal', bytes_read, stop_request) from journal",
    ];
    block_on(async {
        let mut db = open(database).await;
        let mut rows = Vec::new();
        for query in queries {
            let query = format!("{query} order by 1");
            let found: Vec<String> =
                sqlx::query_scalar(AssertSqlSafe(query)).fetch_all(&mut db).await.unwrap();
            rows.extend(found);
        }
        db.close().await.unwrap();
        rows
    })
}

/// A run with failures, retries, malformed events, a killed supervisor, a cancelled trial that is
/// retried, and one that the file no longer names.
fn eventful() -> TestRun {
    let test = TestRun::with(&[
        ("label: First", "label: First, set: {garbage: true, crash_at: 7, crash_attempts: 1}"),
        ("set: {offset: 1}}", "set: {offset: 1}}\n  c: {label: Third, set: {hang_at: 9}}"),
        ("seeds: [0]", "seeds: [0, 1]"),
    ]);
    let run = test.start("run trip.yaml");
    test.wait_for_step("c-s0-", 1, 8);
    run.kill();
    let run = test.start("run trip.yaml");
    wait_for("the supervisor", || {
        let status = test.json("status --json");
        (status["supervisor"]["pid"] == run.pid()).then_some(())
    });
    test.orch("stop c-s0").expect(0, &[]);
    test.orch("retry c-s0").expect(0, &[]);
    wait_for("another attempt", || (test.attempts("c-s0-") == 2).then_some(()));
    test.kill_all();
    drop(run);
    test.edit(&[("\n  c: {label: Third, set: {hang_at: 9}}", ""), ("attempts: 3", "attempts: 2")]);
    test.edit(&[("label: Second, set: {offset: 1}", "label: Second, set: {offset: 2, exit: 9}")]);
    test.orch("run trip.yaml").expect(1, &["2 failed"]);
    test
}

#[test]
fn a_rebuilt_database_has_the_same_contents() {
    let test = eventful();
    let database = test.run_dir().join("orch.db");
    let check = test.orch("db check");
    check.expect(0, &[]);
    assert!(check.stdout.contains("is intact and agrees with the files"), "{}", check.stdout);
    let before = dump(&database);
    assert!(before.len() > 200, "{}", before.len());

    test.orch("db rebuild").expect(0, &["was rebuilt from the files"]);
    assert_eq!(dump(&database), before);
    fs::remove_file(&database).unwrap();
    test.orch("db rebuild").expect(0, &[]);
    assert_eq!(dump(&database), before);
    let beside = fs::read_dir(test.run_dir()).unwrap().map(|e| e.unwrap().file_name());
    let left: BTreeSet<_> = beside.filter(|n| n.to_string_lossy().starts_with("orch.")).collect();
    assert_eq!(left, ["orch.db", "orch.db-seal"].map(OsString::from).into());
}

#[test]
fn a_check_names_the_rows_that_do_not_follow_from_the_files() {
    let test = TestRun::with(&[("sleep_ms: 20", "sleep_ms: 0")]);
    test.orch("run trip.yaml").expect(0, &[]);
    let database = test.run_dir().join("orch.db");
    let assert_found_and_rebuild = |words: &[&str]| {
        let check = test.orch("db check");
        check.expect(1, &["`orch db rebuild trip` makes it again"]);
        for word in words {
            assert!(check.stdout.contains(word), "no `{word}` in {}", check.stdout);
        }
        test.orch("db rebuild").expect(0, &[]);
        test.orch("db check").expect(0, &[]);
    };
    alter(
        &database,
        "update point set value = value + 1e-9 where step = 3 and series_id =
            (select min(series_id) from attempt_series where attempt_id = 1)",
    );
    assert_found_and_rebuild(&[
        "point: {\"series\":\"a-s0-",
        "\"step\":3",
        "does not follow from the files",
        "is missing",
    ]);
    alter(&database, "delete from checkpoint where attempt_id = 2 and step = 5");
    assert_found_and_rebuild(&["checkpoint: {\"attempt\":\"b-s0-", "\"step\":5", "is missing"]);
    fs::write(&database, "not a database at all, but long enough to be taken for one").unwrap();
    assert_found_and_rebuild(&["is not as it was closed"]);

    // Records that only the database has are not discarded.
    let events = test.attempt("a-s0-", 1).unwrap().events();
    fs::rename(&events, events.with_extension("away")).unwrap();
    let check = test.orch("db check");
    check.expect(5, &["events.jsonl` cannot be read: No such file"]);
    test.orch("db rebuild").expect(1, &["has 0 bytes", "would be lost", "hint: put the file back"]);
    fs::rename(events.with_extension("away"), &events).unwrap();
    test.orch("db rebuild").expect(0, &[]);
}

#[test]
fn a_rebuild_disturbs_neither_readers_nor_a_supervisor() {
    let test = TestRun::with(&[("label: First", "label: First, set: {hang_at: 12}")]);
    let run = test.start("run trip.yaml");
    test.wait_for_step("a-s0-", 1, 11);
    test.orch("db rebuild").expect(4, &["is being run by process"]);
    // It can be checked while it is written to.
    test.orch("db check").expect(0, &[]);
    test.kill_all();
    drop(run);
    let database = test.run_dir().join("orch.db");
    assert!(database.with_extension("db-wal").is_file(), "the database was closed");
    block_on(async {
        let mut reader = open(&database).await;
        let count = "select count(*) from point";
        sqlx::query("begin").execute(&mut reader).await.unwrap();
        let before: i64 = sqlx::query_scalar(count).fetch_one(&mut reader).await.unwrap();
        test.orch("db rebuild").expect(0, &[]);
        let after: i64 = sqlx::query_scalar(count).fetch_one(&mut reader).await.unwrap();
        assert_eq!(before, after);
        test.orch("db check").expect(0, &[]);
        test.orch("status").expect(0, &[]);
    });
    test.orch("db check").expect(0, &[]);
}

#[test]
fn a_rebuild_that_is_killed_loses_nothing() {
    let test = TestRun::with(&[("sleep_ms: 20", "sleep_ms: 0"), ("steps: 20", "steps: 3000")]);
    test.orch("run trip.yaml -q").expect(0, &[]);
    let database = test.run_dir().join("orch.db");
    let before = dump(&database);
    for _ in 0..5 {
        let rebuild = test.start("db rebuild");
        wait_for("a new database", || database.with_extension("new.db").is_file().then_some(()));
        rebuild.kill();
        test.orch("db check").expect(0, &[]);
    }
    test.orch("db rebuild").expect(0, &[]);
    assert_eq!(dump(&database), before);
    assert!(!database.with_extension("new.db").exists());
}

#[test]
fn a_database_of_a_newer_orch_is_refused_with_advice() {
    let test = TestRun::with(&[("sleep_ms: 20", "sleep_ms: 0")]);
    test.orch("run trip.yaml").expect(0, &[]);
    let database = test.run_dir().join("orch.db");
    let newer =
        "insert into _sqlx_migrations (version, description, success, checksum, execution_time)
                 values (9999, 'of tomorrow', true, x'00', 0)";
    alter(&database, newer);
    for verb in ["status", "run trip.yaml", "report", "show a", "db check"] {
        test.orch(verb)
            .expect(1, &["was made by a newer `orch` (version 9999", "`orch db rebuild`"]);
    }
    test.orch("db rebuild").expect(0, &[]);
    test.orch("run trip.yaml").expect(0, &["nothing is left to do"]);
}

#[test]
fn a_database_of_an_older_orch_is_migrated_once() {
    let test = TestRun::with(&[("sleep_ms: 20", "sleep_ms: 0")]);
    test.orch("run trip.yaml").expect(0, &[]);
    let database = test.run_dir().join("orch.db");
    let before = dump(&database);
    for file in [&database, &database.with_extension("db-seal")] {
        fs::remove_file(file).unwrap();
    }
    block_on(async {
        // Before its first table, a database has no version.
        let folder = tempfile::tempdir().unwrap();
        let old = Migrator::new(folder.path()).await.unwrap();
        let options = SqliteConnectOptions::new().filename(&database).create_if_missing(true);
        let mut db = options.connect().await.unwrap();
        old.run(&mut db).await.unwrap();
        db.close().await.unwrap();
    });
    // A reader that may not write gets advice; others notice nothing.
    let lock = orchestrator::run_dir::RunDir::new(&test.path("runs"), "trip").lock().unwrap();
    test.orch("status").expect(
        1,
        &["was made by an older `orch` (version 0", "hint: any command of this one migrates it"],
    );
    drop(lock);
    let together: Vec<_> = (0..6).map(|_| test.start("status")).collect();
    for status in together {
        status.end().expect(0, &[]);
    }
    assert_eq!(dump(&database), before);
}

/// All databases in the folder and below it.
fn databases(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.extension() {
            _ if path.is_dir() => found.extend(databases(&path)),
            Some(extension) if extension == "db" => found.push(path),
            _ => {}
        }
    }
    found
}

#[test]
fn every_verb_finds_a_database_in_another_folder() {
    let test = TestRun::with(&[("sleep_ms: 20", "sleep_ms: 0")]);
    let elsewhere = test.path("databases");
    let orch = |arguments: &str| {
        test.start_with(arguments, &[("ORCH_DB_DIR", elsewhere.to_str().unwrap())]).end()
    };
    let run = orch("run trip.yaml");
    run.expect(0, &["note: the database is `", "as set by `ORCH_DB_DIR`"]);
    let there = databases(&elsewhere).remove(0);
    assert!(run.stderr.contains(&format!("`{}`", there.display())), "{}", run.stderr);
    let before = dump(&there);
    let verbs =
        ["status", "show a", "why a", "report", "gc", "wait", "db check", "db rebuild", "db check"];
    for verb in verbs {
        orch(verb).expect(0, &[]);
    }
    assert!(orch("doctor").stdout.contains("1 database readable"));
    assert_eq!(dump(&there), before);
    for verb in verbs {
        fs::remove_file(&there).unwrap();
        orch(verb).expect(0, &[]);
        orch("status").expect(0, &[]);
        assert_eq!(dump(&there), before, "{verb}");
    }
    assert_eq!(databases(test.folder.path()), [there]);
    // Without the variable there is another, with the same contents.
    test.orch("status").expect(0, &[]);
    assert_eq!(dump(&test.run_dir().join("orch.db")), before);
}

#[test]
fn a_second_database_beside_that_of_the_supervisor_is_kept_up_to_date() {
    let test = TestRun::with(&[("label: First", "label: First, set: {hang_at: 12}")]);
    let run = test.start("run trip.yaml");
    test.wait_for_step("a-s0-", 1, 11);
    let elsewhere = test.path("elsewhere");
    let environment = [("ORCH_DB_DIR", elsewhere.to_str().unwrap())];
    for _ in 0..2 {
        let together: Vec<_> =
            (0..4).map(|_| test.start_with("status --json", &environment)).collect();
        for status in together {
            status.end().expect(0, &[]);
        }
        let status = test.start_with("status --json", &environment).end();
        let status: Value = serde_json::from_str(&status.stdout).unwrap();
        assert_eq!(status["supervisor"]["pid"], run.pid());
        assert_eq!(status["trials"][0]["status"]["state"], "running", "{status}");
        test.start_with("db check", &environment).end().expect(0, &[]);
    }
    test.orch("stop --all").expect(0, &[]);
    drop(run);
    test.start_with("status", &environment).end().expect(0, &[]);
    assert_eq!(dump(&databases(&elsewhere)[0]), dump(&test.run_dir().join("orch.db")));
}

#[test]
fn a_damaged_value_is_named_with_the_database_and_a_rebuild_repairs_it() {
    let test = TestRun::with(&[("sleep_ms: 20", "sleep_ms: 0")]);
    test.orch("run trip.yaml").expect(0, &[]);
    let (database, before) = (test.run_dir().join("orch.db"), test.orch("status").stdout);
    let damages = [
        ("update trial set state_json = 'garbage' where variant = 'a'", "the state of `a-s0-"),
        ("update attempt set stop_cause = 'boredom' where attempt_id = 1", "the cause for which"),
    ];
    for (damage, what) in damages {
        alter(&database, damage);
        for verb in ["status", "show a-s0", "report", "run trip.yaml", "stop a-s0", "retry a-s0"] {
            let ended = test.orch(verb);
            assert!(!ended.stderr.contains("panicked"), "{verb}: {}", ended.stderr);
            if damage.contains("state_json") {
                ended.expect(1, &["orch.db` is damaged: ", what, "`orch db rebuild`"]);
            }
        }
        test.orch("db check").expect(1, &["`orch db rebuild trip` makes it again"]);
        test.orch("db rebuild").expect(0, &[]);
        assert_eq!(test.orch("status").stdout, before);
    }
}

#[test]
fn a_run_whose_path_is_too_long_for_sqlite_has_its_database_elsewhere() {
    let test = TestRun::with(&[("sleep_ms: 20", "sleep_ms: 0")]);
    // More than the 512 bytes of SQLite, and far less than the system's 4096.
    let runs = format!("{0}/{0}/{0}/{0}", "d".repeat(200));
    let of_these = |arguments: &str| test.orch(&format!("{arguments} --runs {runs}"));
    of_these("run trip.yaml").expect(0, &["note: the database is `", "2 of 2 trials done"]);
    assert!(!test.path(&runs).join("trip/orch.db").exists());
    of_these("status").expect(0, &[]);
    of_these("report").expect(0, &[]);
    of_these("db check").expect(0, &[]);
    of_these("db rebuild").expect(0, &[]);
    of_these("run trip.yaml").expect(0, &["nothing is left to do"]);
}
