//! Ingesting loses and doubles nothing, whatever the files hold.

use std::fmt::Write as _;

use proptest::prelude::*;

use super::{HELLO, Run, point, resumed, trial};
use crate::scheduler::State;
use crate::store::{Store, Times};

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
    let unread = run.unread(1);
    while run.store.read_events(&unread).await.unwrap().more {
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

/// Possible output of a worker: valid lines, parts of them, and any bytes.
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
                grown.store.ingest_events([grown.unread(1)]).await.unwrap();
            }
            at_once.store.ingest_events([at_once.unread(1)]).await.unwrap();
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
