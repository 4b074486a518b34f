//! Simulated experiments under designs: false verdicts, power, and the seeds that they take.
//!
//! `make simulate-statistics` prints the tables of docs/statistics.md, with 20,000 experiments a cell.

use experiments::schema::design::Design;
use serde_json::json;

use super::normal::Normal;
use super::{Need, Pilot, SequentialTest};

/// Seeds of the longest experiment.
const MOST: usize = 20;

/// Experiments a cell: `SIMULATIONS`, or so few that the tests are quick.
fn experiments() -> usize {
    std::env::var("SIMULATIONS").ok().map_or(1_000, |n| n.parse().expect("a number"))
}

/// The group-sequential design of 3, 5, 8, 12 and 20 seeds, and the anytime-valid one.
fn designs() -> [SequentialTest; 2] {
    [json!({"seeds": {"first": 3, "most": MOST}}), json!({"method": "anytime"})].map(|design| {
        let design: Design = serde_json::from_value(design).expect("a design");
        SequentialTest::new(&design).expect("valid looks")
    })
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Shape {
    Normal,
    /// Student's t with three degrees of freedom, of standard deviation 1.
    HeavyTailed,
    /// An exponential distribution, of mean 0 and standard deviation 1.
    Skewed,
}

/// Standard deviations of the effects of seeds and items and of the rest, and their number and shape.
#[derive(Debug, Clone, Copy)]
struct Cell {
    sd: [f64; 3],
    items: usize,
    shape: Shape,
}

impl Cell {
    const fn normal(sd: [f64; 3], items: usize) -> Self {
        Self { sd, items, shape: Shape::Normal }
    }

    fn sample(self, sd: f64, normal: &mut Normal) -> f64 {
        let mut draw = || normal.sample(1.0);
        sd * match self.shape {
            Shape::Normal => draw(),
            Shape::HeavyTailed => {
                let squares: f64 = (0..3).map(|_| draw().powi(2)).sum();
                draw() / squares.sqrt()
            }
            Shape::Skewed => 0.5 * (draw().powi(2) + draw().powi(2)) - 1.0,
        }
    }

    /// Differences of `MOST` seeds around 0.
    fn differences(self, normal: &mut Normal) -> Vec<Vec<f64>> {
        let [of_seed, of_item, rest] = self.sd;
        let of_items: Vec<f64> = (0..self.items).map(|_| self.sample(of_item, normal)).collect();
        let row = |_| {
            let seed = self.sample(of_seed, normal);
            of_items.iter().map(|item| seed + item + self.sample(rest, normal)).collect()
        };
        (0..MOST).map(row).collect()
    }
}

/// The first look at which the interval at 5 % does not hold `value`.
fn rejects(test: &SequentialTest, differences: &[Vec<f64>], value: f64) -> Option<usize> {
    test.looks(MOST).into_iter().find(|seeds| {
        let interval = test.interval(&differences[..*seeds], 0.05);
        interval.is_some_and(|interval| !(interval.low..=interval.high).contains(&value))
    })
}

/// For both designs, the share of experiments that find a difference of `effect`, in percent, and the mean
/// number of seeds until then.
fn found(cell: Cell, effect: f64) -> [(f64, f64); 2] {
    let (mut normal, n) = (Normal::new(6), experiments());
    let designs = designs();
    let mut sums = [(0.0, 0.0); 2];
    for _ in 0..n {
        let differences = cell.differences(&mut normal);
        for (test, (count, seeds)) in designs.iter().zip(&mut sums) {
            let look = rejects(test, &differences, -effect);
            *count += f64::from(u8::from(look.is_some()));
            *seeds += look.unwrap_or(MOST) as f64;
        }
    }
    sums.map(|(count, seeds)| (100.0 * count / n as f64, seeds / n as f64))
}

/// Asserts that each of `shares` is at most `most` percent, but for three standard errors of the simulation.
#[track_caller]
fn assert_shares(shares: [f64; 2], most: f64) {
    let error = 300.0 * (0.05 * 0.95 / experiments() as f64).sqrt();
    for share in shares {
        assert!(share <= most + error, "{share} % is more than {most} %");
    }
}

#[test]
#[expect(clippy::print_stdout, reason = "the table of docs/statistics.md")]
fn a_design_has_one_error_rate_over_all_looks() {
    let mut lines = vec![
        "| sd of seeds, items, rest | items | group-sequential | anytime-valid |".to_owned(),
        "|---|---|---|---|".to_owned(),
    ];
    let cells = [
        ([1.0, 0.0, 0.0], 1),
        ([1.0, 0.5, 0.3], 30),
        ([1.0, 1.0, 0.3], 30),
        ([0.3, 1.0, 0.3], 30),
        ([0.1, 1.0, 0.3], 30),
        ([0.0, 1.0, 0.3], 30),
        ([0.2, 1.0, 1.0], 5),
        ([0.2, 1.0, 1.0], 100),
        ([0.0, 0.0, 1.0], 30),
    ];
    for (sd, items) in cells {
        let shares = found(Cell::normal(sd, items), 0.0).map(|(share, _)| share);
        lines.push(format!("| {sd:?} | {items} | {:.1} % | {:.1} % |", shares[0], shares[1]));
        assert_shares(shares, 5.0);
    }
    println!("{}\n", lines.join("\n"));
}

#[test]
#[expect(clippy::print_stdout, reason = "the table of docs/statistics.md")]
fn heavy_tails_keep_the_error_rate_and_skewed_differences_do_not() {
    let mut lines = vec![
        "| shape | sd of seeds, items, rest | group-sequential | anytime-valid |".to_owned(),
        "|---|---|---|---|".to_owned(),
    ];
    for shape in [Shape::HeavyTailed, Shape::Skewed] {
        for (sd, items) in [([1.0, 0.0, 0.0], 1), ([1.0, 1.0, 0.3], 30), ([0.2, 1.0, 0.3], 30)] {
            let cell = Cell { sd, items, shape };
            let shares = found(cell, 0.0).map(|(share, _)| share);
            lines.push(format!("| {shape:?} | {sd:?} | {:.1} % | {:.1} % |", shares[0], shares[1]));
            let most = if shape == Shape::Skewed { 16.0 } else { 5.0 };
            assert_shares(shares, most);
        }
    }
    println!("{}\n", lines.join("\n"));
}

#[test]
#[expect(clippy::print_stdout, reason = "the table of docs/statistics.md")]
fn large_effects_need_few_seeds() {
    let mut lines = vec![
        "| effect | group-sequential | seeds | anytime-valid | seeds |".to_owned(),
        "|---|---|---|---|---|".to_owned(),
    ];
    let seeds_alone = Cell::normal([1.0, 0.0, 0.0], 1);
    for effect in [0.5, 1.0, 1.5, 2.0, 3.0] {
        let [(a, m), (b, n)] = found(seeds_alone, effect);
        lines.push(format!("| {effect} | {a:.0} % | {m:.1} | {b:.0} % | {n:.1} |"));
        if effect >= 1.5 {
            assert!(a > 98.0 && b > 98.0, "{a} %, {b} %");
        }
    }
    println!("{}\n", lines.join("\n"));
    // NumPy, 100,000 sequences of the e-process (`e_process`): 6.2 seeds for an effect of 2.
    let [_, (_, seeds)] = found(seeds_alone, 2.0);
    assert!((5.8..6.6).contains(&seeds), "{seeds} seeds");
}

#[test]
fn the_seeds_that_are_said_to_be_needed_find_the_effect_in_four_of_five() {
    for (cell, effect) in [
        (Cell::normal([1.0, 0.0, 0.0], 1), 1.2),
        (Cell::normal([1.0, 1.0, 0.5], 30), 1.3),
        (Cell::normal([0.3, 1.0, 0.5], 30), 0.75),
    ] {
        let mut normal = Normal::new(8);
        // With many pilots the median of what they say is that of the truth.
        for test in designs() {
            let pilots = (0..101).filter_map(|_| {
                let mut pilot = Pilot::new(&cell.differences(&mut normal))?;
                pilot.seeds = 3;
                Some(pilot.need(&test, 0.05, effect))
            });
            let mut needs: Vec<Need> = pilots.collect();
            needs.sort_unstable();
            let Need::Seeds(seeds) = needs[50] else { panic!("{:?}", needs[50]) };
            let n = experiments();
            let resolved = (0..n).filter(|_| {
                let differences = cell.differences(&mut normal);
                rejects(&test, &differences, -effect).is_some_and(|look| look <= seeds)
            });
            let power = resolved.count() as f64 / n as f64;
            assert!((0.72..0.95).contains(&power), "{test:?} {cell:?}: {power} with {seeds}");
        }
    }
}

#[test]
fn where_the_items_are_the_limit_it_is_items_that_are_needed() {
    let cell = Cell::normal([0.05, 1.0, 0.3], 30);
    let differences = cell.differences(&mut Normal::new(9));
    let pilot = Pilot::new(&differences[..5]).unwrap();
    for test in designs() {
        // z (1.96 to 2.5) + 0.84 standard errors of 0.2: 1 / I ≈ (0.2 / 3.1)².
        let Need::Items(items) = pilot.need(&test, 0.05, 0.2) else { panic!() };
        assert!((150..450).contains(&items), "{items} items");
        assert_eq!(pilot.need(&test, 0.05, 1e-9), Need::TooMany);
        assert!(matches!(pilot.need(&test, 0.05, 2.0), Need::Seeds(6..=8)));
    }
}
