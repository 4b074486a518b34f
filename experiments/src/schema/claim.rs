//! Claims: a paper's statements about its rows, as comparisons that the records can answer.
//!
//! ```text
//! comparison: quantity < quantity | quantity > quantity | VARIANT.METRIC best
//! quantity:   VARIANT.METRIC                    the final value
//!             VARIANT.METRIC@STEP               the value at a training step
//!             VARIANT.METRIC@PERCENT%           the value at a share of the last step
//!             mean(VARIANT.METRIC)              the mean over the training: the area under its curve
//!             steps(VARIANT.METRIC >= NUMBER)   the first step at which it holds
//!             seconds(VARIANT.METRIC >= NUMBER) seconds of work until it holds; `<=` as well
//! ```

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::schema::step::StepSelector;

/// A sentence of the paper, and the comparison that would make it true.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    /// The sentence, for people.
    pub claim: String,
    /// The comparison that decides it.
    pub compare: Comparison,
}

/// A comparison of rows: `ours.accuracy > baseline.accuracy`, or `ours.accuracy best`; of final values, of those at a
/// step (`ours.loss@5000`, `ours.loss@50%`), or of means over the training (`mean(ours.loss)`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
pub struct Comparison {
    /// As it is written.
    text: String,
    /// The quantity it is about.
    pub subject: Quantity,
    /// The statement about it.
    pub relation: Relation,
}

/// A statement about a quantity.
#[derive(Debug, Clone, PartialEq)]
pub enum Relation {
    /// It is lower than another.
    Below(Quantity),
    /// It is higher than another.
    Above(Quantity),
    /// It is better than that of every other variant.
    Best,
}

/// A number that every trial of a variant has.
#[derive(Debug, Clone, PartialEq)]
pub struct Quantity {
    /// The variant's name.
    pub variant: String,
    /// The metric's name.
    pub metric: String,
    /// Reduces the metric's values to one number.
    pub measure: Measure,
}

/// A number that a metric's values are reduced to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Measure {
    /// The final value.
    Final,
    /// The value at a step.
    At(u64),
    /// The value at a share of the last step, from 0 to 1.
    AtShare(f64),
    /// The mean over the training steps.
    Mean,
    /// The first step at which a level is reached.
    Steps(Level),
    /// Seconds of work until a level is reached.
    Seconds(Level),
}

/// A level that a metric can reach.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Level {
    /// At least this.
    AtLeast(f64),
    /// At most this.
    AtMost(f64),
}

impl Level {
    /// True if `value` has reached it.
    pub fn is_reached(self, value: f64) -> bool {
        match self {
            Self::AtLeast(level) => value >= level,
            Self::AtMost(level) => value <= level,
        }
    }
}

/// Text that is not a comparison.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClaimError {
    /// There is neither `<` nor `>` nor `best`.
    #[error(
        "`{text}` is not a comparison: write `a.psnr < b.psnr`, `a.psnr > b.psnr` or `a.psnr best`"
    )]
    NoRelation {
        /// The whole comparison.
        text: String,
    },
    /// One side is not a quantity.
    #[error(
        "`{text}` is not a quantity: write `VARIANT.METRIC`, `VARIANT.METRIC@STEP`, `VARIANT.METRIC@10%`, \
         `mean(VARIANT.METRIC)`, or `steps(VARIANT.METRIC >= NUMBER)`; `seconds` and `<=` as well"
    )]
    NoQuantity {
        /// The side that is not one, trimmed.
        text: String,
    },
    /// Two different measures, for example steps and seconds.
    #[error("`{left}` and `{right}` cannot be compared: they measure different things")]
    Different {
        /// The side before `<` or `>`.
        left: String,
        /// The side after it.
        right: String,
    },
    /// The best of something that is not a final value.
    #[error("`{text}` is not a final value, and only final values can be the best")]
    BestOfOther {
        /// The quantity as written.
        text: String,
    },
}

impl Comparison {
    /// Every quantity that it names.
    pub fn quantities(&self) -> impl Iterator<Item = &Quantity> {
        let other = match &self.relation {
            Relation::Below(other) | Relation::Above(other) => Some(other),
            Relation::Best => None,
        };
        std::iter::once(&self.subject).chain(other)
    }
}

impl FromStr for Comparison {
    type Err = ClaimError;

    fn from_str(text: &str) -> Result<Self, ClaimError> {
        let text = text.trim();
        let whole = |subject, relation| Self { text: text.to_owned(), subject, relation };
        if let Some(subject) = text.strip_suffix(" best") {
            let quantity: Quantity = subject.parse()?;
            return match quantity.measure {
                Measure::Final => Ok(whole(quantity, Relation::Best)),
                _ => Err(ClaimError::BestOfOther { text: subject.trim().to_owned() }),
            };
        }
        let index =
            relation_index(text).ok_or_else(|| ClaimError::NoRelation { text: text.to_owned() })?;
        let (left, right) = (&text[..index], &text[index + 1..]);
        let (subject, other): (Quantity, Quantity) = (left.parse()?, right.parse()?);
        if std::mem::discriminant(&subject.measure) != std::mem::discriminant(&other.measure) {
            return Err(ClaimError::Different {
                left: left.trim().to_owned(),
                right: right.trim().to_owned(),
            });
        }
        let is_below = text[index..].starts_with('<');
        let relation = if is_below { Relation::Below(other) } else { Relation::Above(other) };
        Ok(whole(subject, relation))
    }
}

