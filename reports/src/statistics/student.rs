//! Student's t distribution.

use statrs::distribution::{ContinuousCDF, StudentsT};

fn distribution(freedom: f64) -> StudentsT {
    StudentsT::new(0.0, 1.0, freedom).expect("the degrees of freedom are positive")
}

/// How many standard errors an interval of that confidence reaches to either side.
pub(super) fn reach(confidence: f64, freedom: f64) -> f64 {
    distribution(freedom).inverse_cdf(0.5 + confidence / 2.0)
}

/// How probable it is to be at least `t` standard errors away, to either side, by chance.
pub(super) fn two_sided(t: f64, freedom: f64) -> f64 {
    2.0 * distribution(freedom).sf(t.abs())
}
