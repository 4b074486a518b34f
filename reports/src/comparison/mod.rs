//! Paired comparison of two rows: pairs their values by seed and item, and tests the differences.

mod items;

use serde::Serialize;

use self::items::PairedItems;
use crate::records::{ItemValues, Trial, Variant};
use crate::statistics::{CONFIDENCE, Paired, crossed, holm, paired};

pub(crate) use self::items::LeftOutItems;

/// One seed's value of the compared quantity.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Observation<'a> {
    /// Values of two rows with the same seed form a pair.
    pub(crate) seed: u64,
    /// Not used where there are items, but for being finite.
    pub(crate) value: f64,
    /// The values by item; None if there are none.
    pub(crate) items: Option<ItemValues<'a>>,
}

/// The paired differences of a row's values minus those of another row, by seed and item.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// Mean, interval and test of the differences.
    pub paired: Paired,
    /// The p-value adjusted by Holm within its family of comparisons; unadjusted until
    /// `adjust_p_values` is called.
    pub(crate) p: Option<f64>,
    /// The seeds that both rows have.
    pub seeds: Vec<u64>,
    /// The seeds that only one of the rows has, sorted; left out.
    pub unpaired: Vec<u64>,
    /// The count of items that all seeds share; 0 if the values are not known to be means of items.
    pub items: usize,
    /// The items that are known and not used; None if all are used.
    pub(crate) items_left_out: Option<LeftOutItems>,
}

/// The result of a comparison at 95 %.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Finding {
    /// The first is higher.
    Higher,
    /// The first is lower.
    Lower,
    /// The interval holds zero, or would if it were corrected for the other comparisons.
    NotResolved,
    /// Two pairs of seeds, or one without items, are not enough.
    TooFew,
    /// The differences do not vary, so that chance cannot be measured.
    NoVariance,
}

/// The final values of `metric` of a row's finished trials.
pub(crate) fn finals<'a>(variant: &'a Variant, metric: &str) -> Vec<Observation<'a>> {
    let values = variant.finished().filter_map(|trial: &Trial| {
        let value = *trial.results.get(metric)?;
        Some(Observation { seed: trial.seed, value, items: trial.items_of(metric) })
    });
    values.collect()
}

impl Comparison {
    /// Compares `ours` with `theirs`; None without a pair of finite values.
    pub(crate) fn new(ours: &[Observation], theirs: &[Observation]) -> Option<Self> {
        let mut pairs: Vec<[&Observation; 2]> = Vec::new();
        for a in ours.iter().filter(|a| a.value.is_finite()) {
            let partner = theirs.iter().find(|b| b.seed == a.seed && b.value.is_finite());
            pairs.extend(partner.map(|b| [a, b]));
        }
        let seeds: Vec<u64> = pairs.iter().map(|[a, _]| a.seed).collect();
        let mut unpaired: Vec<u64> = ours.iter().chain(theirs).map(|v| v.seed).collect();
        unpaired.retain(|seed| !seeds.contains(seed));
        unpaired.sort_unstable();
        unpaired.dedup();

        let by_item = PairedItems::new(
            &pairs.iter().map(|pair| pair.map(|seed| seed.items)).collect::<Vec<_>>(),
        );
        let paired = match &by_item.differences[..] {
            [] => paired(&pairs.iter().map(|[a, b]| a.value - b.value).collect::<Vec<_>>()),
            [of_one_seed] => paired(of_one_seed),
            several => crossed(several),
        }?;
        let items = by_item.differences.first().map_or(0, Vec::len);
        let items_left_out = by_item.left_out;
        Some(Self { p: paired.p, paired, seeds, unpaired, items, items_left_out })
    }

    /// True if there is one pair of seeds: the result then holds for these two checkpoints only.
    pub fn has_single_seed(&self) -> bool {
        self.seeds.len() == 1
    }

    /// The population that the result holds for, for programs.
    pub(crate) fn scope(&self) -> &'static str {
        match (self.seeds.len(), self.items) {
            (1, _) => "these-checkpoints-only",
            (_, 0) => "seeds",
            _ => "seeds-and-items",
        }
    }

    /// The result at a confidence of 95 %.
    pub fn finding(&self) -> Finding {
        let few = self.seeds.len() == 2 || (self.has_single_seed() && self.items == 0);
        match self.p {
            _ if few => Finding::TooFew,
            None => Finding::NoVariance,
            Some(p) if p >= 1.0 - CONFIDENCE => Finding::NotResolved,
            Some(_) if self.paired.difference > 0.0 => Finding::Higher,
            Some(_) => Finding::Lower,
        }
    }
}