/// The byte index of `<` or `>` outside of parentheses.
fn relation_index(text: &str) -> Option<usize> {
    let mut depth = 0;
    text.char_indices().find_map(|(index, c)| {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            '<' | '>' if depth == 0 => return Some(index),
            _ => {}
        }
        None
    })
}

impl FromStr for Quantity {
    type Err = ClaimError;

    fn from_str(text: &str) -> Result<Self, ClaimError> {
        let text = text.trim();
        quantity(text).ok_or_else(|| ClaimError::NoQuantity { text: text.to_owned() })
    }
}

fn quantity(text: &str) -> Option<Quantity> {
    if let Some(inside) = text.strip_prefix("mean(") {
        return named(inside.strip_suffix(')')?, Measure::Mean);
    }
    for (function, measure) in
        [("steps(", Measure::Steps as fn(Level) -> Measure), ("seconds(", Measure::Seconds)]
    {
        if let Some(inside) = text.strip_prefix(function) {
            let inside = inside.strip_suffix(')')?;
            let level: fn(f64) -> Level =
                if inside.contains(">=") { Level::AtLeast } else { Level::AtMost };
            let (of, number) = inside.split_once(">=").or_else(|| inside.split_once("<="))?;
            let number: f64 = number.trim().parse().ok()?;
            return named(of, measure(level(number)));
        }
    }
    match text.split_once('@') {
        Some((of, step)) => {
            let measure = match step.trim().parse().ok()? {
                StepSelector::Step(step) => Measure::At(step),
                StepSelector::Share(share) => Measure::AtShare(share),
            };
            named(of, measure)
        }
        None => named(text, Measure::Final),
    }
}

fn named(text: &str, measure: Measure) -> Option<Quantity> {
    let (variant, metric) = text.trim().split_once('.')?;
    (is_plain(variant) && is_plain(metric)).then(|| Quantity {
        variant: variant.to_owned(),
        metric: metric.to_owned(),
        measure,
    })
}

fn is_plain(name: &str) -> bool {
    !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || "<>=()@".contains(c))
}

impl TryFrom<String> for Comparison {
    type Error = ClaimError;

    fn try_from(text: String) -> Result<Self, ClaimError> {
        text.parse()
    }
}

impl From<Comparison> for String {
    fn from(comparison: Comparison) -> Self {
        comparison.text
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(variant: &str, metric: &str, measure: Measure) -> Quantity {
        Quantity { variant: variant.to_owned(), metric: metric.to_owned(), measure }
    }

    #[test]
    fn every_form_is_parsed() {
        let parse = |text: &str| text.parse::<Comparison>().unwrap();
        let below = parse("sr3-500.psnr < sr3.psnr");
        assert_eq!(below.subject, of("sr3-500", "psnr", Measure::Final));
        assert_eq!(below.relation, Relation::Below(of("sr3", "psnr", Measure::Final)));
        let at = parse("res.val/psnr@2000>sr3.val/psnr@2_000".replace('_', "").as_str());
        assert_eq!(at.subject, of("res", "val/psnr", Measure::At(2000)));
        assert_eq!(at.relation, Relation::Above(of("sr3", "val/psnr", Measure::At(2000))));
        let share = parse("res.val/psnr@10% > sr3.val/psnr@10%");
        assert_eq!(share.subject, of("res", "val/psnr", Measure::AtShare(0.1)));
        let steps = parse("steps(res.val/psnr >= 20) < steps(sr3.val/psnr >= 20)");
        assert_eq!(steps.subject, of("res", "val/psnr", Measure::Steps(Level::AtLeast(20.0))));
        let seconds = parse("seconds(a.loss<=-0.5) > seconds(b.loss <= 1e-3)");
        assert_eq!(seconds.subject.measure, Measure::Seconds(Level::AtMost(-0.5)));
        let mean = parse("mean(res.val/psnr) > mean(cos.val/psnr)");
        assert_eq!(mean.subject, of("res", "val/psnr", Measure::Mean));
        assert_eq!(mean.relation, Relation::Above(of("cos", "val/psnr", Measure::Mean)));
        assert_eq!(parse("sr4.psnr best").relation, Relation::Best);
        assert_eq!(String::from(parse(" a.m  <  b.m ")), "a.m  <  b.m");
    }

    #[test]
    fn the_part_that_is_wrong_is_named() {
        let wrong = |text: &str| text.parse::<Comparison>().unwrap_err();
        assert!(matches!(wrong("sr3.psnr"), ClaimError::NoRelation { .. }));
        assert!(matches!(wrong("sr3.psnr < 20"), ClaimError::NoQuantity { text } if text == "20"));
        for text in [
            "a.m@x < b.m@1",
            "a.m@101% < b.m@1%",
            "mean(a.m) < mean(b)",
            "steps(a.m > 2) < steps(b.m > 2)",
            "a < b",
            "a.m = b.m < c.m",
        ] {
            assert!(matches!(wrong(text), ClaimError::NoQuantity { .. }), "{text}");
        }
        assert!(matches!(wrong("a.m < steps(b.m >= 1)"), ClaimError::Different { .. }));
        assert!(matches!(wrong("a.m@5 best"), ClaimError::BestOfOther { .. }));
    }
}
