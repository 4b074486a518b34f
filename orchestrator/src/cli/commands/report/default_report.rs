//! The report of a file that asks for none: every final metric, and a curve of every metric that has one.

use std::collections::{BTreeMap, BTreeSet};

use experiments::schema::report::{Column, Curve, Figure, Report, Table};

use crate::scheduler::State;
use crate::store::{Store, StoreError};

/// Says that nothing was chosen, and how to choose.
const NOTE: &str = "The experiment file has no section `report`: this is every final metric, and a curve of \
                    every metric with more than one point. `report` chooses the columns, their labels and \
                    which way is better, the figures and the claims (docs/experiment.md).";

/// Letters of a figure's name, with room for a number.
const MAX_NAME: usize = 90;

/// The report of everything in `store`.
pub(super) async fn default_report(store: &mut Store) -> Result<Report, StoreError> {
    let trials = store.trials().await?.into_iter().filter(|trial| !trial.retired);
    let succeeded = trials.filter(|trial| matches!(trial.state, State::Succeeded { .. }));
    let mut results = store.results().await?;
    let metrics: BTreeSet<String> = succeeded
        .filter_map(|trial| results.remove(&trial.id))
        .flat_map(BTreeMap::into_keys)
        .collect();
    let columns: Vec<_> = metrics.into_iter().map(Column::new).collect();
    let table = (!columns.is_empty()).then(|| Table {
        columns,
        notes: vec![NOTE.to_owned()],
        ..Table::new("results")
    });
    let mut names = BTreeSet::new();
    let figures = store.metrics_with_curves().await?.into_iter().map(|metric| {
        let name = figure_name(&metric, &mut names);
        Figure::Curve(Curve { name, metric, ..Curve::default() })
    });
    Ok(Report { table, figures: figures.collect(), ..Report::default() })
}

/// A file name for a metric, which no other metric has.
fn figure_name(metric: &str, names: &mut BTreeSet<String>) -> String {
    let plain: String = metric
        .chars()
        .take(MAX_NAME)
        .map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '-' })
        .collect();
    let plain = plain.trim_start_matches('-');
    let plain = if plain.is_empty() { "metric" } else { plain };
    let numbered = (2..).map(|number| format!("{plain}-{number}"));
    let mut free = std::iter::once(plain.to_owned()).chain(numbered);
    let name = free.find(|name| !names.contains(name)).expect("there are enough numbers");
    names.insert(name.clone());
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_that_look_alike_have_figures_of_their_own() {
        let mut names = BTreeSet::new();
        let metrics = ["val/psnr", "val psnr", "-", "ü", "loss", &"x".repeat(300)];
        let figures = metrics.map(|metric| figure_name(metric, &mut names));
        assert_eq!(figures[..5], ["val-psnr", "val-psnr-2", "metric", "metric-2", "loss"]);
        assert!(names.iter().all(|name| experiments::schema::file::is_file_name(name)));
    }
}
