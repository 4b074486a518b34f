//! The test of a design: after several numbers of seeds, with one error rate over all of them.

use experiments::schema::design::{Design, FIRST_LOOK, Method};

use super::group_sequential::GroupSequential;
use super::paired::{Paired, crossed_from};
use super::{Interval, anytime, paired};

/// Seeds and items from which on a look's degrees of freedom are Satterthwaite's. At the nominal levels of a
/// design and a list of claims they need more seeds than at 5 %: of an alpha of 0.5 % they spend 0.78 % from
/// five seeds on and 0.47 % from eight (docs/statistics.md).
pub(super) const SATTERTHWAITE_FROM: usize = 8;

/// A test that may be made again as seeds are added.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum SequentialTest {
    /// At the looks of a list.
    GroupSequential(GroupSequential),
    /// After every seed.
    Anytime,
}

impl SequentialTest {
    /// None if the looks or alpha are not valid.
    pub(crate) fn new(design: &Design) -> Option<Self> {
        match design.method {
            Method::GroupSequential => {
                GroupSequential::new(design.alpha, &design.looks()).map(Self::GroupSequential)
            }
            Method::Anytime => (design.alpha > 0.0 && design.alpha < 1.0).then_some(Self::Anytime),
        }
    }

    /// The first number of seeds that is tested.
    pub(crate) fn first_look(&self) -> usize {
        match self {
            Self::GroupSequential(design) => design.looks()[0],
            Self::Anytime => FIRST_LOOK,
        }
    }

    /// The last number of seeds that is tested; None if there is no last one.
    pub(crate) fn last_look(&self) -> Option<usize> {
        match self {
            Self::GroupSequential(design) => design.looks().last().copied(),
            Self::Anytime => None,
        }
    }

    /// The number of seeds at the look after `has` of them, where about `expected` will be needed: of a list the
    /// next one; without a list half of the way there, as every look costs a wait for its slowest training. None
    /// if there is no further look.
    pub(crate) fn next_look(&self, has: usize, expected: usize) -> Option<usize> {
        match self {
            Self::GroupSequential(design) => {
                design.looks().iter().copied().find(|look| *look > has)
            }
            Self::Anytime => {
                let half_way = has + expected.saturating_sub(has).div_ceil(2);
                Some(half_way.max(has + 1).max(FIRST_LOOK))
            }
        }
    }

    /// The level of each test of a list of looks; None where there is no list.
    pub(crate) fn nominal_level(&self, alpha: f64) -> Option<f64> {
        match self {
            Self::GroupSequential(design) => Some(design.level(alpha)),
            Self::Anytime => None,
        }
    }

    /// The numbers of seeds that are tested, up to `seeds`.
    pub(crate) fn looks(&self, seeds: usize) -> Vec<usize> {
        match self {
            Self::GroupSequential(design) => {
                design.looks().iter().copied().filter(|look| *look <= seeds).collect()
            }
            Self::Anytime => (FIRST_LOOK..=seeds).collect(),
        }
    }

    /// The p-value, over all looks, that the mean is `null`: the least one so far is valid whenever one stops.
    /// `differences` has a row for each seed, of the same items or of a single value. None where they do not
    /// vary.
    pub(crate) fn p_value(&self, differences: &[Vec<f64>], null: f64) -> Option<f64> {
        match self {
            Self::GroupSequential(design) => {
                let Paired { difference, error, .. } = at_a_look(differences)?;
                Some(design.p_value(error?.p_value(difference - null)))
            }
            Self::Anytime => anytime::p_value(differences, null),
        }
    }

    /// The interval of this look: with a probability of `1 - alpha` all of them hold the true mean (a repeated
    /// confidence interval, or a confidence sequence). None where it has no ends.
    pub(crate) fn interval(&self, differences: &[Vec<f64>], alpha: f64) -> Option<Interval> {
        match self {
            Self::GroupSequential(design) => {
                let Paired { difference, error, .. } = at_a_look(differences)?;
                Some(error?.interval(difference, 1.0 - design.level(alpha)))
            }
            Self::Anytime => anytime::interval(differences, alpha),
        }
    }
}

/// The t test over seeds, or seeds and items, at one look.
fn at_a_look(differences: &[Vec<f64>]) -> Option<Paired> {
    if differences.first()?.len() > 1 {
        return crossed_from(differences, SATTERTHWAITE_FROM);
    }
    paired(&differences.concat())
}
