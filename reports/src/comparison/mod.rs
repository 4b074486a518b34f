//! Paired comparison of two rows: pairs their values by seed and item, and tests the differences.

mod family;
mod finding;
mod items;
mod scale;

use experiments::schema::report::Compare;

use self::items::PairedItems;
use self::scale::Scale;
use crate::records::{ItemValues, Trial, Variant};
use crate::statistics::{CONFIDENCE, Interval, Paired, crossed, paired};

pub use self::family::{ClaimedDifference, Family};
pub use self::finding::Finding;
pub(crate) use self::items::LeftOutItems;
pub(crate) use self::scale::estimate;

/// One seed's value of the compared quantity.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Observation<'a> {
    /// Values of two rows with the same seed form a pair.
    pub(crate) seed: u64,
    /// Not used where there are items.
    pub(crate) value: f64,
    /// The values by item; None if there are none.
    pub(crate) items: Option<ItemValues<'a>>,
}

/// The values of the compared quantity of one row.
#[derive(Debug, Clone)]
pub(crate) struct Observations<'a> {
    /// One for each seed that has one.
    pub(crate) values: Vec<Observation<'a>>,
    /// True if the one value stands for every seed.
    pub(crate) deterministic: bool,
}

/// The paired differences of a row's values minus those of another row, by seed and item.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// Mean, interval and test of the differences, which are those of logarithms where rows are compared
    /// by ratio.
    pub paired: Paired,
    pub(crate) compare: Compare,
    /// The differences themselves, a row for each of `seeds`: of every item, or a single one.
    pub(crate) differences: Vec<Vec<f64>>,
    /// The seeds that both rows have; a deterministic row has every seed of the other.
    pub seeds: Vec<u64>,
    /// The seeds that only one of the rows has, sorted; left out.
    pub unpaired: Vec<u64>,
    /// The count of items that all seeds share; 0 if the values are not known to be means of items.
    pub items: usize,
    /// The items that are known and not used; None if all are used.
    pub(crate) items_left_out: Option<LeftOutItems>,
}

/// The final values of `metric` of a row's finished trials.
pub(crate) fn finals<'a>(variant: &'a Variant, metric: &str) -> Observations<'a> {
    let values = variant.finished().filter_map(|trial: &Trial| {
        let value = *trial.results.get(metric)?;
        Some(Observation { seed: trial.seed, value, items: trial.items_of(metric) })
    });
    Observations { values: values.collect(), deterministic: variant.deterministic }
}

impl<'a> Observations<'a> {
    /// The values that can be compared, or are the mean of items of which some can.
    fn usable(&self, scale: Scale) -> impl Iterator<Item = &Observation<'a>> {
        self.values.iter().filter(move |observation| {
            let has_item = |items: ItemValues| {
                items.mean_is_result && items.values.values().any(|value| scale.has(*value))
            };
            scale.has(observation.value) || observation.items.is_some_and(has_item)
        })
    }

    /// The values of these seeds alone; all of a deterministic row.
    pub(crate) fn of_seeds(&self, seeds: &[u64]) -> Self {
        let is_one = |value: &&Observation| self.deterministic || seeds.contains(&value.seed);
        let values = self.values.iter().filter(is_one).copied().collect();
        Self { values, deterministic: self.deterministic }
    }

    /// The usable value to be compared with another row's of this seed.
    fn of_seed(&self, seed: u64, scale: Scale) -> Option<&Observation<'a>> {
        self.usable(scale).find(|observation| self.deterministic || observation.seed == seed)
    }

    /// Usable values of both rows, by the seed that they share.
    fn pairs<'b>(&'b self, theirs: &'b Self, scale: Scale) -> Vec<(u64, [&'b Observation<'a>; 2])> {
        // A deterministic row repeats its value for every seed of the other.
        let random = if self.deterministic { theirs } else { self };
        let seeds = random.usable(scale).map(|observation| observation.seed);
        let pair = |seed| Some((seed, [self.of_seed(seed, scale)?, theirs.of_seed(seed, scale)?]));
        seeds.filter_map(pair).collect()
    }
}

impl Comparison {
    /// Compares `ours` with `theirs`; None without a pair of usable values, which are finite and, for a
    /// ratio, positive.
    pub(crate) fn new(
        ours: &Observations,
        theirs: &Observations,
        compare: Compare,
    ) -> Option<Self> {
        let scale = Scale(compare);
        let mut pairs = ours.pairs(theirs, scale);
        let items: Vec<_> = pairs.iter().map(|(_, pair)| pair.map(|o| o.items)).collect();
        let by_item = PairedItems::new(&items, scale);
        if by_item.differences.is_empty() {
            pairs.retain(|(_, pair)| pair.iter().all(|o| scale.has(o.value)));
        }
        let difference = |[a, b]: [&Observation; 2]| scale.of(a.value) - scale.of(b.value);
        let items = by_item.differences.first().map_or(0, Vec::len);
        let differences = if items > 0 {
            by_item.differences
        } else {
            pairs.iter().map(|(_, pair)| vec![difference(*pair)]).collect()
        };
        let paired = match &differences[..] {
            [of_one_seed] => paired(of_one_seed),
            several if items > 0 => crossed(several),
            several => paired(&several.concat()),
        }?;
        let seeds: Vec<u64> = pairs.iter().map(|(seed, _)| *seed).collect();
        let random = [ours, theirs].into_iter().filter(|row| !row.deterministic);
        let mut unpaired: Vec<u64> =
            random.flat_map(|row| &row.values).map(|value| value.seed).collect();
        unpaired.retain(|seed| !seeds.contains(seed));
        unpaired.sort_unstable();
        unpaired.dedup();
        let items_left_out = by_item.left_out;
        Some(Self { paired, compare, differences, seeds, unpaired, items, items_left_out })
    }

