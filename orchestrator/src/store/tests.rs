//! The points of several attempts that are in effect, and that ingesting loses and doubles none.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;

use experiments::expand::Row;
use experiments::protocol::trial_id::TrialId;
use proptest::prelude::*;

use super::series::Series;
use super::{Store, StoreError, Times};
use crate::scheduler::State;
use crate::store::journal_file::{Entry, Journal, JournaledTrial, Planned};

/// A run with one trial, whose attempts report what the test wants.
struct Run {
    folder: tempfile::TempDir,
    store: Store,
    journal: Journal,
    state: State,
}

pub(super) fn trial() -> TrialId {
    TrialId("a-s0-00000000".to_owned())
}

/// [`trial`] as it is planned.
pub(super) fn journaled_trial() -> JournaledTrial {
    JournaledTrial {
        id: trial(),
        key: "0".repeat(64),
        variant: "a".to_owned(),
        seed: 0,
        build: None,
        data: None,
    }
}

impl Run {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("orch.db")).await.unwrap();
        let mut journal = Journal::open(&folder.path().join("journal.jsonl")).unwrap();
        let rows = vec![Row { name: "a".to_owned(), label: "A".to_owned(), deterministic: false }];
        journal
            .append(Entry::Planned(Planned {
                rows,
                trials: vec![journaled_trial()],
                ..Planned::default()
            }))
            .unwrap();
        let state = State::Queued { reason: "new".to_owned() };
        Self { folder, store, journal, state }
    }

    async fn change(&mut self, to: State) -> Result<(), StoreError> {
        let from = std::mem::replace(&mut self.state, to.clone());
        self.journal.append(Entry::Changed { trial: trial(), from, to, seal: None }).unwrap();
        self.store.read_journal(&self.folder.path().join("journal.jsonl")).await
    }

    fn events(&self, attempt: u32) -> PathBuf {
        self.folder.path().join(format!("{attempt}.jsonl"))
    }

    /// Another attempt, which reports `lines`.
    async fn attempt(&mut self, number: u32, lines: &[&str]) {
        self.change(State::Starting { attempt: number }).await.unwrap();
        let text: String = lines.iter().flat_map(|line| [line, "\n"]).collect();
        std::fs::write(self.events(number), text).unwrap();
        while self
            .store
            .read_events(&trial(), number, &self.events(number), u64::MAX)
            .await
            .unwrap()
            .more
        {}
        self.change(State::Queued { reason: "again".to_owned() }).await.unwrap();
    }

    /// The view, which people query, must give the same.
    async fn the_view_agrees(&mut self, points: &[(u64, f64)]) {
        let view: Vec<(i64, Option<f64>)> = sqlx::query_as(
            "select step, value from series where metric = 'm' and item = '' order by step",
        )
        .fetch_all(&mut self.store.connection)
        .await
        .unwrap();
        let bits = |value: f64| if value.is_nan() { None } else { Some(value.to_bits()) };
        let view = view.iter().map(|(step, value)| (*step as u64, value.and_then(bits)));
        let ours = points.iter().map(|(step, value)| (*step, bits(*value)));
        assert_eq!(view.collect::<Vec<_>>(), ours.collect::<Vec<_>>());
    }

    /// The trial's series, of which the newest value must be the last.
    async fn series(&mut self) -> Vec<(u64, f64)> {
        let timed = self.store.series("m", Times::Read).await.unwrap().remove(&trial());
        let untimed = self.store.series("m", Times::Left).await.unwrap().remove(&trial());
        let (timed, untimed) = (timed.unwrap_or_default(), untimed.unwrap_or_default());
        let bits = |series: &Series| -> Vec<_> {
            series.iter().map(|sample| (sample.step, sample.value.to_bits())).collect()
        };
        assert_eq!(bits(&untimed), bits(&timed));
        assert!(untimed.iter().all(|sample| sample.seconds.is_nan()));
        let series: Vec<_> = timed.iter().map(|sample| (sample.step, sample.value)).collect();
        self.the_view_agrees(&series).await;
        let latest = self.store.latest("m").await.unwrap().remove(&trial());
        assert_eq!(latest.map(f64::to_bits), series.last().map(|(_, value)| value.to_bits()));
        series
    }
}

