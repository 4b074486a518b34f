//! The needs of an open claim: more seeds of some rows, or more items.

use experiments::schema::claim::Relation;

use super::compared::{ComparedClaim, Pair};
use super::cost::{RowCosts, duration};
use super::sequence::Sequence;
use crate::statistics::{Need, SequentialTest};

/// The need of a pair of rows, so that a claim is resolved with a power of 80 %.
#[derive(Debug, Clone, PartialEq)]
pub struct RowNeed {
    /// Names and labels of the rows of the pair that have seeds: one if the other is deterministic.
    pub rows: Vec<(String, String)>,
    /// The seeds that count so far.
    pub has: usize,
    /// Before the first look the number of seeds that it is after.
    pub need: Need,
    /// True before the first look.
    pub is_first_look: bool,
    /// The number of seeds at the next look that is worth its trainings; None if none is.
    pub next_look: Option<usize>,
    /// Seconds of training until its rows have the seeds that they need; None if that is not known.
    pub(crate) seconds: Option<f64>,
    /// The design's last look; None if there is none.
    pub(crate) last_look: Option<usize>,
    /// True if a margin is stated for it.
    pub(crate) has_margin: bool,
}

impl RowNeed {
    /// The seeds that each row needs in all; None where it is not seeds that it needs.
    pub fn seeds(&self) -> Option<usize> {
        match self.need {
            Need::Seeds(seeds) => Some(seeds),
            Need::Items(_) | Need::TooMany => None,
        }
    }

    /// A sentence for readers.
    pub(crate) fn text(&self) -> String {
        let rows: Vec<&str> = self.rows.iter().map(|(_, label)| label.as_str()).collect();
        let rows = rows.join(" and ");
        match self.need {
            Need::Seeds(seeds) => {
                let more = seeds.saturating_sub(self.has);
                let noun = if more == 1 { "seed" } else { "seeds" };
                let about = if self.is_first_look { "" } else { "about " };
                let why = match self.last_look {
                    _ if self.is_first_look => " for its first look".to_owned(),
                    Some(last) if seeds > last => {
                        format!(", beyond the design's last look after {last}")
                    }
                    _ => String::new(),
                };
                let cost = self.seconds.filter(|seconds| *seconds >= 1.0);
                let cost =
                    cost.map_or(String::new(), |s| format!(" ({} of training)", duration(s)));
                format!("Needs {about}{more} more {noun} of {rows}{why}{cost}.")
            }
            Need::Items(items) => format!(
                "Needs about {items} items, not more seeds: those that there are limit the comparison of {rows}."
            ),
            Need::TooMany => {
                let margin = if self.has_margin {
                    ""
                } else {
                    " A margin would let them be found equivalent."
                };
                format!(
                    "No affordable number of seeds or items would tell {rows} apart: the difference that was found is too small.{margin}"
                )
            }
        }
    }
}

/// The needs of a claim at `level`, one for each pair of rows that stands in its way: all that are not yet told
/// apart in the claimed direction or found equivalent or, where the data point against a claim of the best, the
/// one that would refute it first.
pub(super) fn needs(
    claim: &ComparedClaim,
    test: &SequentialTest,
    level: f64,
    costs: &RowCosts,
) -> Vec<RowNeed> {
    let pairs = || claim.sequences.iter().zip(&claim.rows);
    let need = |(sequence, rows): (&Sequence, &Pair), level| {
        let need = needed(sequence, test, level, claim.margin)?;
        Some(RowNeed {
            rows: rows.iter().flatten().cloned().collect(),
            has: sequence.seeds,
            need,
            next_look: next_look(sequence.seeds, need, test),
            seconds: match need {
                Need::Seeds(seeds) => {
                    costs.seconds(rows.iter().flatten().map(|(name, _)| (name.as_str(), seeds)))
                }
                Need::Items(_) | Need::TooMany => None,
            },
            is_first_look: sequence.seeds < test.first_look(),
            last_look: test.last_look(),
            has_margin: claim.margin.is_some(),
        })
    };
    let opposes = |sequence: &Sequence| {
        sequence.pilot.is_some_and(|pilot| (pilot.effect > 0.0) == claim.below)
    };
    let tested = claim.sequences.len() as f64;
    let against = pairs().filter(|(sequence, _)| opposes(sequence));
    let against =
        against.filter_map(|pair| need(pair, level / tested)).min_by_key(|need| need.need);
    if claim.claim.compare.relation == Relation::Best
        && let Some(first) = against
    {
        return vec![first];
    }
    let is_shown = |sequence: &Sequence| {
        let p = sequence.p_after(usize::MAX);
        (if claim.below { p.lower } else { p.higher }).min(p.equivalent) <= level
    };
    let open = pairs().filter(|(sequence, _)| !is_shown(sequence));
    open.filter_map(|pair| need(pair, level)).collect()
}

/// The next look of `test` after `has` seeds. None once more seeds would hardly do: but a first look of a few
/// seeds is no reason to give up.
fn next_look(has: usize, need: Need, test: &SequentialTest) -> Option<usize> {
    match need {
        Need::Seeds(seeds) => test.next_look(has, seeds),
        Need::Items(_) | Need::TooMany if has <= test.first_look() => test.next_look(has, has + 1),
        Need::Items(_) | Need::TooMany => None,
    }
}

/// None where the differences do not vary, so that nothing can be said.
fn needed(
    sequence: &Sequence,
    test: &SequentialTest,
    level: f64,
    margin: Option<f64>,
) -> Option<Need> {
    if sequence.seeds < test.first_look() {
        return Some(Need::Seeds(test.first_look()));
    }
    let pilot = sequence.pilot?;
    let distance = pilot.effect.abs();
    let inside = margin.map(|margin| margin - distance).filter(|inside| *inside > 0.0);
    let need = |distance| pilot.need(test, level, distance);
    Some(inside.into_iter().map(need).fold(need(distance), Need::min))
}
