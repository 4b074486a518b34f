//! Lists of rows and their seeds in sentences.

use std::collections::BTreeMap;

/// `sr3 0, 1, 4-9; sr4 2`: the seeds by row, in ascending order.
pub(super) fn by_row<'a>(seeds: impl Iterator<Item = (&'a str, u64)>) -> String {
    let mut by_row = BTreeMap::<&str, Vec<u64>>::new();
    for (row, seed) in seeds {
        by_row.entry(row).or_default().push(seed);
    }
    let of_row = |(row, mut seeds): (&str, Vec<u64>)| {
        seeds.sort_unstable();
        let follow = |a: &u64, b: &u64| a.checked_add(1) == Some(*b);
        let runs = seeds.chunk_by(follow).map(|run| match run {
            [first, .., last] if run.len() > 2 => format!("{first}-{last}"),
            run => run.iter().map(u64::to_string).collect::<Vec<_>>().join(", "),
        });
        format!("{row} {}", runs.collect::<Vec<_>>().join(", "))
    };
    by_row.into_iter().map(of_row).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_that_follow_each_other_are_a_range() {
        let a = [5, 0, 1, 7, 6, 8, u64::MAX].map(|seed| ("a", seed));
        let all = a.into_iter().chain([("b", 3)]);
        assert_eq!(by_row(all), format!("a 0, 1, 5-8, {}; b 3", u64::MAX));
        assert_eq!(by_row([].into_iter()), "");
    }
}
