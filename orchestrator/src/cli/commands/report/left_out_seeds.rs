//! A sentence on seeds that have results and that the file does not name any more: a choice among results is
//! for the reader to know.

use std::collections::BTreeMap;

use experiments::expand;
use experiments::schema::worker::Worker;
use serde_json::{Map, Value};

use crate::scheduler::State;
use crate::store::TrialRecord;

/// The sentence, by the keys of trials: one that was retired is left out if it is what `worker` computes by the
/// config of a row of today with another seed. `configs` are those of the present trials, by their ids.
pub(super) fn note(
    recorded: &[TrialRecord],
    configs: &BTreeMap<String, Map<String, Value>>,
    worker: &Worker,
) -> Option<String> {
    let (retired, present): (Vec<_>, Vec<_>) = recorded.iter().partition(|trial| trial.retired);
    let mut rows = BTreeMap::new();
    for trial in present {
        if let Some(config) = configs.get(&trial.id.0) {
            rows.entry(&trial.variant).or_insert(config);
        }
    }
    let mut left_out = BTreeMap::<_, Vec<u64>>::new();
    for trial in retired {
        if !matches!(trial.state, State::Succeeded { .. } | State::Failed { .. }) {
            continue;
        }
        let is_of = |config| expand::key(worker, config, trial.seed) == trial.key;
        if let Some((row, _)) = rows.iter().find(|(_, config)| is_of(config)) {
            left_out.entry(row).or_default().push(trial.seed);
        }
    }
    let of: Vec<String> = left_out
        .into_iter()
        .map(|(row, mut seeds)| {
            seeds.sort_unstable();
            let seeds: Vec<String> = seeds.iter().map(u64::to_string).collect();
            format!("{row} {}", seeds.join(", "))
        })
        .collect();
    (!of.is_empty()).then(|| {
        format!(
            "Left out: seeds that were run with the same settings, and that the file does not name any more ({}).",
            of.join("; ")
        )
    })
}
