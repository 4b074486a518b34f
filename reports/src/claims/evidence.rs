//! The evidence on a claim: the direction in which its comparisons point, and one p-value.

/// One comparison of a claim.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Outcome {
    /// True if the mean difference has the claimed sign, false if the opposite; None if it is zero.
    pub(super) favours: Option<bool>,
    pub(super) test: Test,
}

/// The test of one comparison.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Test {
    /// The two-sided p-value of the difference.
    P(f64),
    /// The difference of two checkpoints that is not tested: it is a fact.
    Fact,
    /// There are too few seeds, or they do not vary.
    None,
}

/// The evidence on a claim.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Evidence {
    /// True if the data point to the claim, false if to its opposite; None if to neither, or the claim
    /// stays open.
    pub(super) holds: Option<bool>,
    /// The p-value of that direction, 1 without one; None if nothing is tested.
    pub(super) p: Option<f64>,
}

/// The evidence on a claim that says that all of `outcomes` have the claimed sign. `is_open` if it is
/// about more comparisons than could be made.
///
/// The claim is the conjunction of its comparisons, so that its p-value is the largest of theirs: each is
/// tested at the claim's own level (the intersection-union principle; Berger, Multiparameter Hypothesis
/// Testing and Acceptance Sampling, 1982). Its opposite, that some comparison has the other sign, is their
/// union: the p-value is the smallest of theirs times their number (Holm's first step).
///
/// With two-sided p-values, each direction has an error rate of half the level, so that either is
/// wrong at a rate no higher than the level.
pub(super) fn evidence(outcomes: &[Outcome], is_open: bool) -> Evidence {
    let p_values = |of: fn(&Outcome) -> bool| {
        outcomes.iter().filter(move |o| of(o)).filter_map(|outcome| match outcome.test {
            Test::P(p) => Some(p),
            Test::Fact | Test::None => None,
        })
    };
    let is_opposed = |outcome: &Outcome| outcome.favours == Some(false);
    if outcomes.iter().any(|o| is_opposed(o) && o.test == Test::Fact) {
        return Evidence { holds: Some(false), p: None };
    }
    if let Some(least) = p_values(is_opposed).min_by(f64::total_cmp) {
        let tested = p_values(|_| true).count() as f64;
        return Evidence { holds: Some(false), p: Some((tested * least).min(1.0)) };
    }
    let supports = |o: &Outcome| o.favours == Some(true) && o.test != Test::None;
    if is_open || !outcomes.iter().all(supports) {
        // It counts as a test whatever the data say, or else they would choose the family.
        return Evidence { holds: None, p: p_values(|_| true).next().map(|_| 1.0) };
    }
    Evidence { holds: Some(true), p: p_values(|_| true).max_by(f64::total_cmp) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statistics::normal::Normal;
    use crate::statistics::paired;

    fn outcome(favours: bool, p: f64) -> Outcome {
        Outcome { favours: Some(favours), test: Test::P(p) }
    }

    #[test]
    fn a_conjunction_is_as_strong_as_its_weakest_part() {
        let all = [outcome(true, 0.001), outcome(true, 0.04), outcome(true, 0.02)];
        assert_eq!(evidence(&all, false), Evidence { holds: Some(true), p: Some(0.04) });
        let open = Evidence { holds: None, p: Some(1.0) };
        assert_eq!(evidence(&all, true), open);
        let untested = Outcome { favours: Some(true), test: Test::None };
        assert_eq!(evidence(&[all[0], untested], false), open);
        assert_eq!(evidence(&[untested], false), Evidence { holds: None, p: None });
        let equal = Outcome { favours: None, test: Test::Fact };
        assert_eq!(evidence(&[all[0], equal], false), open);
    }

    #[test]
    fn one_rival_ahead_refutes_with_a_correction_for_all_that_were_tested() {
        let some = [outcome(true, 0.001), outcome(false, 0.01), outcome(false, 0.5)];
        let against = Evidence { holds: Some(false), p: Some(0.03) };
        assert_eq!(evidence(&some, false), against);
        assert_eq!(evidence(&some, true), against, "a rival that is not measured changes nothing");
        assert_eq!(evidence(&[outcome(false, 0.9), outcome(true, 0.9)], false).p, Some(1.0));
    }

    #[test]
    fn of_checkpoints_that_are_not_tested_the_order_is_a_fact() {
        let fact = |favours| Outcome { favours: Some(favours), test: Test::Fact };
        assert_eq!(evidence(&[fact(true)], false), Evidence { holds: Some(true), p: None });
        let mixed = [fact(true), outcome(true, 0.2)];
        assert_eq!(evidence(&mixed, false), Evidence { holds: Some(true), p: Some(0.2) });
        let opposed = [fact(false), outcome(true, 0.2)];
        assert_eq!(evidence(&opposed, false), Evidence { holds: Some(false), p: None });
    }

    /// "Row 0 is the best" of `means`, with five seeds of sd 1 that the rows share or not: the shares in
    /// which it is supported and refuted at 5 %.
    fn shares(means: &[f64], shared: f64) -> [f64; 2] {
        const EXPERIMENTS: usize = 8_000;
        let mut normal = Normal::new(2);
        let mut found = [0; 2];
        for _ in 0..EXPERIMENTS {
            let seeds: Vec<f64> = (0..5).map(|_| normal.sample(shared)).collect();
            let rows: Vec<Vec<f64>> = means
                .iter()
                .map(|mean| seeds.iter().map(|seed| mean + seed + normal.sample(1.0)).collect())
                .collect();
            let outcomes = rows[1..].iter().map(|rival| {
                let differences: Vec<f64> = rows[0].iter().zip(rival).map(|(a, b)| a - b).collect();
                let test = paired(&differences).unwrap();
                outcome(test.difference > 0.0, test.p.unwrap())
            });
            let evidence = evidence(&outcomes.collect::<Vec<_>>(), false);
            if evidence.p.is_some_and(|p| p < 0.05) {
                found[usize::from(evidence.holds == Some(false))] += 1;
            }
        }
        found.map(|count| 100.0 * f64::from(count) / EXPERIMENTS as f64)
    }

    #[test]
    fn a_false_verdict_is_rarer_than_one_in_twenty() {
        // Tied with one rival, and far above the others: support is most likely to be false.
        let [supported, refuted] = shares(&[5.0, 5.0, 0.0, 0.0], 1.0);
        assert!((1.5..3.0).contains(&supported), "{supported} %");
        assert!(refuted < 3.0, "{refuted} %");
        // Tied with all: refutation is.
        let [supported, refuted] = shares(&[0.0; 8], 0.0);
        assert!(supported < 0.5 && (0.7..3.0).contains(&refuted), "{supported} %, {refuted} %");
    }
}