/// Adjusts the p-values of a family of comparisons by Holm's method.
pub(crate) fn adjust_p_values<'a>(family: impl Iterator<Item = &'a mut Comparison>) {
    let mut tested: Vec<_> = family.filter(|comparison| comparison.paired.p.is_some()).collect();
    let p_values: Vec<f64> = tested.iter().filter_map(|comparison| comparison.paired.p).collect();
    for (comparison, p) in tested.iter_mut().zip(holm(&p_values)) {
        comparison.p = Some(p);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn value(seed: u64, value: f64) -> Observation<'static> {
        Observation { seed, value, items: None }
    }

    #[test]
    fn seeds_without_a_partner_are_left_out_and_named() {
        let ours = [value(0, 3.0), value(1, 4.0), value(2, 5.5), value(3, f64::NAN), value(9, 1.0)];
        let theirs = [value(2, 4.0), value(1, 3.0), value(0, 2.5), value(3, 1.0), value(4, 0.0)];
        let comparison = Comparison::new(&ours, &theirs).unwrap();
        assert_eq!(comparison.seeds, [0, 1, 2]);
        assert_eq!(comparison.unpaired, [3, 4, 9]);
        assert_eq!(comparison.paired, paired(&[0.5, 1.0, 1.5]).unwrap());
        assert_eq!(Comparison::new(&ours[3..], &theirs[..3]), None);
    }

    #[test]
    fn items_are_matched_by_name() {
        let items = |values: &[(&str, f64)]| -> BTreeMap<String, f64> {
            values.iter().map(|(name, v)| ((*name).to_owned(), *v)).collect()
        };
        let a = items(&[("x", 3.0), ("y", 5.0), ("z", 7.5), ("only ours", 100.0)]);
        let b = items(&[("z", 6.0), ("y", 4.0), ("x", 2.5)]);
        let with = |seed, values| {
            let items = ItemValues { values, mean_is_result: true };
            Observation { seed, value: 0.0, items: Some(items) }
        };
        let left_out = |comparison: &Comparison| comparison.items_left_out.map(LeftOutItems::text);
        let one = Comparison::new(&[with(0, &a)], &[with(0, &b)]).unwrap();
        assert_eq!(one.paired, paired(&[0.5, 1.0, 1.5]).unwrap());
        let reason = "1 of 4 items left out: not every seed of both rows has a value of them";
        assert_eq!((one.items, left_out(&one).unwrap().as_str()), (3, reason));
        assert!(one.has_single_seed());
        let both = [with(0, &a), with(1, &b)];
        let two = Comparison::new(&both, &[with(0, &b), with(1, &a)]).unwrap();
        let expected = crossed(&[vec![0.5, 1.0, 1.5], vec![-0.5, -1.0, -1.5]]);
        assert_eq!(Some(two.paired), expected);
        // A seed without items: what is left are the seeds' own values.
        let mixed = Comparison::new(&both, &[value(0, 1.0), with(1, &a)]).unwrap();
        assert_eq!((mixed.items, mixed.paired.difference), (0, -0.5));
        assert_eq!(left_out(&mixed).unwrap(), "4 of 4 items left out: not every seed has items");
        let other = Observation {
            items: Some(ItemValues { values: &b, mean_is_result: false }),
            ..value(0, 1.0)
        };
        let of_other_mean = Comparison::new(&[with(0, &a)], &[other]).unwrap();
        assert_eq!((of_other_mean.items, of_other_mean.paired.difference), (0, -1.0));
        let reason = "4 of 4 items left out: their mean is not the result";
        assert_eq!(left_out(&of_other_mean).unwrap(), reason);
    }

    #[test]
    fn little_is_not_called_a_finding() {
        let finding = |ours: &[f64], theirs: &[f64]| {
            let values = |values: &[f64]| -> Vec<Observation> {
                values.iter().enumerate().map(|(i, v)| value(i as u64, *v)).collect()
            };
            Comparison::new(&values(ours), &values(theirs)).unwrap().finding()
        };
        assert_eq!(finding(&[1.0], &[0.0]), Finding::TooFew);
        assert_eq!(finding(&[1.0, 1.001], &[0.0, 0.0]), Finding::TooFew);
        assert_eq!(finding(&[1.0, 1.001, 1.0], &[0.0; 3]), Finding::Higher);
        assert_eq!(finding(&[-1.0, -1.001, -1.0], &[0.0; 3]), Finding::Lower);
        assert_eq!(finding(&[1.0, -1.0, 1.5], &[0.0; 3]), Finding::NotResolved);
        assert_eq!(finding(&[1.0; 3], &[0.0; 3]), Finding::NoVariance);
    }

    #[test]
    fn a_family_is_corrected_together() {
        let values = [value(0, 1.0), value(1, 1.1), value(2, 0.8)];
        let zero = [value(0, 0.0), value(1, 0.0), value(2, 0.0)];
        let mut family = vec![Comparison::new(&values, &zero).unwrap(); 3];
        family[1].paired.p = None;
        family[1].p = None;
        let p = family[0].p.unwrap();
        adjust_p_values(family.iter_mut());
        let corrected: Vec<_> = family.iter().map(|c| c.p).collect();
        assert_eq!(corrected, [Some(2.0 * p), None, Some(2.0 * p)]);
    }
}
