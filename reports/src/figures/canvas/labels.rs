//! Labels beside line ends: as near to their lines as they can be without overlap.

use std::ops::RangeInclusive;

/// Moves the `wanted` heights apart so that neighbours are at least `gap` apart and all lie in
/// `range`, with the least sum of squared moves; in the order given.
///
/// Less their share of gaps, the sorted heights must only not fall: isotonic regression, solved by
/// pooling adjacent violators (Barlow et al., Statistical Inference under Order Restrictions,
/// 1972).
pub(crate) fn separate(wanted: &[f64], gap: f64, range: RangeInclusive<f64>) -> Vec<f64> {
    let mut order: Vec<usize> = (0..wanted.len()).collect();
    order.sort_by(|&a, &b| wanted[a].total_cmp(&wanted[b]));

    let mut pools: Vec<(f64, usize)> = Vec::new();
    for (rank, &index) in order.iter().enumerate() {
        let mut pool = (wanted[index] - rank as f64 * gap, 1);
        while let Some(&(sum, count)) = pools.last()
            && sum / count as f64 >= pool.0 / pool.1 as f64
        {
            pool = (pool.0 + sum, pool.1 + count);
            pools.pop();
        }
        pools.push(pool);
    }

    let last = wanted.len().saturating_sub(1) as f64;
    let (low, high) = (*range.start(), (range.end() - last * gap).max(*range.start()));
    let bases = pools.into_iter().flat_map(|(sum, count)| {
        let mean = sum / count as f64;
        std::iter::repeat_n(mean.clamp(low, high), count)
    });
    let mut placed = vec![0.0; wanted.len()];
    for ((rank, &index), base) in order.iter().enumerate().zip(bases) {
        placed[index] = base + rank as f64 * gap;
    }
    placed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_with_room_stay_where_they_are() {
        assert_eq!(separate(&[80.0, 20.0, 50.0], 10.0, 0.0..=100.0), [80.0, 20.0, 50.0]);
    }

    #[test]
    fn crowded_labels_share_the_move() {
        // Two labels 4 apart that need 10 both move by 3; the third is not touched.
        assert_eq!(separate(&[50.0, 54.0, 90.0], 10.0, 0.0..=100.0), [47.0, 57.0, 90.0]);
        // Pushed off the end, they stack up from the edge.
        assert_eq!(separate(&[99.0, 98.0], 10.0, 0.0..=100.0), [100.0, 90.0]);
        assert_eq!(separate(&[0.0, 0.0], 10.0, 0.0..=100.0), [0.0, 10.0]);
        assert_eq!(separate(&[], 10.0, 0.0..=100.0), [0.0; 0]);
    }
}
