//! Normally distributed random numbers, the same on every machine.

use std::f64::consts::TAU;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// Normally distributed numbers from a seed.
pub(crate) struct Normal(ChaCha8Rng);

impl Normal {
    pub(crate) fn new(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    /// A normally distributed number of mean 0 and standard deviation `sd` (Box and Muller, A Note
    /// on the Generation of Random Normal Deviates, 1958).
    pub(crate) fn sample(&mut self, sd: f64) -> f64 {
        let mut uniform = || (self.0.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
        let (radius, angle) = (1.0 - uniform(), uniform());
        sd * (-2.0 * radius.ln()).sqrt() * (TAU * angle).cos()
    }
}
