//! The starting order: trials of higher priority first, then those expected to take longest, so
//! that no long one runs alone at the end, then those that the file names first.

use std::collections::BTreeMap;

/// The part of a trial's settings that decides when it starts.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Weight {
    /// Trials of one variant are expected to take the same time.
    pub variant: String,
    /// Higher starts first.
    pub priority: i64,
    /// Expected duration relative to the others, by the file.
    pub cost: f64,
}

/// The positions of `trials`, which are in the file's order, in starting order. Each trial comes with
/// its duration in milliseconds, if it has succeeded.
pub(super) fn order(trials: &[(&Weight, Option<f64>)]) -> Vec<usize> {
    let measured = means(
        trials
            .iter()
            .filter_map(|(weight, duration)| Some((weight.variant.as_str(), (*duration)?))),
    );
    // Milliseconds per unit of cost, by every variant that has been measured.
    let rates = means(trials.iter().filter_map(|(weight, _)| {
        let duration = measured.get(weight.variant.as_str())?;
        Some(((), duration / weight.cost))
    }));
    let rate = rates.get(&()).copied().unwrap_or(1.0);
    let expected = |weight: &Weight| {
        measured.get(weight.variant.as_str()).copied().unwrap_or(weight.cost * rate)
    };
    let mut positions: Vec<_> = (0..trials.len()).collect();
    // Stable: of equals the first.
    positions.sort_by(|a, b| {
        let (a, b) = (trials[*a].0, trials[*b].0);
        b.priority.cmp(&a.priority).then(expected(b).total_cmp(&expected(a)))
    });
    positions
}

/// The mean value of each key.
fn means<K: Ord>(values: impl Iterator<Item = (K, f64)>) -> BTreeMap<K, f64> {
    let mut sums = BTreeMap::<K, (f64, f64)>::new();
    for (key, value) in values {
        let (sum, count) = sums.entry(key).or_default();
        *sum += value;
        *count += 1.0;
    }
    sums.into_iter().map(|(key, (sum, count))| (key, sum / count)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The variants in starting order, of trials written as variant, priority, cost, milliseconds.
    fn ordered(trials: &[(&str, i64, f64, Option<f64>)]) -> Vec<String> {
        let weights: Vec<_> = trials
            .iter()
            .map(|(variant, priority, cost, _)| {
                let (variant, priority, cost) = ((*variant).to_owned(), *priority, *cost);
                Weight { variant, priority, cost }
            })
            .collect();
        let with_times: Vec<_> = weights.iter().zip(trials).map(|(w, t)| (w, t.3)).collect();
        order(&with_times).into_iter().map(|at| weights[at].variant.clone()).collect()
    }

    #[test]
    fn priority_comes_before_cost_and_cost_before_the_file_s_order() {
        let trials = [("a", 0, 1.0, None), ("b", 0, 3.0, None), ("c", 0, 3.0, None)];
        assert_eq!(ordered(&trials), ["b", "c", "a"]);
        assert_eq!(ordered(&[trials[0], trials[1], ("c", -1, 9.0, None)]), ["b", "a", "c"]);
        assert_eq!(ordered(&[("a", 0, 1.0, None), ("b", 1, 0.1, None)]), ["b", "a"]);
    }

    #[test]
    fn measured_times_replace_hints_and_scale_the_others() {
        // A unit of cost is 100 ms by `a` and 20 ms by `b`, 60 ms in the mean: `c` is expected to
        // take 120 ms, while `b` is known to take 180.
        let trials = [("a", 0, 1.0, Some(100.0)), ("b", 0, 9.0, Some(180.0)), ("c", 0, 2.0, None)];
        assert_eq!(ordered(&trials), ["b", "c", "a"]);
        // Without `b`'s own time, its hint makes it the longest.
        assert_eq!(ordered(&[trials[0], ("b", 0, 9.0, None), trials[2]]), ["b", "c", "a"]);
        // Two of a variant: their mean.
        let twice = [("a", 0, 1.0, Some(100.0)), ("a", 0, 1.0, Some(300.0)), ("b", 0, 1.5, None)];
        assert_eq!(ordered(&twice), ["b", "a", "a"]);
    }
}
