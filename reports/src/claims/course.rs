//! The course of a claim under a design: in words, and as JSON.

use experiments::schema::design::{Family, Method};
use serde_json::{Value, json};

use super::JudgedClaim;
use super::design::{Course, DesignSummary};
use super::need::RowNeed;
use super::sequence::{Look, Sequence};
use super::write::{counts, with_interval};
use crate::comparison::estimate;
use crate::figures::{ClaimCourse, CourseLine, CoursePoint};
use crate::statistics::{Interval, Need};
use crate::table::p_text;

impl DesignSummary {
    /// The method, in sentences below `claims` claims.
    pub(super) fn method(&self, claims: usize) -> String {
        let alpha = percent(self.alpha);
        let looks = match self.method {
            Method::GroupSequential => {
                let looks: Vec<String> = self.looks.iter().map(usize::to_string).collect();
                let (last, others) = looks.split_last().expect("a design has a look");
                let others =
                    if others.is_empty() { String::new() } else { others.join(", ") + " and " };
                let level = self
                    .nominal_level
                    .map(|level| format!(", each at a nominal level of {level:.4}"));
                format!(
                    "Group-sequential design with looks after {others}{last} seeds{}",
                    level.unwrap_or_default()
                )
            }
            Method::Anytime => {
                "Anytime-valid design: an e-process, looked at after every seed".to_owned()
            }
        };
        let family = match (self.family, claims) {
            (_, 1) => format!("the chance of a false verdict is at most {alpha}, over all looks"),
            (Family::Claims, _) => format!(
                "by Holm's correction, the chance of even one false verdict among the {claims} claims is at most \
                 {alpha}, over all looks"
            ),
            (Family::Each, _) => format!(
                "the chance of a false verdict on each claim by itself is at most {alpha}, over all looks; it is \
                 higher for the list of {claims}"
            ),
        };
        let margins: Vec<String> =
            self.margin.iter().map(|(metric, margin)| format!("{margin} in {metric}")).collect();
        let margin = if margins.is_empty() {
            String::new()
        } else {
            format!(" Equivalent: the difference is smaller than {}.", margins.join(", "))
        };
        format!(
            "{looks}: {family}. A verdict that is reached at a look stays. A row is the best if it is better than \
             each of the others (intersection-union).{margin} The intervals of all looks hold the true difference \
             together, with a probability of {} and each comparison by itself.",
            percent(1.0 - self.alpha)
        )
    }
}

/// The courses of claims under a design, for figures.
pub(crate) fn courses(claims: &[JudgedClaim]) -> Vec<ClaimCourse> {
    let with = |judged: &JudgedClaim| {
        let course = judged.course.as_ref()?;
        let compare = course.sequences.first().map(|sequence| sequence.compare).unwrap_or_default();
        let shown = |value: f64| estimate(compare, value, None).0;
        let lines = judged.comparisons.iter().zip(&course.sequences);
        let lines = lines.map(|((label, _), sequence)| sequence.line(label));
        Some(ClaimCourse {
            compare: judged.claim.compare.to_string(),
            metric: judged.claim.compare.subject.metric.clone(),
            verdict: judged.verdict.words(),
            stopped_at: course.stopped_at,
            confidence: 1.0 - course.design.alpha,
            equal: shown(0.0),
            margin: course.margin.map(|m| Interval { low: shown(-m), high: shown(m) }),
            lines: lines.collect(),
        })
    };
    claims.iter().filter_map(with).collect()
}

fn percent(share: f64) -> String {
    format!("{} %", (share * 1e6).round() / 1e4)
}

impl Course {
    /// The look that the verdict was reached at, or the last one so far; None before the first.
    pub(crate) fn look<'a>(&self, sequence: &'a Sequence) -> Option<&'a Look> {
        let until = self.stopped_at.unwrap_or(usize::MAX);
        sequence.looks.iter().rfind(|look| look.seeds <= until)
    }

    /// When the verdict was reached, a sentence per comparison, and what is needed.
    pub(super) fn details(&self, judged: &JudgedClaim) -> Vec<String> {
        let by = if self.design.family == Family::Claims { " by Holm" } else { "" };
        let p = judged.p_holm.map(|p| format!("p {}{by}, over all looks", p_text(p)));
        let stop = self.stopped_at.map(|seeds| format!("decided after {seeds} seeds"));
        let mut details = vec![stop.into_iter().chain(p).collect::<Vec<_>>().join(", ")];
        for ((label, _), sequence) in judged.comparisons.iter().zip(&self.sequences) {
            let look = self.look(sequence).map(|look| {
                let text = sequence.text(look);
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

    pub(super) fn json(&self, judged: &JudgedClaim) -> Value {
        let sequences = judged.comparisons.iter().zip(&self.sequences);
        let sequences: Vec<Value> =
            sequences.map(|((label, _), sequence)| sequence.json(label)).collect();
        let needs: Vec<Value> = self.needs.iter().map(RowNeed::json).collect();
        json!({"stopped_at": self.stopped_at, "sequences": sequences, "needs": needs})
    }
}

impl Sequence {
    /// Estimate and interval of a look.
    pub(crate) fn text(&self, look: &Look) -> String {
        let (estimate, interval) = estimate(self.compare, look.mean, look.interval);
        with_interval(self.compare, estimate, interval)
    }

    fn line(&self, label: &str) -> CourseLine {
        let points = self.looks.iter().map(|look| {
            let (estimate, interval) = estimate(self.compare, look.mean, look.interval);
            CoursePoint { seeds: look.seeds, estimate, interval }
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
