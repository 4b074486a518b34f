//! The points of several attempts that are in effect, and their results.

use std::collections::BTreeMap;

use super::{HELLO, Run, point, resumed, trial};
use crate::store::Times;

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
