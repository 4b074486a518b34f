//! Student's t distribution: critical values and p-values.

use statrs::distribution::{ContinuousCDF, StudentsT};

fn distribution(degrees_of_freedom: f64) -> StudentsT {
    StudentsT::new(0.0, 1.0, degrees_of_freedom).expect("the degrees of freedom are positive")
}

/// The half width of a two-sided confidence interval in standard errors: t(1 - α/2, ν), where α is
/// 1 - `confidence` (Student, The Probable Error of a Mean, 1908).
pub(super) fn critical_value(confidence: f64, degrees_of_freedom: f64) -> f64 {
    distribution(degrees_of_freedom).inverse_cdf(0.5 + confidence / 2.0)
}

/// The two-sided p-value of the statistic `t`: 2 P(T ≥ |t|).
pub(super) fn two_sided_p_value(t: f64, degrees_of_freedom: f64) -> f64 {
    2.0 * distribution(degrees_of_freedom).sf(t.abs())
}
