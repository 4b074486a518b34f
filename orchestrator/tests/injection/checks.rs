//! Checks of an experiment that is done, whatever faults were injected.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use orchestrator::scheduler::State;
use orchestrator::store::journal_file::{Entry, Line};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, SqliteConnection};

use super::campaign::TRIALS;
use crate::common::processes;
use crate::common::test_run::TestRun;
use crate::common::wait::wait_for;

/// No process, no leased slot, no request and no temporary file.
pub(crate) fn nothing_is_left(test: &TestRun) {
    // A holder ends a moment after it has recorded the end of its attempt.
    wait_for("the last process to end", || processes::of(&test.path("")).is_empty().then_some(()));
    for slot in files_below(&test.path("state")) {
        assert!(File::open(&slot).unwrap().try_lock().is_ok(), "{} is taken", slot.display());
    }
    let requests = test.run_dir().join("requests");
    let requests = if requests.is_dir() { files_below(&requests) } else { Vec::new() };
    assert!(requests.is_empty(), "{requests:?}");
    let mut temporary = files_below(&test.path("runs"));
    temporary.retain(|path| path.file_name().unwrap().to_str().unwrap().starts_with('.'));
    assert!(temporary.is_empty(), "{temporary:?}");
}

/// Attempts that have a process on the GPU, by GPU.
type OnGpu = BTreeMap<String, BTreeSet<String>>;

/// At most two trials share a GPU, whether their holders live or not. A process that is there in both
/// of two polls was there all the time between them.
pub(crate) fn no_gpu_is_over_booked(test: &TestRun) {
    let (before, after) = (on_gpus(test), on_gpus(test));
    for (gpu, attempts) in &before {
        let stayed: Vec<_> = attempts.intersection(after.get(gpu).unwrap_or(attempts)).collect();
        assert!(stayed.len() <= 2, "{gpu} has {stayed:?}");
    }
}

fn on_gpus(test: &TestRun) -> OnGpu {
    let mut found = OnGpu::new();
    for pid in processes::of(&test.path("")) {
        let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        let environment = String::from_utf8_lossy(&environment);
        let value = |name: &str| {
            let mut set = environment.split('\0').filter_map(|set| set.strip_prefix(name));
            set.next().map(str::to_owned)
        };
        if let (Some(gpu), Some(attempt)) = (value("CUDA_VISIBLE_DEVICES="), value("ORCH_EVENTS="))
        {
            found.entry(gpu).or_default().insert(attempt);
        }
    }
    found
}

/// The steps of every trial's checkpoints.
pub(crate) type Checkpoints = BTreeMap<String, BTreeSet<u64>>;

/// The checkpoints in the trials' folders, each of which is complete.
pub(crate) fn checkpoints(test: &TestRun) -> Checkpoints {
    let mut found = Checkpoints::new();
    for path in files_below(&test.run_dir().join("trials")) {
        if path.parent().unwrap().ends_with("checkpoints") {
            let trial = path.ancestors().nth(2).unwrap().file_name().unwrap().to_str().unwrap();
            let step = serde_json::from_slice::<u64>(&fs::read(&path).unwrap()).unwrap();
            assert_eq!(path.file_stem().unwrap().to_str(), Some(format!("{step:08}").as_str()));
            let variant_and_seed = trial.rsplit_once('-').unwrap().0;
            found.entry(variant_and_seed.to_owned()).or_default().insert(step);
        }
    }
    found
}

/// No checkpoint of the run without faults is missing; stops have added others.
pub(crate) fn every_checkpoint_is_there(test: &TestRun, expected: &Checkpoints) {
    let found = checkpoints(test);
    for (trial, steps) in expected {
        assert!(found[trial].is_superset(steps), "{trial}: {:?} of {steps:?}", found[trial]);
    }
}

/// The journal records the success of every trial exactly once, and states that follow from each
/// other.
pub(crate) fn every_trial_succeeded_once(test: &TestRun) {
    let mut states = BTreeMap::new();
    let mut successes = BTreeMap::new();
    for line in journal(test) {
        let Entry::Changed { trial, from, to, .. } = line.entry else { continue };
        if let Some(before) = states.insert(trial.clone(), to.clone()) {
            assert_eq!(before, from, "{trial}");
        }
        if matches!(to, State::Succeeded { .. }) {
            *successes.entry(trial).or_insert(0) += 1;
        }
    }
    assert_eq!(successes.len(), TRIALS);
    assert!(states.values().all(|state| matches!(state, State::Succeeded { .. })), "{states:?}");
    assert!(successes.values().all(|times| *times == 1), "{successes:?}");
}

/// The processes have seen the stepped clock.
pub(crate) fn the_clock_was_stepped(test: &TestRun) {
    let times: Vec<_> = journal(test).into_iter().map(|line| line.time_ms).collect();
    let hour_ms = 3_600_000;
    assert!(times.iter().max().unwrap() - times.iter().min().unwrap() > hour_ms / 2);
}

/// The contents of each table, by names instead of the database's own numbers.
const TABLES: [&str; 7] = [
    "select * from DB.variant",
    "select name, key, variant, seed, position, state, state_json, changed_ms, build, data
     from DB.trial",
    "select name, number, started_ms, bytes_read, skipped_lines, partial_lines, program, attempt.build, device,
         resumed_from, phase, phase_step, phase_total, phase_time, failure_class, failure_message
     from DB.attempt join DB.trial using (trial_id)",
    "select trial.name, number, metric.name, item, step, value, time
     from DB.point join DB.attempt_series using (series_id) join DB.metric using (metric_id)
     join DB.attempt using (attempt_id) join DB.trial using (trial_id)",
    "select trial.name, number, metric.name, value
     from DB.result join DB.metric using (metric_id)
     join DB.attempt using (attempt_id) join DB.trial using (trial_id)",
    "select name, number, step, path, hash
     from DB.checkpoint join DB.attempt using (attempt_id) join DB.trial using (trial_id)",
    "select bytes_read from DB.journal",
];

/// A rebuilt database has the same contents to the last bit.
pub(crate) fn the_database_follows_from_the_files(test: &TestRun) {
    let database = test.run_dir().join("orch.db");
    let before = database.with_file_name("before.db");
    fs::rename(&database, &before).unwrap();
    test.orch("status").expect(0, &[]);
    let compare = async {
        let mut db = SqliteConnectOptions::new().filename(&database).connect().await?;
        sqlx::query("attach ? as before").bind(before.to_str()).execute(&mut db).await?;
        for table in TABLES {
            let (then, now) = (table.replace("DB", "before"), table.replace("DB", "main"));
            assert_eq!(count(&mut db, &then).await?, count(&mut db, &now).await?, "{table}");
            let differing = format!("{then} except {now}");
            assert_eq!(count(&mut db, &differing).await?, 0, "{table}");
        }
        Ok::<_, sqlx::Error>(())
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(compare).unwrap();
}

async fn count(db: &mut SqliteConnection, rows: &str) -> Result<i64, sqlx::Error> {
    let count = format!("select count(*) from ({rows})");
    sqlx::query_scalar(sqlx::AssertSqlSafe(count)).fetch_one(db).await
}

/// The lines of the journal, without those that a full disk has cut short.
pub(crate) fn journal(test: &TestRun) -> Vec<Line> {
    let text = fs::read_to_string(test.run_dir().join("journal.jsonl")).unwrap_or_default();
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

pub(crate) fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap().flatten() {
        if entry.file_type().unwrap().is_dir() {
            files.extend(files_below(&entry.path()));
        } else {
            files.push(entry.path());
        }
    }
    files
}
