//! Sentences on results that the run has and its report leaves out: a choice among results is for the reader to
//! know.

use std::collections::BTreeMap;

use experiments::expand;
use experiments::schema::worker::Worker;
use serde_json::{Map, Value};

use super::row_seeds::by_row;
use crate::scheduler::State;
use crate::store::TrialRecord;

/// The sentences.
#[derive(Debug)]
pub(super) struct LeftOut {
    /// On seeds that the file does not name any more.
    pub(super) seeds: Option<String>,
    /// On rows that it does not name any more, and on results of rows with other settings.
    pub(super) rows: Vec<String>,
}

impl LeftOut {
    /// By the keys of trials: a retired one is another seed of a row of today if it is what `worker` computes by
    /// that row's config. `configs` are those of the present trials, by their ids.
    pub(super) fn new(
        recorded: &[TrialRecord],
        configs: &BTreeMap<String, Map<String, Value>>,
        worker: &Worker,
    ) -> Self {
        let (retired, present): (Vec<_>, Vec<_>) = recorded.iter().partition(|trial| trial.retired);
        let mut rows = BTreeMap::new();
        for trial in present {
            if let Some(config) = configs.get(&trial.id.0) {
                rows.entry(trial.variant.as_str()).or_insert(config);
            }
        }
        let (mut seeds, mut gone, mut changed) = (Vec::new(), Vec::new(), Vec::new());
        for trial in retired {
            let has_succeeded = matches!(trial.state, State::Succeeded { .. });
            if !has_succeeded && !matches!(trial.state, State::Failed { .. }) {
                continue;
            }
            let is_of = |config| expand::key(worker, config, trial.seed) == trial.key;
            if let Some((row, _)) = rows.iter().find(|(_, config)| is_of(config)) {
                seeds.push((*row, trial.seed));
            } else if has_succeeded {
                let is_present = rows.contains_key(trial.variant.as_str());
                let list = if is_present { &mut changed } else { &mut gone };
                list.push((trial.variant.as_str(), trial.seed));
            }
        }
        let sentence = |what: &str, list: Vec<(&str, u64)>| {
            (!list.is_empty()).then(|| format!("Left out: {what} ({}).", by_row(list.into_iter())))
        };
        let that_went =
            "seeds that were run with the same settings, and that the file does not name any more";
        let rows = [
            sentence("rows that were run, and that the file does not name any more", gone),
            sentence("results of these rows with other settings, or another command", changed),
        ];
        Self { seeds: sentence(that_went, seeds), rows: rows.into_iter().flatten().collect() }
    }
}
