//! The course of a claim under a design: look by look, in words and as JSON.

use experiments::schema::design::Family;
use serde_json::{Value, json};

use super::need::RowNeed;
use super::numbers::{DifferenceUnit, counts, with_interval};
use super::sequence::{Look, Sequence};
use super::summary::DesignSummary;
use crate::comparison::{Comparison, estimate};
use crate::figures::{CourseLine, CoursePoint};
use crate::statistics::Need;
use crate::table::p_text;

/// The course of a claim under a design.
#[derive(Debug, Clone, PartialEq)]
pub struct Course {
    pub(crate) design: DesignSummary,
    /// The margin on the scale of the differences; None if there is none for the metric.
    pub(crate) margin: Option<f64>,
    /// One for each of the claim's comparisons, in their order.
    pub sequences: Vec<Sequence>,
    /// The number of seeds after which the verdict was reached; None if it was not.
    pub stopped_at: Option<usize>,
    /// The needs of an open claim, by pair of rows.
    pub needs: Vec<RowNeed>,
}

impl Course {
    /// The look that the verdict was reached at, or the last one so far; None before the first.
    pub(crate) fn look<'a>(&self, sequence: &'a Sequence) -> Option<&'a Look> {
        let until = self.stopped_at.unwrap_or(usize::MAX);
        sequence.looks.iter().rfind(|look| look.seeds <= until)
    }

    /// The look of the verdict with the p-value, a sentence per comparison, and the needs.
    pub(super) fn details(
        &self,
        comparisons: &[(String, Comparison)],
        unit: &DifferenceUnit,
        p_holm: Option<f64>,
    ) -> Vec<String> {
        let by = if self.design.family == Family::Claims { " by Holm" } else { "" };
        let p = p_holm.map(|p| format!("p {}{by}, over the looks so far", p_text(p)));
        let stop = self.stopped_at.map(|seeds| format!("decided after {seeds} seeds"));
        let mut details = vec![stop.into_iter().chain(p).collect::<Vec<_>>().join(", ")];
        for ((label, _), sequence) in comparisons.iter().zip(&self.sequences) {
            let look = self.look(sequence).map(|look| {
                let text = sequence.text(look, unit);
                format!("against {label}: {text}, {}", counts(look.seeds, look.items))
            });
            details.extend(look);
            details.extend(sequence.waits_for.filter(|_| self.stopped_at.is_none()).map(|seed| {
                format!("against {label}: the next look waits for seed {seed}, which has not finished in both rows")
            }));
        }
        details.extend(self.needs.iter().map(RowNeed::text));
        details
    }

    pub(super) fn json(&self, comparisons: &[(String, Comparison)]) -> Value {
        let sequences = comparisons.iter().zip(&self.sequences);
        let sequences: Vec<Value> =
            sequences.map(|((label, _), sequence)| sequence.json(label)).collect();
        let needs: Vec<Value> = self.needs.iter().map(RowNeed::json).collect();
        json!({"stopped_at": self.stopped_at, "sequences": sequences, "needs": needs})
    }
}

impl Sequence {
    /// Estimate and interval of a look.
    pub(crate) fn text(&self, look: &Look, unit: &DifferenceUnit) -> String {
        let (estimate, interval) = estimate(self.compare, look.mean, look.interval);
        with_interval(self.compare, unit, estimate, interval)
    }

    pub(super) fn line(&self, label: &str, unit: &DifferenceUnit) -> CourseLine {
        let points = self.looks.iter().map(|look| {
            let (estimate, interval) = estimate(self.compare, look.mean, look.interval);
            let interval = interval.map(|interval| unit.interval(interval));
            CoursePoint { seeds: look.seeds, estimate: estimate * unit.scale, interval }
        });
        CourseLine { label: label.to_owned(), points: points.collect() }
    }

    fn json(&self, label: &str) -> Value {
        let look = |look: &Look| {
            let (estimate, interval) = estimate(self.compare, look.mean, look.interval);
            json!({
                "seeds": look.seeds,
                "items": look.items,
                "estimate": estimate,
                "interval": interval.map(|interval| [interval.low, interval.high]),
            })
        };
        let looks: Vec<Value> = self.looks.iter().map(look).collect();
        json!({
            "against": label, "compare": self.compare, "seeds": self.seeds,
            "waits_for_seed": self.waits_for, "looks": looks,
        })
    }
}

impl RowNeed {
    fn json(&self) -> Value {
        let rows: Vec<&str> = self.rows.iter().map(|(name, _)| name.as_str()).collect();
        let (seeds, items) = match self.need {
            Need::Seeds(seeds) => (Some(seeds), None),
            Need::Items(items) => (None, Some(items)),
            Need::TooMany => (None, None),
        };
        json!({"rows": rows, "has_seeds": self.has, "seeds": seeds, "items": items})
    }
}
