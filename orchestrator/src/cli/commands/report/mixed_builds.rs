//! Results that should not be in one table: made by different builds or different code of the worker, or
//! some before and some after the data changed.

use std::collections::{BTreeMap, BTreeSet};

use crate::code::Difference;
use crate::display::text::named;
use crate::scheduler::State;
use crate::store::{CodeRecord, Store, StoreError, TrialRecord};

/// The table would mix results of different builds, code or data.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{finding}

hint: `orch run FILE --rerun-stale` runs the older ones again; `orch report --accept-code-change` \
     draws them together and says so"
)]
pub(crate) struct MixedBuilds {
    pub(crate) finding: String,
}

/// The origins of all numbers in a report.
#[derive(Debug)]
pub(crate) struct ReportOrigins {
    /// `None` if the same build, code and data made all of them.
    pub(crate) mixed: Option<MixedBuilds>,
    /// Sentences for readers of the table about what is not known, or differs without being another
    /// program.
    pub(crate) notes: Vec<String>,
}

impl ReportOrigins {
    /// The origins of the trials that a report counts.
    pub(crate) async fn read(store: &mut Store) -> Result<Self, StoreError> {
        let trials = store.trials().await?;
        let codes = store.codes().await?;
        let counted: Vec<_> = trials
            .iter()
            .filter(|trial| !trial.retired && matches!(trial.state, State::Succeeded { .. }))
            .collect();
        let finding =
            builds(&counted).or_else(|| code(&counted, &codes)).or_else(|| data(&counted));
        let accepted = accepted_damage(store).await?;
        let unrecorded = unrecorded(store).await?;
        let notes = unknown_code(&counted).into_iter().chain(interpreters(&counted));
        let notes = notes.chain(accepted).chain(unrecorded);
        Ok(Self { mixed: finding.map(|finding| MixedBuilds { finding }), notes: notes.collect() })
    }
}

/// A note on damaged records that were accepted; `None` if none was.
async fn accepted_damage(store: &mut Store) -> Result<Option<String>, StoreError> {
    let (trials, journal) = store.accepted_damage().await?;
    let journal = journal.then_some("the journal");
    let names = named(journal.into_iter().chain(trials.iter().map(|trial| trial.0.as_str())));
    Ok((!names.is_empty()).then(|| format!("Damaged records were accepted as they are: {names}.")))
}

/// A note on trials that the journal had lost; `None` if there is none.
async fn unrecorded(store: &mut Store) -> Result<Option<String>, StoreError> {
    let trials = store.unrecorded_trials().await?;
    let names = named(trials.iter().map(|trial| trial.0.as_str()));
    Ok((!names.is_empty()).then(|| {
        format!(
            "The journal did not know that these trials had been started, so that they are as they were found, \
             and what came before is not known: {names}."
        )
    }))
}

impl MixedBuilds {
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

/// Trials whose code agrees in the files that differ between others.
struct SameCode<'a> {
    content: Vec<Option<&'a String>>,
    code: &'a CodeRecord,
    trials: Vec<&'a TrialRecord>,
}

/// Code by the content of the files that trials share: what only some of them use is no difference.
fn code(trials: &[&TrialRecord], codes: &[CodeRecord]) -> Option<String> {
    let used =
        |code: &&CodeRecord| trials.iter().any(|trial| trial.origins.codes.contains(&code.hash));
    let codes: Vec<_> = codes.iter().filter(used).collect();
    let mut differing = BTreeSet::new();
    for (at, a) in codes.iter().enumerate() {
        for b in &codes[at + 1..] {
            differing.extend(Difference::of(&a.files, &b.files).files);
        }
    }
    if differing.is_empty() {
        return None;
    }
    // States that agree in these files are the same program here.
    let mut groups: Vec<SameCode> = Vec::new();
    for code in codes {
        let content: Vec<_> = differing.iter().map(|file| code.files.get(file)).collect();
        let with = trials.iter().filter(|trial| trial.origins.codes.contains(&code.hash)).copied();
        match groups.iter_mut().find(|group| group.content == content) {
            Some(group) => group.trials.extend(with),
            None => groups.push(SameCode { content, code, trials: with.collect() }),
        }
    }
    let groups =
        groups.iter().map(|group| format!("{} by {}", ids(&group.trials), group.code.name()));
    Some(format!(
        "different code made the results, as {} changed: {}",
        named(differing.iter().map(String::as_str)),
        groups.collect::<Vec<_>>().join("; ")
    ))
}

/// Compares only the data then and now of each trial: variants may well differ in their data.
fn data(trials: &[&TrialRecord]) -> Option<String> {
    let (stale, current): (Vec<&TrialRecord>, Vec<_>) = trials.iter().partition(|trial| {
        trial.data.as_ref().is_some_and(|now| trial.origins.data.iter().any(|then| then != now))
    });
    if stale.is_empty() || current.is_empty() {
        return None;
    }
    Some(format!("some results were made with data that has changed since: {}", ids(&stale)))
}

/// Trials that nothing is known of: neither a build nor code was recorded.
fn unknown_code(trials: &[&TrialRecord]) -> Option<String> {
    let unknown = trials
        .iter()
        .filter(|trial| trial.origins.codes.is_empty() && trial.origins.builds.is_empty())
        .copied();
    let unknown: Vec<_> = unknown.collect();
    match unknown.len() {
        0 => None,
        n if n == trials.len() => Some("The worker's code was not recorded.".to_owned()),
        _ => Some(format!("The worker's code was not recorded for {}.", ids(&unknown))),
    }
}

fn interpreters(trials: &[&TrialRecord]) -> Option<String> {
    let used: BTreeSet<_> = trials.iter().flat_map(|trial| &trial.origins.interpreters).collect();
    let used: Vec<_> = used.into_iter().map(|path| format!("`{path}`")).collect();
    (used.len() > 1)
        .then(|| format!("Trials were run by different interpreters: {}.", used.join(", ")))
}

fn ids(trials: &[&TrialRecord]) -> String {
    named(trials.iter().map(|trial| trial.id.0.as_str()))
}
