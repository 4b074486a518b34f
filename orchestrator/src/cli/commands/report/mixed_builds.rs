//! Results that should not be in one table: made by different builds of the worker, or some before
//! and some after the data changed.

use std::collections::BTreeMap;

use experiments::protocol::check::StaleReason;

use crate::display::text::named;
use crate::scheduler::State;
use crate::store::TrialRecord;

/// The table would mix results of different builds or data.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{finding}

hint: `orch run FILE --rerun-stale` runs the older ones again; `orch report --accept-code-change` \
     draws them together and says so"
)]
pub(crate) struct MixedBuilds {
    pub(crate) finding: String,
}

impl MixedBuilds {
    /// The error if the trials that a report counts were made by mixed builds or data.
    pub(crate) fn of(trials: &[TrialRecord]) -> Option<Self> {
        let counted: Vec<_> = trials
            .iter()
            .filter(|trial| !trial.retired && matches!(trial.state, State::Succeeded { .. }))
            .collect();
        builds(&counted).or_else(|| data(&counted)).map(|finding| Self { finding })
    }

    /// The same as a sentence for readers of the table.
    pub(crate) fn note(&self) -> String {
        let mut note = self.finding.clone();
        note[..1].make_ascii_uppercase();
        note + "."
    }
}

fn builds(trials: &[&TrialRecord]) -> Option<String> {
    let mut by_build: BTreeMap<String, Vec<&TrialRecord>> = BTreeMap::new();
    for trial in trials.iter().filter(|trial| !trial.origins.builds.is_empty()) {
        let builds: Vec<_> = trial.origins.builds.iter().map(|b| format!("`{b}`")).collect();
        by_build.entry(builds.join(" and ")).or_default().push(trial);
    }
    if by_build.len() < 2 && !by_build.keys().any(|builds| builds.contains(" and ")) {
        return None;
    }
    let groups: Vec<_> =
        by_build.iter().map(|(builds, trials)| format!("{} by {builds}", ids(trials))).collect();
    Some(format!("different builds of the worker made the results: {}", groups.join("; ")))
}

/// Compares only the data then and now of each trial: variants may well differ in their data.
fn data(trials: &[&TrialRecord]) -> Option<String> {
    let (stale, current): (Vec<&TrialRecord>, Vec<_>) = trials.iter().partition(|trial| {
        trial.origins.changed(None, trial.data.as_deref()) == Some(StaleReason::Data)
    });
    if stale.is_empty() || current.is_empty() {
        return None;
    }
    Some(format!("some results were made with data that has changed since: {}", ids(&stale)))
}

fn ids(trials: &[&TrialRecord]) -> String {
    named(trials.iter().map(|trial| trial.id.0.as_str()))
}
