//! Sentences below the claims on how they came about: a verdict has the stated error rate only if claim, design
//! and seeds were fixed before the first result, and each trial counts as it ran first.

use std::collections::BTreeSet;

use experiments::schema::design::{Design, Family, Method};
use experiments::schema::report::Report;

use super::row_seeds::by_row;
use crate::display::text::named;
use crate::platform::clock;
use crate::scheduler::State;
use crate::store::{Preregistration, Store, StoreError};

/// The sentences for the claims of `report`, which may be of a newer file than the run's.
pub(super) async fn notes(store: &mut Store, report: &Report) -> Result<Vec<String>, StoreError> {
    if report.claims.is_empty() {
        return Ok(Vec::new());
    }
    let mut stated = store.preregistrations().await?;
    let (design, claims) = (report.design.as_ref(), report.stated_claims());
    if stated.last().is_none_or(|last| last.design.as_ref() != design || last.claims != claims) {
        let results = store.trials_without_origins().await?;
        let succeeded = results
            .iter()
            .filter(|trial| !trial.retired && matches!(trial.state, State::Succeeded { .. }));
        let results = succeeded.count();
        let (design, planned_ms) = (design.cloned(), clock::now_ms());
        stated.push(Preregistration { design, claims, planned_ms, results });
    }
    let late = if report.design.is_none() { store.late_seeds().await? } else { Vec::new() };
    let late = by_row(late.iter().map(|(row, seed)| (row.as_str(), *seed)));
    let late = (!late.is_empty()).then(|| {
        format!(
            "Seeds were added once others of their row had results ({late}): the p-values are those of a number \
             of seeds that is fixed beforehand, and false verdicts are more frequent than stated. A \
             `report.design` allows it."
        )
    });
    let repeated = store.repeated_seeds().await?;
    let repeated = by_row(repeated.iter().map(|(row, seed)| (row.as_str(), *seed)));
    let repeated = (!repeated.is_empty()).then(|| {
        format!(
            "Seeds were run again once they had succeeded, with the same code as far as that is known \
             ({repeated}): the last result of each counts."
        )
    });
    Ok(design_changes(&stated)
        .into_iter()
        .chain(claim_changes(&stated))
        .chain(late)
        .chain(repeated)
        .collect())
}

/// A sentence for each design that was stated once there were results.
fn design_changes(stated: &[Preregistration]) -> Vec<String> {
    let mut before = None;
    let mut notes = Vec::new();
    for plan in stated {
        let design = plan.design.as_ref();
        if plan.results > 0 && design != before {
            notes.push(format!(
                "The design was changed {}, from {} to {}: the chance of a false verdict is that of a design only \
                 if it is fixed before the first result.",
                plan.time(),
                text(before),
                text(design)
            ));
        }
        before = design;
    }
    notes
}

/// Sentences on the present claims that were stated once there were results, and on those that the file made
/// when there were some, and makes no more.
fn claim_changes(stated: &[Preregistration]) -> Vec<String> {
    let Some(present) = stated.last() else { return Vec::new() };
    let mut notes = Vec::new();
    let mut known = BTreeSet::new();
    for plan in stated {
        let added = plan.claims.iter().filter(|claim| !known.contains(claim));
        let added: Vec<_> =
            added.filter(|claim| present.claims.contains(claim)).map(code).collect();
        if plan.results > 0 && !added.is_empty() {
            notes.push(format!(
                "Claimed {}: {}. A verdict has the stated error rate only if the claim was made before the first \
                 result.",
                plan.time(),
                named(added.iter().map(String::as_str))
            ));
        }
        known.extend(&plan.claims);
    }
    let with_results = stated.windows(2).filter(|plans| plans[1].results > 0);
    let dropped: BTreeSet<&String> = with_results
        .flat_map(|plans| &plans[0].claims)
        .filter(|claim| !present.claims.contains(claim))
        .collect();
    if !dropped.is_empty() {
        let dropped: Vec<_> = dropped.into_iter().map(code).collect();
        notes.push(format!(
            "Claims that the file made when there were results, and makes no more: {}. They would count in the \
             correction for the number of claims.",
            named(dropped.iter().map(String::as_str))
        ));
    }
    notes
}

fn code(claim: &String) -> String {
    format!("`{claim}`")
}

impl Preregistration {
    /// `on 2026-12-01, once 6 trials had finished`.
    fn time(&self) -> String {
        let time = clock::to_rfc3339(self.planned_ms);
        let day = time.split('T').next().unwrap_or(&time);
        match self.results {
            1 => format!("on {day}, once 1 trial had finished"),
            n => format!("on {day}, once {n} trials had finished"),
        }
    }
}

fn text(design: Option<&Design>) -> String {
    let Some(design) = design else {
        return "none (a number of seeds fixed beforehand)".to_owned();
    };
    let looks: Vec<String> = design.looks().iter().map(usize::to_string).collect();
    let method = match design.method {
        Method::GroupSequential => {
            format!("group-sequential looks after {} seeds", looks.join(", "))
        }
        Method::Anytime => "an anytime-valid design".to_owned(),
    };
    let margins =
        design.margin.iter().map(|(metric, margin)| format!(", margin {margin} in {metric}"));
    let family = if design.family == Family::Each { ", each claim by itself" } else { "" };
    format!("{method} at {}{family}{}", design.alpha, margins.collect::<String>())
}
