//! Sentences below the claims on how their design came about: a verdict has the stated error rate only if the
//! design was fixed before the first result.

use std::collections::BTreeMap;

use experiments::schema::design::{Design, Method};
use experiments::schema::report::Report;

use crate::platform::clock;
use crate::scheduler::State;
use crate::store::{DesignRecord, LateSeed, Store, StoreError};

/// The sentences for the claims of `report`, which may be of a newer file than the run's.
pub(super) async fn notes(store: &mut Store, report: &Report) -> Result<Vec<String>, StoreError> {
    if report.claims.is_empty() {
        return Ok(Vec::new());
    }
    let mut designs = store.designs().await?;
    let current = designs.last().and_then(|record| record.design.as_ref());
    if current != report.design.as_ref() {
        let results = store.trials_without_origins().await?;
        let results =
            results.iter().filter(|trial| matches!(trial.state, State::Succeeded { .. })).count();
        let planned_ms = clock::now_ms();
        designs.push(DesignRecord { design: report.design.clone(), planned_ms, results });
    }
    let late = match report.design {
        Some(_) => None,
        None => late(&store.late_seeds().await?),
    };
    Ok(changes(&designs).into_iter().chain(late).collect())
}

/// A sentence for each design that was stated once there were results.
fn changes(designs: &[DesignRecord]) -> Vec<String> {
    let mut before = None;
    let mut notes = Vec::new();
    for DesignRecord { design, planned_ms, results } in designs {
        if *results > 0 {
            let time = clock::to_rfc3339(*planned_ms);
            let day = time.split('T').next().unwrap_or(&time);
            let trials = if *results == 1 { "1 trial" } else { &format!("{results} trials") };
            notes.push(format!(
                "The design was changed on {day}, once {trials} had finished, from {} to {}: the chance of a \
                 false verdict is that of a design only if it is fixed before the first result.",
                text(before),
                text(design.as_ref())
            ));
        }
        before = design.as_ref();
    }
    notes
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
    format!("{method} at {}{}", design.alpha, margins.collect::<String>())
}

fn late(seeds: &[LateSeed]) -> Option<String> {
    let mut by_variant = BTreeMap::<&str, Vec<String>>::new();
    for LateSeed { variant, seed } in seeds {
        by_variant.entry(variant).or_default().push(seed.to_string());
    }
    let of: Vec<String> = by_variant
        .iter()
        .map(|(variant, seeds)| format!("of {variant} {}", seeds.join(", ")))
        .collect();
    (!of.is_empty()).then(|| {
        format!(
            "Seeds were added once others of their row had results ({}): the p-values are those of a number of \
             seeds that is fixed beforehand, and false verdicts are more frequent than stated. A `report.design` \
             allows it.",
            of.join("; ")
        )
    })
}