    /// The mean difference and its interval, or the ratio of geometric means and its interval.
    pub(crate) fn estimate(&self) -> (f64, Option<Interval>) {
        estimate(self.compare, self.paired.difference, self.paired.interval)
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

    /// The two-sided p-value; None where there are too few seeds for a test, or they do not vary.
    pub(crate) fn p(&self) -> Option<f64> {
        self.paired.p.filter(|_| !self.is_too_few())
    }

    fn is_too_few(&self) -> bool {
        self.seeds.len() == 2 || (self.has_single_seed() && self.items == 0)
    }

    /// The result at 95 %, of which `p` is the p-value in its family of tests; None if it is in none.
    pub(crate) fn finding(&self, p: Option<f64>) -> Finding {
        match p {
            _ if self.is_too_few() => Finding::TooFew,
            _ if self.paired.p.is_none() => Finding::NoVariance,
            None => Finding::NotTested,
            Some(p) if p >= 1.0 - CONFIDENCE => Finding::NotResolved,
            Some(_) if self.paired.difference > 0.0 => Finding::Higher,
            Some(_) => Finding::Lower,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// The comparison of rows with these values.
    fn compare(ours: &[Observation], theirs: &[Observation]) -> Option<Comparison> {
        Comparison::new(&row(ours), &row(theirs), Compare::Difference)
    }

    fn row<'a>(values: &[Observation<'a>]) -> Observations<'a> {
        Observations { values: values.to_vec(), deterministic: false }
    }

