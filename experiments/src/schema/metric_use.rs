//! The metrics that a report is made from.

use crate::schema::claim::{Measure, Quantity, Relation};
use crate::schema::report::{Figure, Report};

/// The table as a user of metrics.
pub const TABLE: &str = "table";

/// A metric that a table, a claim or a figure is made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetricUse<'a> {
    /// Its name.
    pub metric: &'a str,
    /// The values that are used.
    pub values: Values,
    /// The variants that should report it.
    pub rows: Rows<'a>,
    /// The table, claim or figure, for readers: [`TABLE`], ``figure `loss` ``.
    pub by: String,
    /// Its place in the experiment file, as a JSON pointer.
    pub pointer: String,
}

/// Values of a metric, by the event that has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Values {
    /// One for each trial, from `result`.
    Final,
    /// Those without an item from `metrics`.
    ByStep,
}

/// The variants that should report a metric.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rows<'a> {
    /// Every one.
    All,
    /// These.
    Named(Vec<&'a str>),
    /// Some: the others are left out.
    Any,
}

impl Rows<'_> {
    /// True if a trial of `variant` should report the metric.
    pub fn include(&self, variant: &str) -> bool {
        match self {
            Self::All => true,
            Self::Named(names) => names.contains(&variant),
            Self::Any => false,
        }
    }
}

impl Report {
    /// Every use of a metric: of the table, the claims, and the figures, each in the file's order.
    pub fn metric_uses(&self) -> Vec<MetricUse<'_>> {
        let columns = self.table.iter().flat_map(|table| &table.columns);
        let columns = columns.enumerate().map(|(index, column)| MetricUse {
            metric: &column.metric,
            values: Values::Final,
            rows: Rows::All,
            by: TABLE.to_owned(),
            pointer: format!("/report/table/columns/{index}/metric"),
        });
        let mut uses: Vec<_> = columns.collect();
        for (index, claim) in self.claims.iter().enumerate() {
            let by = format!("claim `{}`", claim.compare);
            let pointer = format!("/report/claims/{index}/compare");
            let quantities = claim.compare.quantities();
            uses.extend(quantities.map(|quantity| quantity.metric_use(&by, &pointer)));
            if claim.compare.relation == Relation::Best {
                let subject = claim.compare.subject.metric_use(&by, &pointer);
                uses.push(MetricUse { rows: Rows::All, ..subject });
            }
        }
        let figures = self.figures.iter().enumerate();
        uses.extend(figures.flat_map(|(index, figure)| figure.metric_uses(index)));
        uses
    }
}

impl Quantity {
    fn metric_use(&self, by: &str, pointer: &str) -> MetricUse<'_> {
        let values = match self.measure {
            Measure::Final => Values::Final,
            Measure::At(_)
            | Measure::AtShare(_)
            | Measure::Mean
            | Measure::Steps(_)
            | Measure::Seconds(_) => Values::ByStep,
        };
        let rows = Rows::Named(vec![&self.variant]);
        let (by, pointer) = (by.to_owned(), pointer.to_owned());
        MetricUse { metric: &self.metric, values, rows, by, pointer }
    }
}

impl Figure {
    /// The uses of the figure at `index` of the report.
    fn metric_uses(&self, index: usize) -> Vec<MetricUse<'_>> {
        let pointer = format!("/report/figures/{index}");
        let names: Vec<&str> = self.variants().iter().map(String::as_str).collect();
        let rows = if names.is_empty() { Rows::Any } else { Rows::Named(names) };
        let by = format!("figure `{}`", self.name());
        let used = |metric, values, rows| {
            let (by, pointer) = (by.clone(), pointer.clone());
            MetricUse { metric, values, rows, by, pointer }
        };
        match self {
            Self::Curve(curve) => {
                let reference = curve.reference.iter().map(|reference| {
                    let rows = Rows::Named(vec![&reference.variant]);
                    used(reference.metric.as_str(), Values::Final, rows)
                });
                let drawn = used(curve.metric.as_str(), Values::ByStep, rows);
                std::iter::once(drawn).chain(reference).collect()
            }
            Self::Bars(bars) => vec![used(&bars.metric, Values::Final, rows)],
            Self::Scatter(scatter) => vec![
                used(&scatter.x, Values::Final, rows.clone()),
                used(&scatter.y, Values::Final, rows),
            ],
            // The columns of a picture of the table are the table's, the metrics of a sequence the claim's.
            Self::Images(_) | Self::Table(_) | Self::Sequence(_) => Vec::new(),
        }
    }
}
