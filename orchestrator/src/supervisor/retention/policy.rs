//! The checkpoints of a trial that are kept: values in, values out.

use std::cmp::Ordering;

use experiments::schema::keep::{Best, KeepCheckpoints};
use experiments::schema::report::Better;

/// A checkpoint that lies in a trial's folder.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Saved {
    /// The attempt that saved it last.
    pub(super) attempt: u32,
    /// Its step.
    pub(super) step: u64,
    /// The metric's value at that step; `None` where the policy has no metric or the worker reported
    /// none. Never NaN.
    pub(super) value: Option<f64>,
}

/// For each checkpoint, true if it is kept: because the policy says so, or because the trial may have
/// to resume from it. That is the furthest one, or the last one that was saved if the trial went back.
pub(super) fn stay(saved: &[Saved], rule: &KeepCheckpoints, succeeded: bool) -> Vec<bool> {
    let ranked = |compare: &dyn Fn(&Saved, &Saved) -> Ordering| {
        let mut order: Vec<usize> = (0..saved.len()).collect();
        order.sort_by(|a, b| compare(&saved[*a], &saved[*b]));
        order
    };
    let newest = ranked(&|a, b| (b.step, b.attempt).cmp(&(a.step, a.attempt)));
    let mut stays = vec![false; saved.len()];
    for at in newest.iter().take(rule.last.unwrap_or(0) as usize) {
        stays[*at] = true;
    }
    for (stays, saved) in stays.iter_mut().zip(saved) {
        *stays |= rule.every.is_some_and(|every| saved.step % every == 0);
    }
    if let Some(best) = &rule.best {
        let order = ranked(&|a, b| better_first(a, b, best));
        // Without any value nothing is removed: the metric may be misspelt.
        let known = saved.iter().any(|saved| saved.value.is_some());
        let count = if known { best.count as usize } else { saved.len() };
        for at in order.into_iter().take(count).filter(|at| !known || saved[*at].value.is_some()) {
            stays[at] = true;
        }
    }
    if !succeeded {
        let last_saved = ranked(&|a, b| (b.attempt, b.step).cmp(&(a.attempt, a.step)));
        for at in newest.first().into_iter().chain(last_saved.first()) {
            stays[*at] = true;
        }
    }
    stays
}

/// Of equals the later one comes first; those without a value come last.
fn better_first(a: &Saved, b: &Saved, best: &Best) -> Ordering {
    let by_value = match (a.value, b.value) {
        (Some(a), Some(b)) => match best.better {
            Better::Higher => b.total_cmp(&a),
            Better::Lower => a.total_cmp(&b),
        },
        (a, b) => b.is_some().cmp(&a.is_some()),
    };
    by_value.then(b.step.cmp(&a.step))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn saved(steps: &[(u64, f64)]) -> Vec<Saved> {
        let of = |&(step, value): &(u64, f64)| Saved {
            attempt: 1,
            step,
            value: Some(value).filter(|value| !value.is_nan()),
        };
        steps.iter().map(of).collect()
    }

    fn steps(all: &[Saved], rule: &str, succeeded: bool) -> Vec<u64> {
        let rule = serde_json::from_str(rule).unwrap();
        let stays = stay(all, &rule, succeeded);
        all.iter().zip(stays).filter(|(_, stays)| *stays).map(|(saved, _)| saved.step).collect()
    }

    #[test]
    fn each_part_of_the_rule_keeps_its_own() {
        let all = saved(&[(5, 0.3), (10, 0.1), (15, f64::NAN), (20, 0.2), (25, 0.1)]);
        for (rule, kept) in [
            (r#"{"last": 2}"#, &[20, 25][..]),
            (r#"{"last": 0}"#, &[]),
            (r#"{"last": 9}"#, &[5, 10, 15, 20, 25]),
            (r#"{"every": 10}"#, &[10, 20]),
            (r#"{"best": {"metric": "m", "better": "lower"}}"#, &[25]),
            (r#"{"best": {"metric": "m", "better": "higher", "count": 2}}"#, &[5, 20]),
            (r#"{"best": {"metric": "m", "better": "higher", "count": 9}}"#, &[5, 10, 20, 25]),
            (
                r#"{"last": 1, "every": 15, "best": {"metric": "m", "better": "higher"}}"#,
                &[5, 15, 25],
            ),
        ] {
            assert_eq!(steps(&all, rule, true), kept, "{rule}");
        }
    }

    #[test]
    fn where_no_value_is_known_none_is_the_worst() {
        let all = saved(&[(5, f64::NAN), (10, f64::NAN)]);
        let rule = r#"{"best": {"metric": "typo", "better": "lower"}}"#;
        assert_eq!(steps(&all, rule, true), [5, 10]);
    }

    proptest! {
        #[test]
        fn a_trial_that_may_go_on_keeps_the_furthest_and_the_last_saved(
            all in prop::collection::vec((1..5u32, 0..50u64), 1..20),
            last in 0..3u32,
        ) {
            let of = |&(attempt, step): &(u32, u64)| Saved { attempt, step, value: None };
            let all: Vec<_> = all.iter().map(of).collect();
            let rule = KeepCheckpoints { last: Some(last), ..KeepCheckpoints::default() };
            let stays = stay(&all, &rule, false);
            let kept = |wanted: &dyn Fn(&Saved) -> bool| {
                all.iter().zip(&stays).any(|(saved, stays)| *stays && wanted(saved))
            };
            let furthest = all.iter().map(|saved| saved.step).max().unwrap();
            let last_saved = all.iter().map(|saved| (saved.attempt, saved.step)).max().unwrap();
            prop_assert!(kept(&|saved| saved.step == furthest));
            prop_assert!(kept(&|saved| (saved.attempt, saved.step) == last_saved));
        }
    }
}
