//! Results that ought not to stand in one table: made by different builds of the worker, or some
//! with data as they are and some with data as they were.

use std::collections::BTreeMap;

use experiments::protocol::check::StaleReason;

use crate::display::text::named;
use crate::scheduler::State;
use crate::store::TrialRecord;

/// The table would mix results of different builds or data.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0}

hint: `orch run FILE --rerun-stale` runs the older ones again; `orch report --accept-code-change` \
     draws them together and says so"
)]
pub(crate) struct MixedBuilds(String);

impl MixedBuilds {
    /// Whether the trials that a report counts are of mixed builds.
    pub(crate) fn of(trials: &[TrialRecord]) -> Option<Self> {
        let counted =
            |trial: &&TrialRecord| !trial.retired && matches!(trial.state, State::Succeeded { .. });
        let counted: Vec<_> = trials.iter().filter(counted).collect();
        builds(&counted).or_else(|| data(&counted)).map(Self)
    }

    /// The same as a sentence for readers of the table.
    pub(crate) fn note(&self) -> String {
        let mut note = self.0.clone();
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

/// What the data were matters only against what they are: variants may well differ in their data.
fn data(trials: &[&TrialRecord]) -> Option<String> {
    let other = |trial: &&TrialRecord| {
        trial.origins.changed(None, trial.data.as_deref()) == Some(StaleReason::Data)
    };
    let (then, now): (Vec<&TrialRecord>, Vec<_>) = trials.iter().partition(|trial| other(trial));
    if then.is_empty() || now.is_empty() {
        return None;
    }
    let names = ids(&then);
    Some(format!("some results were made with data that are not as they were then: {names}"))
}

fn ids(trials: &[&TrialRecord]) -> String {
    named(trials.iter().map(|trial| trial.id.0.as_str()))
}
