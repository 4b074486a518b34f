//! The time from a worker's events to points that can be queried, beside bare SQLite, which writes the
//! same points into the same tables by one prepared statement.
//!
//!     cargo bench -p orchestrator --bench ingest -- [POINTS] [FOLDER]
//!
//! Best of five rounds, one after the other in turn; POINTS is 2,000,000, FOLDER a temporary one.

#![expect(clippy::print_stdout, reason = "its result")]
#![expect(clippy::unwrap_used, reason = "a failure is the end of it")]

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use experiments::protocol::events::Line;
use experiments::protocol::trial_id::TrialId;
use nix::time::{ClockId, clock_gettime};
use orchestrator::store::{Store, UnreadEvents};
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

/// Points a second that are wanted, and their share of bare SQLite's.
const GOAL: f64 = 800_000.0;
const GOAL_SHARE: f64 = 0.7;

const ROUNDS: usize = 5;

/// Points that bare SQLite writes by one statement, and in one transaction.
const ROWS: usize = 5_000;
const TRANSACTION: usize = 50_000;

const TRIAL: &str = "a-s0-00000000";

/// Rows that the points refer to.
const REFERRED: &str = "
    insert into trial (trial_id, name, key, variant, seed, state, state_json, changed_ms, planned_after)
        values (1, 'a-s0-00000000', '', 'a', 0, 'running', '', 0, 0);
    insert into attempt (attempt_id, trial_id, number, started_ms) values (1, 1, 1, 0);";
const SERIES: &str = "
    insert into metric (metric_id, name) values (1, 'loss');
    insert into attempt_series (series_id, attempt_id, metric_id, item) values (1, 1, 1, '');";

fn main() {
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    let count = arguments.next().map_or(2_000_000, |count| count.parse().unwrap());
    let temporary = tempfile::tempdir().unwrap();
    let folder = arguments.next().map_or(temporary.path().to_owned(), PathBuf::from);
    let events = folder.join("events.jsonl");
    let text = events_of(count);
    fs::write(&events, &text).unwrap();

    let (mut parsing, mut ingesting, mut bare) = (Cost::MOST, Cost::MOST, Cost::MOST);
    for _ in 0..ROUNDS {
        parsing = parsing.min(measure(|| parse(&text)));
        ingesting = ingesting.min(ingest(&folder, &events, count));
        bare = bare.min(write_bare(&folder, count));
    }
    for (what, cost) in
        [("parsing alone", parsing), ("bare SQLite", bare), ("events to points", ingesting)]
    {
        let each = |time: Duration| time.as_secs_f64() / count as f64;
        println!(
            "{what:17} {:9.0} points/s, {:4.0} ns of CPU each",
            1.0 / each(cost.wall),
            each(cost.cpu) * 1e9
        );
    }
    let (rate, share) =
        (count as f64 / ingesting.wall.as_secs_f64(), bare.wall.div_duration_f64(ingesting.wall));
    println!("goal: {GOAL:.0} points/s; {:.2} of it", rate / GOAL);
    println!("goal: {GOAL_SHARE} of bare SQLite; {share:.2}");
}

/// The least time that something took.
#[derive(Clone, Copy)]
struct Cost {
    wall: Duration,
    cpu: Duration,
}

impl Cost {
    const MOST: Self = Self { wall: Duration::MAX, cpu: Duration::MAX };

    fn min(self, other: Self) -> Self {
        Self { wall: self.wall.min(other.wall), cpu: self.cpu.min(other.cpu) }
    }
}

fn measure(work: impl FnOnce()) -> Cost {
    let cpu = || Duration::from(clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID).unwrap());
    let (start, before) = (Instant::now(), cpu());
    work();
    Cost { wall: start.elapsed(), cpu: cpu().saturating_sub(before) }
}

/// The value and the time of the point at `step`, with as many digits as training scripts write.
fn point(step: usize) -> (f64, f64) {
    let noise = step.wrapping_mul(2_654_435_761) % 1_000_000;
    let value = 1000.0 / (step as f64 + 999.0) + noise as f64 / 1e7;
    ((value * 1e6).round() / 1e6, 1_767_225_600.0 + step as f64 / 50.0)
}

fn events_of(count: usize) -> String {
    let mut text = String::new();
    for step in 0..count {
        let (value, time) = point(step);
        writeln!(
            text,
            r#"{{"event":"metrics","step":{step},"values":{{"loss":{value}}},"time":{time:.2}}}"#
        )
        .unwrap();
    }
    text
}

fn parse(text: &str) {
    for line in text.lines() {
        std::hint::black_box(Line::parse(line).unwrap());
    }
}

fn ingest(folder: &Path, events: &Path, count: usize) -> Cost {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let database = new_database(folder, "ingested.db");
    drop(runtime.block_on(Store::open(&database)).unwrap());
    Connection::open(&database).unwrap().execute_batch(REFERRED).unwrap();
    let mut store = runtime.block_on(Store::open(&database)).unwrap();
    let trial = TrialId(TRIAL.to_owned());
    let unread = UnreadEvents { trial, attempt: 1, file: events.to_owned(), end: u64::MAX };
    let cost = measure(|| {
        runtime.block_on(async {
            while store.read_events(&unread).await.unwrap().more {}
            store.commit().await.unwrap();
        });
    });
    check(&Connection::open(&database).unwrap(), count);
    cost
}

fn write_bare(folder: &Path, count: usize) -> Cost {
    let database = Connection::open(new_database(folder, "bare.db")).unwrap();
    let settings =
        "pragma journal_mode = wal; pragma synchronous = normal; pragma foreign_keys = on;";
    database.execute_batch(settings).unwrap();
    database.execute_batch(include_str!("../../migrations/0001_records.sql")).unwrap();
    database.execute_batch(REFERRED).unwrap();
    database.execute_batch(SERIES).unwrap();
    let rows = vec!["(?, ?, ?, ?)"; ROWS].join(", ");
    let insert =
        format!("insert or replace into point (series_id, step, value, time) values {rows}");
    assert!(count.is_multiple_of(TRANSACTION));
    let cost = measure(|| {
        let mut insert = database.prepare(&insert).unwrap();
        for transaction in 0..count / TRANSACTION {
            database.execute_batch("begin").unwrap();
            for first in (transaction * TRANSACTION..).step_by(ROWS).take(TRANSACTION / ROWS) {
                let values = (first..first + ROWS).flat_map(|step| {
                    let (value, time) = point(step);
                    [
                        Value::Integer(1),
                        Value::Integer(step as i64),
                        Value::Real(value),
                        Value::Real(time),
                    ]
                });
                insert.execute(params_from_iter(values)).unwrap();
            }
            database.execute_batch("commit").unwrap();
        }
    });
    check(&database, count);
    cost
}

fn new_database(folder: &Path, name: &str) -> PathBuf {
    let path = folder.join(name);
    for extension in ["db", "db-wal", "db-shm", "db-seal"] {
        let _ = fs::remove_file(path.with_extension(extension));
    }
    path
}

/// Panics unless all points can be queried.
fn check(database: &Connection, count: usize) {
    let sum = "select count(*), sum(value) from point";
    let (rows, sum): (i64, f64) =
        database.query_row(sum, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    let expected: f64 = (0..count).map(|step| point(step).0).sum();
    assert_eq!(rows, count as i64);
    assert!((sum - expected).abs() < 1e-6 * expected);
}
