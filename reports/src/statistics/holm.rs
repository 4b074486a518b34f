//! Holm's correction for several tests at once.

/// Adjusted p-values, in the order given: comparing them with 0.05 keeps the chance of even one
/// false finding among them below 5 %, whether or not the tests depend on each other.
///
/// Of m p-values sorted as p(1) ≤ … ≤ p(m), the i-th becomes max over j ≤ i of
/// min(1, (m - j + 1) p(j)) (Holm, A Simple Sequentially Rejective Multiple Test Procedure, 1979;
/// adjusted p-values as in Wright, Adjusted P-Values for Simultaneous Inference, 1992).
pub(crate) fn holm(p_values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|a, b| p_values[*a].total_cmp(&p_values[*b]));
    let mut adjusted = vec![0.0; p_values.len()];
    let mut largest = 0.0_f64;
    for (rank, index) in order.into_iter().enumerate() {
        let left = (p_values.len() - rank) as f64;
        largest = largest.max((left * p_values[index]).min(1.0));
        adjusted[index] = largest;
    }
    adjusted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_in_statsmodels() {
        // statsmodels.stats.multitest.multipletests(p, method="holm")[1]
        let p = [0.01, 0.04, 0.03, 0.005, 0.5, 0.03];
        let expected = [0.05, 0.12, 0.12, 0.03, 0.5, 0.12];
        for (adjusted, expected) in holm(&p).into_iter().zip(expected) {
            assert!((adjusted - expected).abs() < 1e-12, "{adjusted} is not {expected}");
        }
        assert_eq!(holm(&[0.7, 0.6]), [1.0, 1.0]);
        assert_eq!(holm(&[]), [0.0; 0]);
    }
}
