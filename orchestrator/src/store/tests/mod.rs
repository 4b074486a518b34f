//! Tests of the database on a run with one trial.

mod ingest;
mod open;
mod series;

use std::collections::BTreeMap;
use std::path::PathBuf;

use experiments::expand::Row;
use experiments::protocol::trial_id::TrialId;

use crate::scheduler::State;
use crate::store::journal_file::{Entry, Journal, JournaledTrial, Planned};
use crate::store::series::Series;
use crate::store::{Samples, Store, StoreError, Times, UnreadEvents};

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

    fn unread(&self, attempt: u32) -> UnreadEvents {
        UnreadEvents { trial: trial(), attempt, file: self.events(attempt), end: u64::MAX }
    }

    /// Another attempt, which reports `lines`.
    async fn attempt(&mut self, number: u32, lines: &[&str]) {
        self.change(State::Starting { attempt: number }).await.unwrap();
        let text: String = lines.iter().flat_map(|line| [line, "\n"]).collect();
        std::fs::write(self.events(number), text).unwrap();
        self.store.ingest_events([self.unread(number)]).await.unwrap();
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
        let mut of_trial = BTreeMap::<String, Series>::new();
        let take = |metric, samples: &mut Samples| {
            of_trial.insert(metric, samples.collect::<Result<_, _>>()?);
            Ok::<_, StoreError>(())
        };
        self.store.each_series_of(&trial(), Times::Left, take).await.unwrap();
        assert_eq!(bits(&of_trial.remove("m").unwrap_or_default()), bits(&untimed));
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
