//! What makes a line of many points readable: a moving mean, and for drawing only, fewer points.

/// Mean of `points` values around each, of fewer towards the ends: as many on either side.
pub(super) fn moving_mean(values: &[f64], points: usize) -> Vec<f64> {
    let mut sums = vec![0.0];
    for value in values {
        sums.push(sums[sums.len() - 1] + value);
    }
    let mean = |i: usize| {
        let side = (points / 2).min(i).min(values.len() - 1 - i);
        (sums[i + side + 1] - sums[i - side]) / (2 * side + 1) as f64
    };
    (0..values.len()).map(mean).collect()
}

/// Of every column of `width` along a path from left to right, the first, lowest, highest and last
/// point: the same picture from fewer points.
pub(super) fn thinned(path: &[(i32, i32)], width: i32) -> Vec<(i32, i32)> {
    let mut kept = Vec::new();
    for column in path.chunk_by(|a, b| a.0.div_euclid(width) == b.0.div_euclid(width)) {
        let by_height = |i: &usize| column[*i].1;
        let lowest = (0..column.len()).min_by_key(by_height).unwrap_or(0);
        let highest = (0..column.len()).max_by_key(by_height).unwrap_or(0);
        let mut indices = [0, lowest, highest, column.len() - 1];
        indices.sort_unstable();
        let mut last = None;
        for index in indices {
            if last != Some(index) {
                kept.push(column[index]);
            }
            last = Some(index);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_is_centred_and_narrows_towards_the_ends() {
        // (1 + 2 + 6) / 3 and (2 + 6 + 7) / 3; the ends stand for themselves.
        assert_eq!(moving_mean(&[1.0, 2.0, 6.0, 7.0], 3), [1.0, 3.0, 5.0, 7.0]);
        // Five fit only around the third value of five.
        assert_eq!(moving_mean(&[0.0, 3.0, 0.0, 3.0, 9.0], 5), [0.0, 1.0, 3.0, 4.0, 9.0]);
        assert_eq!(moving_mean(&[], 3), [0.0; 0]);
    }

    #[test]
    fn each_column_keeps_its_ends_and_extremes_in_their_order() {
        let path = [(0, 5), (1, 9), (2, 1), (3, 6), (3, 4), (4, 7), (9, 2)];
        assert_eq!(thinned(&path, 4), [(0, 5), (1, 9), (2, 1), (3, 4), (4, 7), (9, 2)]);
        assert_eq!(thinned(&path, 1), path, "columns that hold few points lose none");
    }
}
