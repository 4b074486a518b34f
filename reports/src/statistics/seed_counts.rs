//! The numbers of seeds behind several averages, in words.

/// `8 seeds`, or `5 to 8 seeds` where the averages have different numbers; those of one seed, which have no
/// spread, do not count. `None` if no other is left.
pub(crate) fn seed_counts(counts: impl Iterator<Item = usize>) -> Option<String> {
    let counts: Vec<usize> = counts.filter(|count| *count > 1).collect();
    let (least, most) = (counts.iter().min()?, counts.iter().max()?);
    Some(if least == most { format!("{most} seeds") } else { format!("{least} to {most} seeds") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn different_numbers_are_a_range() {
        let text = |counts: &[usize]| seed_counts(counts.iter().copied());
        assert_eq!(text(&[3, 3]).unwrap(), "3 seeds");
        assert_eq!(text(&[1, 8, 5]).unwrap(), "5 to 8 seeds");
        assert_eq!(text(&[1, 1]), None);
        assert_eq!(text(&[]), None);
    }
}