fn point(step: u64, value: &str) -> String {
    format!(r#"{{"event":"metrics","step":{step},"values":{{"m":{value}}}}}"#)
}

const HELLO: &str = r#"{"event":"hello","protocol":1,"program":"p"}"#;

fn resumed(from: u64) -> String {
    format!(r#"{{"event":"hello","protocol":1,"program":"p","resumed_from":{from}}}"#)
}

#[tokio::test]
async fn of_items_the_last_step_counts() {
    let mut run = Run::new().await;
    let item = |step: u64, item: &str, value: f64| {
        format!(r#"{{"event":"metrics","step":{step},"item":"{item}","values":{{"m":{value}}}}}"#)
    };
    let lines = [item(1, "x", 9.0), item(1, "gone", 9.0), item(2, "x", 1.0), item(2, "y", 2.0)];
    run.attempt(1, &lines.each_ref().map(String::as_str)).await;
    let items = run.store.final_items("m").await.unwrap().remove(&trial()).unwrap();
    assert_eq!(items, [("x".to_owned(), 1.0), ("y".to_owned(), 2.0)].into());
    assert_eq!(run.store.final_items("other").await.unwrap(), BTreeMap::new());
}

#[tokio::test]
async fn an_attempt_from_scratch_supersedes_all_before_it() {
    let mut run = Run::new().await;
    run.attempt(1, &[HELLO, &point(0, "1"), &point(1, "2"), &point(9, "3")]).await;
    run.attempt(2, &[HELLO]).await;
    assert_eq!(run.series().await, []);
    run.attempt(3, &[HELLO, &point(1, "4")]).await;
    assert_eq!(run.series().await, [(1, 4.0)]);
}

#[tokio::test]
async fn an_attempt_that_resumes_supersedes_what_is_beyond_its_checkpoint() {
    let mut run = Run::new().await;
    run.attempt(1, &[HELLO, &point(1, "1"), &point(2, "1"), &point(3, "1"), &point(4, "1")]).await;
    run.attempt(2, &[&resumed(2), &point(3, "2")]).await;
    assert_eq!(run.series().await, [(1, 1.0), (2, 1.0), (3, 2.0)]);
    // Back to an earlier checkpoint: the second attempt's points go too, the first's do not return.
    run.attempt(3, &[&resumed(1), &point(2, "3")]).await;
    assert_eq!(run.series().await, [(1, 1.0), (2, 3.0)]);
    run.attempt(4, &[&resumed(2), &point(3, "4")]).await;
    assert_eq!(run.series().await, [(1, 1.0), (2, 3.0), (3, 4.0)]);
}

#[tokio::test]
async fn a_repeated_point_counts_once() {
    let mut run = Run::new().await;
    // By the same attempt, the later value counts; by the next, at its checkpoint's own step, its.
    run.attempt(1, &[HELLO, &point(1, "1"), &point(1, "2"), &point(2, "1")]).await;
    assert_eq!(run.series().await, [(1, 2.0), (2, 1.0)]);
    run.attempt(2, &[&resumed(2), &point(2, "3")]).await;
    assert_eq!(run.series().await, [(1, 2.0), (2, 3.0)]);
}

#[tokio::test]
async fn seconds_continue_over_attempts_without_the_time_between_them() {
    let timed = |step: u64, time: f64| {
        format!(r#"{{"event":"metrics","step":{step},"values":{{"m":1}},"time":{time}}}"#)
    };
    let mut run = Run::new().await;
    run.attempt(1, &[HELLO, &timed(1, 1010.0), &timed(2, 1020.0), &timed(3, 1030.0)]).await;
    // The clock is set back, and one line has no time.
    let second = [&resumed(2), &timed(3, 5007.5), &timed(4, 5005.0), &point(5, "1")];
    run.attempt(2, &second.map(String::as_str)).await;
    for (attempt, started_ms) in [(1, 1_000_000), (2, 5_000_000)] {
        sqlx::query("update attempt set started_ms = ? where number = ?")
            .bind(started_ms)
            .bind(attempt)
            .execute(&mut run.store.connection)
            .await
            .unwrap();
    }
    let series = run.store.series("m", Times::Read).await.unwrap().remove(&trial()).unwrap();
    let seconds: Vec<f64> = series.iter().map(|sample| sample.seconds).collect();
    // 10 and 20 seconds into the first attempt; 7.5 and 5 into the second, which follows on 20.
    assert_eq!(seconds[..4], [10.0, 20.0, 27.5, 27.5]);
    assert!(seconds[4].is_nan());
}

#[tokio::test]
async fn no_events_supersede_nothing_and_points_without_a_hello_start_from_scratch() {
    let mut run = Run::new().await;
    run.attempt(1, &[&point(1, "1"), &point(2, "1")]).await;
    run.attempt(2, &[]).await;
    assert_eq!(run.series().await, [(1, 1.0), (2, 1.0)]);
    run.attempt(3, &[&point(1, "3")]).await;
    assert_eq!(run.series().await, [(1, 3.0)]);
}

#[tokio::test]
async fn the_result_of_the_last_attempt_counts_and_of_no_earlier_one() {
    let mut run = Run::new().await;
    let result = |v| format!(r#"{{"event":"result","values":{{"psnr":{v}}}}}"#);
    run.attempt(1, &[HELLO, &result(1), &result(2)]).await;
    assert_eq!(run.store.results().await.unwrap()[&trial()]["psnr"].to_bits(), 2f64.to_bits());
    run.attempt(2, &[HELLO]).await;
    assert!(run.store.results().await.unwrap().is_empty());
    run.attempt(3, &[HELLO, &result(3)]).await;
    assert_eq!(run.store.results().await.unwrap()[&trial()]["psnr"].to_bits(), 3f64.to_bits());
}

#[tokio::test]
async fn items_are_no_part_of_the_series() {
    let mut run = Run::new().await;
    let of_item = r#"{"event":"metrics","step":1,"item":"003","values":{"m":7}}"#;
    run.attempt(1, &[HELLO, of_item, &point(1, "1")]).await;
    assert_eq!(run.series().await, [(1, 1.0)]);
}

#[tokio::test]
async fn every_number_comes_back_as_it_was_reported() {
    let reported = [
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
        0.1 + 0.2,
        f64::MIN_POSITIVE / 3.0,
        f64::MAX,
        -1e-300,
        9_007_199_254_740_991.0,
    ];
    let text = |v: f64| match v {
        v if v.is_nan() => "\"NaN\"".to_owned(),
        v if v.is_infinite() => format!("\"{}Infinity\"", if v < 0.0 { "-" } else { "" }),
        v => format!("{v:?}"),
    };
    let mut run = Run::new().await;
    let lines: Vec<_> = (0..).zip(reported).map(|(step, v)| point(step, &text(v))).collect();
    let mut lines: Vec<_> = lines.iter().map(String::as_str).collect();
    let results = reported.map(|v| format!(r#""{v:?}":{}"#, text(v))).join(",");
    let results = format!(r#"{{"event":"result","values":{{{results}}}}}"#);
    lines.push(&results);
    run.attempt(1, &lines).await;
    // NaN has many bit patterns; any will do.
    let same = |a: f64, b: f64| a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan());
    let series = run.series().await;
    assert!(series.iter().zip(reported).all(|(got, reported)| same(got.1, reported)), "{series:?}");
    assert_eq!(series.len(), reported.len());
    let results = &run.store.results().await.unwrap()[&trial()];
    assert!(reported.iter().all(|v| same(results[&format!("{v:?}")], *v)), "{results:?}");
}

#[tokio::test]
async fn a_hundred_thousand_points_are_ingested_by_the_batch() {
    let mut run = Run::new().await;
    run.change(State::Starting { attempt: 1 }).await.unwrap();
    // Numbers of all sizes, by a linear congruential generator.
    let mut bits = 1u64;
    let values = (0..100_000u64).map(|step| {
        bits = bits.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (step, (bits >> 11) as f64 * 2f64.powi((bits % 120) as i32 - 110))
    });
    let reported: Vec<_> = values.collect();
    let mut text = format!("{HELLO}\n");
    for (step, value) in &reported {
        writeln!(text, "{}", point(*step, &format!("{value:?}"))).unwrap();
    }
    std::fs::write(run.events(1), &text).unwrap();

    let mut reader = Store::open_read_only(&run.store.path).await.unwrap();
    let (mut batches, mut before) = (0, 0);
    while run.store.read_events(&trial(), 1, &run.events(1), u64::MAX).await.unwrap().more {
        batches += 1;
        run.store.commit().await.unwrap();
        let now = reader.series("m", Times::Left).await.unwrap()[&trial()].len();
        assert!(now > before, "a batch is there as soon as it was committed");
        before = now;
    }
    // A few megabytes each.
    assert_eq!(batches, text.len().div_ceil(4 << 20));
    assert_eq!(run.series().await, reported);
}

#[tokio::test]
async fn invalid_events_are_skipped_and_counted() {
    let mut run = Run::new().await;
    let far = i64::MAX as u64 + 1;
    let deep = "[".repeat(100_000);
    let long = "x".repeat(1 << 20);
    let named = |n: u32| format!(r#"{{"event":"result","values":{{"name {n}":1}}}}"#);
    let mut lines = vec![
        (true, point(1, "1")),
        (false, format!(r#"{{"event":"progress","phase":"p","step":{far},"of":1}}"#)),
        (false, r#"{"event":"checkpoint","step":1,"path":"../../x"}"#.to_owned()),
        (false, r#"{"event":"metrics","step":1,"values":{"m":1e999}}"#.to_owned()),
        (false, r#"{"event":"metrics","step":1,"values":{"\u0000":2}}"#.to_owned()),
        (false, "\u{fffd}\u{0}".to_owned()),
        (false, format!(r#"{{"event":"result","values":{{"m":{deep}"#)),
        (false, format!(r#"{{"event":"{long}"}}"#)),
        (false, r#"{"event":"progress","phase":"p","step":-1,"of":1.5}"#.to_owned()),
        (true, point(2, "\"-Infinity\"")),
        (true, r#"{"event":"result","values":{"m":0,"n":0}}"#.to_owned()),
    ];
    // It has named `m` and `n`.
    lines.extend((2..10_010).map(|n| (n < 10_000, named(n))));
    lines.push((true, point(3, "3")));
    let refused = lines.iter().filter(|(good, _)| !good).count() as u64;
    run.attempt(1, &lines.iter().map(|(_, line)| line.as_str()).collect::<Vec<_>>()).await;
    assert_eq!(run.series().await, [(1, 1.0), (2, f64::NEG_INFINITY), (3, 3.0)]);
    let last: Vec<_> =
        run.store.results().await.unwrap().remove(&trial()).unwrap().into_keys().collect();
    assert_eq!(last, ["name 9999"], "the last result counts, whole");

    let skipped_lines = run.store.skipped_lines().await.unwrap().remove(0);
    assert_eq!((skipped_lines.attempt, skipped_lines.lines), (1, refused));
    let numbers: Vec<_> = skipped_lines.first.iter().map(|(line, _)| *line).collect();
    assert_eq!(numbers, [2, 3, 4, 5, 6], "the first ones are kept");
    assert!(skipped_lines.first[2].1.contains("number out of range at column"), "{skipped_lines}");
}

#[tokio::test]
async fn an_attempt_that_lies_about_itself_changes_nothing_but_its_own_records() {
    let mut run = Run::new().await;
    run.attempt(1, &[HELLO, &point(1, "1"), &point(2, "1")]).await;
    // From a checkpoint that no attempt reported: no earlier point is beyond it.
    run.attempt(2, &[&resumed(1_000_000), &point(3, "2")]).await;
    assert_eq!(run.series().await, [(1, 1.0), (2, 1.0), (3, 2.0)]);
    // Of several hellos the last one counts; events after a failure count, too.
    let failed = |class| format!(r#"{{"event":"failed","class":"{class}","message":""}}"#);
    run.attempt(3, &[HELLO, &resumed(2), &failed("data"), &point(3, "3"), &failed("mine")]).await;
    assert_eq!(run.series().await, [(1, 1.0), (2, 1.0), (3, 3.0)]);
    let failure = run.store.failure(&trial(), 3).await.unwrap();
    assert_eq!(failure.unwrap().class.as_str(), "mine");
}

/// Every column of an attempt, and its points.
async fn dump(store: &mut Store) -> Vec<String> {
    let mut rows = Vec::new();
    let tables = [
        "attempt",
        "attempt_series",
        "point",
        "skipped_line",
        "checkpoint",
        "result",
        "attempt_metric",
    ];
    for table in tables {
        let columns = format!("select group_concat(name) from pragma_table_info('{table}')");
        let columns: String = sqlx::query_scalar(sqlx::AssertSqlSafe(columns))
            .fetch_one(&mut store.connection)
            .await
            .unwrap();
        let all = format!("select json_array({columns}) from {table} order by 1");
        let all: Vec<String> = sqlx::query_scalar(sqlx::AssertSqlSafe(all))
            .fetch_all(&mut store.connection)
            .await
            .unwrap();
        rows.extend(all);
    }
    rows
}

/// What a worker might write: valid lines, parts of them, and any bytes.
fn hostile() -> impl Strategy<Value = Vec<u8>> {
    let number = prop_oneof![any::<i64>().prop_map(|n| n.to_string()), Just("1e999".to_owned())];
    let line = (0..4, any::<u64>(), number, ".{0,6}").prop_map(|(kind, step, number, text)| {
        let text = serde_json::Value::from(text);
        match kind {
            0 => format!(r#"{{"event":"metrics","step":{step},"values":{{{text}:{number}}}}}"#),
            1 => format!(
                r#"{{"event":"hello","protocol":1,"program":{text},"resumed_from":{step}}}"#
            ),
            2 => format!(r#"{{"event":"checkpoint","step":{step},"path":{text}}}"#),
            _ => format!(r#"{{"event":"result","values":{{{text}:{number}}}}}"#),
        }
        .into_bytes()
    });
    let rubbish = prop::collection::vec(any::<u8>(), 0..40);
    prop_oneof![
        3 => line.clone().prop_map(|line| [line, b"\n".to_vec()].concat()),
        1 => (line, any::<prop::sample::Index>())
            .prop_map(|(line, at)| line[..at.index(line.len())].to_vec()),
        2 => rubbish,
        1 => Just(vec![b'x'; (1 << 20) + 1]),
    ]
}

/// Few, since each has two databases, unless `PROPTEST_CASES` asks for more.
fn few_cases() -> ProptestConfig {
    let usual = ProptestConfig::default();
    let asked = std::env::var_os("PROPTEST_CASES").is_some();
    ProptestConfig { cases: if asked { usual.cases } else { 16 }, ..usual }
}

proptest! {
    #![proptest_config(few_cases())]

    #[test]
    fn any_bytes_in_any_cuts_come_to_the_same_records(
        pieces in prop::collection::vec(hostile(), 0..12),
    ) {
        let records = async {
            let (mut grown, mut at_once) = (Run::new().await, Run::new().await);
            // Its own line: whatever stood before it, it counts.
            let last = [b"\n".to_vec(), point(7, "7.5").into_bytes(), b"\n".to_vec()].concat();
            let pieces: Vec<_> = pieces.iter().chain([&last]).collect();
            for run in [&mut grown, &mut at_once] {
                run.state = State::Queued { reason: "new".to_owned() };
                run.change(State::Starting { attempt: 1 }).await.unwrap();
            }
            std::fs::write(at_once.events(1), pieces.iter().copied().flatten().copied().collect::<Vec<_>>()).unwrap();
            let file = std::fs::File::options().create(true).append(true).open(grown.events(1)).unwrap();
            for piece in pieces {
                std::io::Write::write_all(&mut &file, piece).unwrap();
                while grown.store.read_events(&trial(), 1, &grown.events(1), u64::MAX).await.unwrap().more {}
            }
            while at_once.store.read_events(&trial(), 1, &at_once.events(1), u64::MAX).await.unwrap().more {}
            let clock = "update attempt set started_ms = 0";
            for run in [&mut grown, &mut at_once] {
                sqlx::query(clock).execute(&mut run.store.connection).await.unwrap();
            }
            let newest = grown.store.series("m", Times::Left).await.unwrap().remove(&trial());
            (newest, dump(&mut grown.store).await, dump(&mut at_once.store).await)
        };
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (newest, grown, at_once) = runtime.block_on(records);
        prop_assert!(newest.is_some_and(|series| series.iter().any(|s| (s.step, s.value) == (7, 7.5))));
        prop_assert_eq!(grown, at_once);
    }
}

#[tokio::test]
async fn a_journal_that_has_lost_lines_is_followed_as_far_as_it_goes() {
    let mut run = Run::new().await;
    // The start of the attempt is lost.
    run.state = State::Running { attempt: 1 };
    run.change(State::Succeeded { attempt: 1 }).await.unwrap();
    let trial = run.store.trials().await.unwrap().remove(0);
    assert_eq!(trial.state, State::Succeeded { attempt: 1 });
    assert_eq!(trial.last_attempt.unwrap().number, 1);
}

/// The names of a folder's files, in order.
fn names(folder: &std::path::Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.collect();
    names.sort();
    names
}

#[tokio::test]
async fn a_reader_in_a_transaction_keeps_no_later_writer_out() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("orch.db");
    Store::open(&path).await.unwrap().close().await.unwrap();
    assert_eq!(names(folder.path()), ["orch.db", "orch.db-seal"]);

    let mut reader = Store::open_read_only(&path).await.unwrap();
    sqlx::query("begin").execute(&mut reader.connection).await.unwrap();
    sqlx::query("select count(*) from point").fetch_one(&mut reader.connection).await.unwrap();
    let mut writer = Store::open(&path).await.unwrap();
    sqlx::query("insert into metric (name) values ('loss')")
        .execute(&mut writer.connection)
        .await
        .unwrap();
    writer.close().await.unwrap();
}
