//! What counts of several attempts' points, and that nothing is lost or doubled on the way in.

use std::fmt::Write as _;
use std::path::PathBuf;

use experiments::expand::Row;

use super::{Store, StoreError};
use crate::core::{State, TrialId};
use crate::journal::{Entry, Journal, Planned, PlannedTrial};

/// A run with one trial, whose attempts say what the test wants.
struct Run {
    folder: tempfile::TempDir,
    store: Store,
    journal: Journal,
    state: State,
}

fn trial() -> TrialId {
    TrialId("a-s0-00000000".to_owned())
}

impl Run {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("orch.db")).await.unwrap();
        let mut journal = Journal::open(&folder.path().join("journal.jsonl")).unwrap();
        let planned = PlannedTrial {
            id: trial(),
            key: "0".repeat(64),
            variant: "a".to_owned(),
            seed: 0,
            build: None,
            data: None,
        };
        let rows = vec![Row { name: "a".to_owned(), label: "A".to_owned() }];
        journal
            .append(Entry::Planned(Planned {
                file_hash: String::new(),
                rows,
                trials: vec![planned],
            }))
            .unwrap();
        let state = State::Queued { reason: "new".to_owned() };
        Self { folder, store, journal, state }
    }

    async fn change(&mut self, to: State) -> Result<(), StoreError> {
        let from = std::mem::replace(&mut self.state, to.clone());
        self.journal.append(Entry::Changed { trial: trial(), from, to }).unwrap();
        self.store.read_journal(&self.folder.path().join("journal.jsonl")).await
    }

    fn events(&self, attempt: u32) -> PathBuf {
        self.folder.path().join(format!("{attempt}.jsonl"))
    }

    /// Another attempt, which says `lines`.
    async fn attempt(&mut self, number: u32, lines: &[&str]) {
        self.change(State::Starting { attempt: number }).await.unwrap();
        let text: String = lines.iter().flat_map(|line| [line, "\n"]).collect();
        std::fs::write(self.events(number), text).unwrap();
        while self.store.read_events(&trial(), number, &self.events(number)).await.unwrap().more {}
        self.change(State::Queued { reason: "again".to_owned() }).await.unwrap();
    }

    /// The trial's series, of which the newest value must be the last.
    async fn series(&mut self) -> Vec<(u64, f64)> {
        let series = self.store.series("m").await.unwrap().remove(&trial()).unwrap_or_default();
        let latest = self.store.latest("m").await.unwrap().remove(&trial());
        assert_eq!(latest.map(f64::to_bits), series.last().map(|(_, value)| value.to_bits()));
        series
    }
}

