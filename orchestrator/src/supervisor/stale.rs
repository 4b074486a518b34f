//! The comparison of recorded results with the present worker: its build, its code and its data.

use std::collections::{BTreeMap, BTreeSet};

use experiments::expand::ResolvedTrial;
use experiments::protocol::check::StaleReason;

use crate::store::{Origins, TrialRecord};

/// The worker's code as it is now, compared with the recorded states of it.
#[derive(Debug, Clone, Default)]
pub struct PresentCode {
    /// Files that have changed, by the hash of each recorded state.
    pub changed_files: BTreeMap<String, BTreeSet<String>>,
    /// The program that interprets it; `None` if it is a program of its own.
    pub interpreter: Option<String>,
}

/// The change from `origins` to the present build, code and data of `trial`; `None` if there is none.
/// `newest_build` stands for the present one where no check reports that.
pub(super) fn stale(
    origins: &Origins,
    trial: &ResolvedTrial,
    newest_build: Option<&str>,
    code: &PresentCode,
) -> Option<StaleReason> {
    let differ = |then: &BTreeSet<String>, now: Option<&str>| {
        now.is_some_and(|now| then.iter().any(|then| then != now))
    };
    let changed =
        |then: &String| code.changed_files.get(then).is_some_and(|files| !files.is_empty());
    if differ(&origins.data, trial.data.as_deref()) {
        Some(StaleReason::Data)
    } else if differ(&origins.builds, trial.build.as_deref().or(newest_build)) {
        Some(StaleReason::Build)
    } else if origins.codes.iter().any(changed) {
        Some(StaleReason::Code)
    } else {
        None
    }
}

/// The build that the newest work was made with, as its worker reported it.
pub(super) fn newest_build(recorded: &[TrialRecord]) -> Option<&str> {
    let single = recorded.iter().filter(|row| row.origins.builds.len() == 1);
    let newest = single.max_by_key(|row| row.last_attempt.as_ref().map(|last| last.started_ms))?;
    newest.origins.builds.first().map(String::as_str)
}
