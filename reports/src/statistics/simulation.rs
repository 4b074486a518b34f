//! Simulated experiments: the share of intervals that hold the true difference.

use super::normal::Normal;
use super::paired::crossed_from;
use super::{Paired, crossed, paired};

const EXPERIMENTS: usize = 8_000;
const TRUTH: f64 = 0.7;

/// Standard deviations of the seeds', the items' and the remaining effects.
struct Effects {
    seed: f64,
    item: f64,
    rest: f64,
}

const USUAL: Effects = Effects { seed: 1.0, item: 0.5, rest: 0.3 };

/// Differences of one experiment, by seed and item.
fn differences(n: [usize; 2], effects: &Effects, normal: &mut Normal) -> Vec<Vec<f64>> {
    let [seeds, items] = n;
    let of_items: Vec<f64> = (0..items).map(|_| normal.sample(effects.item)).collect();
    (0..seeds)
        .map(|_| {
            let of_seed = TRUTH + normal.sample(effects.seed);
            of_items.iter().map(|item| of_seed + item + normal.sample(effects.rest)).collect()
        })
        .collect()
}

/// The share of experiments whose interval holds the truth, in percent.
fn coverage(n: [usize; 2], effects: &Effects, test: impl Fn(&[Vec<f64>]) -> Option<Paired>) -> f64 {
    let mut normal = Normal::new(1);
    let holds = (0..EXPERIMENTS).filter(|_| {
        let found = test(&differences(n, effects, &mut normal)).and_then(|found| found.interval);
        found.is_some_and(|interval| (interval.low..=interval.high).contains(&TRUTH))
    });
    100.0 * holds.count() as f64 / EXPERIMENTS as f64
}

const ITEMS: Effects = Effects { seed: 0.0, item: 1.0, rest: 0.3 };

#[test]
fn the_interval_holds_the_truth_as_often_as_it_says() {
    for (n, effects) in
        [([3, 30], &USUAL), ([5, 30], &USUAL), ([10, 30], &USUAL), ([10, 4], &ITEMS)]
    {
        let found = coverage(n, effects, crossed);
        assert!((93.0..=97.0).contains(&found), "{n:?}: {found} %");
    }
}

#[test]
fn with_two_seeds_and_where_seeds_hardly_matter_it_is_rather_too_wide() {
    let none = Effects { seed: 0.0, item: 0.0, rest: 1.0 };
    for (n, effects) in [([2, 30], &USUAL), ([3, 30], &none), ([3, 30], &ITEMS)] {
        let found = coverage(n, effects, crossed);
        assert!(found >= 95.0, "{n:?}: {found} %");
    }
}

#[test]
fn the_degrees_of_freedom_may_be_estimated_from_five_seeds_on() {
    let by_satterthwaite = |d: &[Vec<f64>]| crossed_from(d, 2);
    // Seeds decide, and their sd is known to one or two degrees of freedom.
    let seeds = Effects { seed: 1.0, item: 1.0, rest: 0.3 };
    for (n, most) in [([2, 30], 90.0), ([3, 30], 93.0)] {
        let found = coverage(n, &seeds, by_satterthwaite);
        assert!(found < most, "{n:?}: {found} %");
    }
    let both = Effects { seed: 0.2, item: 1.0, rest: 0.3 };
    for n in [[5, 5], [5, 30], [7, 30], [10, 30]] {
        for effects in [&seeds, &both, &USUAL] {
            let found = coverage(n, effects, crossed);
            assert!((93.5..=98.0).contains(&found), "{n:?}: {found} %");
        }
    }
    // Where both matter, more degrees of freedom make it narrower.
    let careful = |d: &[Vec<f64>]| crossed_from(d, usize::MAX);
    assert!(coverage([5, 100], &both, careful) > coverage([5, 100], &both, crossed) + 0.5);
}

/// Values of two rows by seed and item: both have the items' effects, each seeds and rest of its own.
fn two_rows(n: [usize; 2], effects: &Effects, normal: &mut Normal) -> Vec<Vec<[f64; 2]>> {
    let [seeds, items] = n;
    let of_items: Vec<f64> = (0..items).map(|_| normal.sample(effects.item)).collect();
    (0..seeds)
        .map(|_| {
            let of_seed = [(); 2].map(|()| normal.sample(effects.seed));
            let value = |item: &f64| of_seed.map(|s| s + item + normal.sample(effects.rest));
            of_items.iter().map(value).collect()
        })
        .collect()
}

/// Lognormal values, the first row's three times the second's: the shares of intervals below and above
/// the true difference, and those of logarithms below and above the true ratio.
#[test]
fn skewed_values_are_better_compared_by_their_logarithms() {
    let effects = Effects { seed: 0.1, item: 1.0, rest: 0.3 };
    // The mean of lognormal values is their median times exp(σ² / 2).
    let variance: f64 = [effects.seed, effects.item, effects.rest].iter().map(|sd| sd * sd).sum();
    let truths = [2.0 * (variance / 2.0).exp(), 3.0_f64.ln()];
    let mut normal = Normal::new(3);
    let mut missed = [[0; 2]; 2];
    for _ in 0..EXPERIMENTS {
        let logs = two_rows([5, 48], &effects, &mut normal);
        for (i, truth) in truths.into_iter().enumerate() {
            let scale = if i == 0 { f64::exp } else { |log: f64| log };
            let difference = |[a, b]: &[f64; 2]| scale(a + 3.0_f64.ln()) - scale(*b);
            let differences: Vec<Vec<f64>> =
                logs.iter().map(|row| row.iter().map(difference).collect()).collect();
            let interval = crossed(&differences).and_then(|found| found.interval).unwrap();
            missed[i][0] += i32::from(interval.high < truth);
            missed[i][1] += i32::from(interval.low > truth);
        }
    }
    let shares = missed.map(|sides| sides.map(|n| 100.0 * f64::from(n) / EXPERIMENTS as f64));
    let [[below, above], of_logarithms] = shares;
    assert!(below > 8.0 && above < 1.0, "{shares:?}");
    assert!(of_logarithms.iter().all(|side| (1.5..3.5).contains(side)), "{shares:?}");
}

#[test]
fn neither_way_alone_would_do() {
    let over_items = |d: &[Vec<f64>]| {
        let of_item = |i| d.iter().map(|row| row[i]).sum::<f64>() / d.len() as f64;
        paired(&(0..d[0].len()).map(of_item).collect::<Vec<_>>())
    };
    let found = coverage([3, 30], &USUAL, over_items);
    assert!(found < 60.0, "seeds count for nothing, and yet {found} %");
    let matter = Effects { seed: 0.05, item: 1.0, rest: 0.3 };
    let over_seeds =
        |d: &[Vec<f64>]| paired(&d.iter().map(|row| super::mean(row)).collect::<Vec<_>>());
    let found = coverage([5, 30], &matter, over_seeds);
    assert!(found < 80.0, "items count for nothing, and yet {found} %");
}