    fn value(seed: u64, value: f64) -> Observation<'static> {
        Observation { seed, value, items: None }
    }

    #[test]
    fn seeds_without_a_partner_are_left_out_and_named() {
        let ours = [value(0, 3.0), value(1, 4.0), value(2, 5.5), value(3, f64::NAN), value(9, 1.0)];
        let theirs = [value(2, 4.0), value(1, 3.0), value(0, 2.5), value(3, 1.0), value(4, 0.0)];
        let comparison = compare(&ours, &theirs).unwrap();
        assert_eq!(comparison.seeds, [0, 1, 2]);
        assert_eq!(comparison.unpaired, [3, 4, 9]);
        assert_eq!(comparison.paired, paired(&[0.5, 1.0, 1.5]).unwrap());
        assert_eq!(compare(&ours[3..], &theirs[..3]), None);
    }

    #[test]
    fn a_deterministic_row_is_compared_with_every_seed() {
        let items = |shift: f64| -> BTreeMap<String, f64> {
            [("x", 1.0), ("y", 2.5)].map(|(name, v)| (name.to_owned(), v + shift)).into()
        };
        let (a, b, c) = (items(0.0), items(0.75), items(0.5));
        let with = |seed, values| {
            let items = ItemValues { values, mean_is_result: true };
            Observation { seed, value: 0.0, items: Some(items) }
        };
        let constant = Observations { deterministic: true, ..row(&[with(0, &a)]) };
        let random = row(&[with(3, &b), with(4, &c), with(7, &c), value(8, f64::NAN)]);
        let ours = Comparison::new(&random, &constant, Compare::Difference).unwrap();
        // One-sample: the value of every seed and item minus the constant's of that item.
        let expected = crossed(&[vec![0.75, 0.75], vec![0.5, 0.5], vec![0.5, 0.5]]);
        assert_eq!(Some(ours.paired), expected);
        assert_eq!((&ours.seeds[..], &ours.unpaired[..]), (&[3, 4, 7][..], &[8][..]));
        let theirs = Comparison::new(&constant, &random, Compare::Difference).unwrap();
        assert!((theirs.paired.difference + ours.paired.difference).abs() < 1e-12);
        assert_eq!((theirs.paired.p, theirs.seeds), (ours.paired.p, ours.seeds));
        // Of two such rows there is one pair.
        assert_eq!(Comparison::new(&constant, &constant, Compare::Difference).unwrap().seeds, [0]);
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
        let left_out =
            |comparison: &Comparison| comparison.items_left_out.as_ref().map(LeftOutItems::text);
        let one = compare(&[with(0, &a)], &[with(0, &b)]).unwrap();
        assert_eq!(one.paired, paired(&[0.5, 1.0, 1.5]).unwrap());
        let reason = "1 of 4 items left out (only ours): not every seed of both rows has a finite value of them";
        assert_eq!((one.items, left_out(&one).unwrap().as_str()), (3, reason));
        assert!(one.has_single_seed());
        let both = [with(0, &a), with(1, &b)];
        let two = compare(&both, &[with(0, &b), with(1, &a)]).unwrap();
        let expected = crossed(&[vec![0.5, 1.0, 1.5], vec![-0.5, -1.0, -1.5]]);
        assert_eq!(Some(two.paired), expected);
        // A seed without items: what is left are the seeds' own values.
        let mixed = compare(&both, &[value(0, 1.0), with(1, &a)]).unwrap();
        assert_eq!((mixed.items, mixed.paired.difference), (0, -0.5));
        assert_eq!(left_out(&mixed).unwrap(), "4 of 4 items left out: not every seed has items");
        let other = Observation {
            items: Some(ItemValues { values: &b, mean_is_result: false }),
            ..value(0, 1.0)
        };
        let of_other_mean = compare(&[with(0, &a)], &[other]).unwrap();
        assert_eq!((of_other_mean.items, of_other_mean.paired.difference), (0, -1.0));
        let reason = "4 of 4 items left out: their mean is not the result";
        assert_eq!(left_out(&of_other_mean).unwrap(), reason);
    }

    #[test]
    fn an_item_that_is_not_finite_is_left_out_alone() {
        let items = |shift: f64, y: f64| -> BTreeMap<String, f64> {
            [("w", 1.0), ("x", 2.0), ("y", y), ("z", 4.5)]
                .map(|(n, v)| (n.to_owned(), v + shift))
                .into()
        };
        let base = items(0.0, 3.0);
        let ours = [items(0.5, 3.0), items(0.75, f64::NAN), items(0.25, 3.5)];
        let with = |seed, value, values| {
            let items = ItemValues { values, mean_is_result: true };
            Observation { seed, value, items: Some(items) }
        };
        let ours = [with(0, 3.0, &ours[0]), with(1, f64::NAN, &ours[1]), with(2, 3.0, &ours[2])];
        let theirs: Vec<_> = (0..3).map(|seed| with(seed, 2.5, &base)).collect();
        let found = compare(&ours, &theirs).unwrap();
        // Of the seed with a mean that is not a number, the other three items count.
        assert_eq!(Some(found.paired), crossed(&[vec![0.5; 3], vec![0.75; 3], vec![0.25; 3]]));
        assert_eq!((found.seeds, found.items), (vec![0, 1, 2], 3));
        assert_eq!(found.items_left_out.unwrap().names, ["y"]);
        // A seed without any finite item, or with a mean of something else, is left out itself.
        let nothing = base.keys().map(|name| (name.clone(), f64::NAN)).collect();
        let without = [ours[0], with(1, f64::NAN, &nothing), ours[2]];
        let found = compare(&without, &theirs).unwrap();
        assert_eq!((found.unpaired, found.items), (vec![1], 4));
    }

    #[test]
    fn a_ratio_is_tested_by_differences_of_logarithms() {
        let ours = [value(0, 2.0), value(1, 3.0), value(2, 8.0), value(3, 0.0)];
        let theirs = [value(0, 1.0), value(1, 2.0), value(2, 2.0), value(3, 1.0)];
        let found = Comparison::new(&row(&ours), &row(&theirs), Compare::Ratio).unwrap();
        // The ratios are 2, 1.5 and 4; a value of 0 has no logarithm.
        let logs = paired(&[2.0, 1.5, 4.0].map(f64::ln)).unwrap();
        assert!((found.paired.p.unwrap() - logs.p.unwrap()).abs() < 1e-12);
        assert_eq!(found.unpaired, [3]);
        let (ratio, interval) = found.estimate();
        assert!((ratio - 12.0_f64.cbrt()).abs() < 1e-12, "{ratio}");
        assert!((interval.unwrap().low.ln() - logs.interval.unwrap().low).abs() < 1e-12);
    }

    #[test]
    fn little_is_not_called_a_finding() {
        let finding = |ours: &[f64], theirs: &[f64]| {
            let values = |values: &[f64]| -> Vec<Observation> {
                values.iter().enumerate().map(|(i, v)| value(i as u64, *v)).collect()
            };
            let comparison = compare(&values(ours), &values(theirs)).unwrap();
            comparison.finding(comparison.p())
        };
        assert_eq!(finding(&[1.0], &[0.0]), Finding::TooFew);
        assert_eq!(finding(&[1.0, 1.001], &[0.0, 0.0]), Finding::TooFew);
        assert_eq!(finding(&[1.0, 1.001, 1.0], &[0.0; 3]), Finding::Higher);
        assert_eq!(finding(&[-1.0, -1.001, -1.0], &[0.0; 3]), Finding::Lower);
        assert_eq!(finding(&[1.0, -1.0, 1.5], &[0.0; 3]), Finding::NotResolved);
        assert_eq!(finding(&[1.0; 3], &[0.0; 3]), Finding::NoVariance);
    }
}