fn point(step: u64, value: &str) -> String {
    format!(r#"{{"event":"metrics","step":{step},"values":{{"m":{value}}}}}"#)
}

const ANEW: &str = r#"{"event":"hello","protocol":1,"program":"p"}"#;

fn resumed(from: u64) -> String {
    format!(r#"{{"event":"hello","protocol":1,"program":"p","resumed_from":{from}}}"#)
}

#[tokio::test]
async fn an_attempt_that_begins_anew_hides_all_before_it() {
    let mut run = Run::new().await;
    run.attempt(1, &[ANEW, &point(0, "1"), &point(1, "2"), &point(9, "3")]).await;
    run.attempt(2, &[ANEW]).await;
    assert_eq!(run.series().await, []);
    run.attempt(3, &[ANEW, &point(1, "4")]).await;
    assert_eq!(run.series().await, [(1, 4.0)]);
}

#[tokio::test]
async fn an_attempt_that_goes_on_hides_what_lay_beyond_its_checkpoint() {
    let mut run = Run::new().await;
    run.attempt(1, &[ANEW, &point(1, "1"), &point(2, "1"), &point(3, "1"), &point(4, "1")]).await;
    run.attempt(2, &[&resumed(2), &point(3, "2")]).await;
    assert_eq!(run.series().await, [(1, 1.0), (2, 1.0), (3, 2.0)]);
    // Back to an earlier checkpoint: the second attempt's points go too, the first's do not return.
    run.attempt(3, &[&resumed(1), &point(2, "3")]).await;
    assert_eq!(run.series().await, [(1, 1.0), (2, 3.0)]);
    run.attempt(4, &[&resumed(2), &point(3, "4")]).await;
    assert_eq!(run.series().await, [(1, 1.0), (2, 3.0), (3, 4.0)]);
}

#[tokio::test]
async fn a_point_said_again_counts_once() {
    let mut run = Run::new().await;
    // By the same attempt, the later value counts; by the next, at its checkpoint's own step, its.
    run.attempt(1, &[ANEW, &point(1, "1"), &point(1, "2"), &point(2, "1")]).await;
    assert_eq!(run.series().await, [(1, 2.0), (2, 1.0)]);
    run.attempt(2, &[&resumed(2), &point(2, "3")]).await;
    assert_eq!(run.series().await, [(1, 2.0), (2, 3.0)]);
}

#[tokio::test]
async fn silence_hides_nothing_and_points_without_a_hello_begin_anew() {
    let mut run = Run::new().await;
    run.attempt(1, &[&point(1, "1"), &point(2, "1")]).await;
    run.attempt(2, &[]).await;
    assert_eq!(run.series().await, [(1, 1.0), (2, 1.0)]);
    run.attempt(3, &[&point(1, "3")]).await;
    assert_eq!(run.series().await, [(1, 3.0)]);
}

#[tokio::test]
async fn the_last_attempt_that_has_a_result_counts() {
    let mut run = Run::new().await;
    let result = |v| format!(r#"{{"event":"result","values":{{"psnr":{v}}}}}"#);
    run.attempt(1, &[ANEW, &result(1), &result(2)]).await;
    run.attempt(2, &[ANEW]).await;
    assert_eq!(run.store.results().await.unwrap()[&trial()]["psnr"].to_bits(), 2f64.to_bits());
    run.attempt(3, &[ANEW, &result(3)]).await;
    assert_eq!(run.store.results().await.unwrap()[&trial()]["psnr"].to_bits(), 3f64.to_bits());
}

#[tokio::test]
async fn items_stand_apart_from_the_series() {
    let mut run = Run::new().await;
    let of_item = r#"{"event":"metrics","step":1,"item":"003","values":{"m":7}}"#;
    run.attempt(1, &[ANEW, of_item, &point(1, "1")]).await;
    assert_eq!(run.series().await, [(1, 1.0)]);
}

#[tokio::test]
async fn every_number_comes_back_as_it_was_said() {
    let said = [
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
    let lines: Vec<_> = (0..).zip(said).map(|(step, v)| point(step, &text(v))).collect();
    let mut lines: Vec<_> = lines.iter().map(String::as_str).collect();
    let results = said.map(|v| format!(r#"{{"event":"result","values":{{"{v}":{}}}}}"#, text(v)));
    lines.extend(results.iter().map(String::as_str));
    run.attempt(1, &lines).await;
    // NaN has many bit patterns; any will do.
    let same = |a: f64, b: f64| a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan());
    let series = run.series().await;
    assert!(series.iter().zip(said).all(|(got, said)| same(got.1, said)), "{series:?}");
    assert_eq!(series.len(), said.len());
    let results = &run.store.results().await.unwrap()[&trial()];
    assert!(said.iter().all(|v| same(results[&v.to_string()], *v)), "{results:?}");
}

#[tokio::test]
async fn a_hundred_thousand_points_come_in_by_the_batch() {
    let mut run = Run::new().await;
    run.change(State::Starting { attempt: 1 }).await.unwrap();
    // Numbers of all sizes, by a linear congruential generator.
    let mut bits = 1u64;
    let values = (0..100_000u64).map(|step| {
        bits = bits.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (step, (bits >> 11) as f64 * 2f64.powi((bits % 120) as i32 - 110))
    });
    let said: Vec<_> = values.collect();
    let mut text = format!("{ANEW}\n");
    for (step, value) in &said {
        writeln!(text, "{}", point(*step, &format!("{value:?}"))).unwrap();
    }
    std::fs::write(run.events(1), &text).unwrap();

    let mut looking = Store::open_read_only(&run.store.path).await.unwrap();
    let (mut batches, mut before) = (0, 0);
    while run.store.read_events(&trial(), 1, &run.events(1)).await.unwrap().more {
        batches += 1;
        let now = looking.series("m").await.unwrap()[&trial()].len();
        assert!(now > before, "a batch is there as soon as it was read");
        before = now;
    }
    // A few megabytes each.
    assert_eq!(batches, text.len().div_ceil(4 << 20));
    assert_eq!(run.series().await, said);
}

#[tokio::test]
async fn nonsense_in_events_is_no_reason_to_fail() {
    let mut run = Run::new().await;
    let far = u64::MAX;
    let lines = [
        format!(r#"{{"event":"progress","phase":"p","step":{far},"of":{far}}}"#),
        format!(r#"{{"event":"checkpoint","step":{far},"path":""}}"#),
        format!(r#"{{"event":"artifact","kind":"","name":"","step":{far},"path":""}}"#),
        r#"{"event":"metrics","step":1,"values":{"m":1e999}}"#.to_owned(),
        r#"{"event":"metrics","step":1,"values":{"":1,"\u0000":2,"ü\n'":3}}"#.to_owned(),
        "\u{fffd}\u{0}".to_owned(),
        point(far, "5"),
    ];
    run.attempt(1, &lines.iter().map(String::as_str).collect::<Vec<_>>()).await;
    assert_eq!(run.series().await, [(i64::MAX as u64, 5.0)]);
    let attempt = run.store.trials().await.unwrap()[0].last_attempt.clone().unwrap();
    assert_eq!(attempt.unknown_lines, 2);
}

#[tokio::test]
async fn a_journal_that_does_not_follow_is_refused() {
    let mut run = Run::new().await;
    run.state = State::Running { attempt: 1 };
    let error = run.change(State::Succeeded { attempt: 1 }).await.unwrap_err();
    assert!(matches!(&error, StoreError::Conflict { from: "running", .. }), "{error}");
    // Nothing of it was taken in.
    assert_eq!(run.store.trials().await.unwrap().len(), 0);
}
