//! The random numbers behind a face, all of them from its seed.

use rand_xoshiro::SplitMix64;
use rand_xoshiro::rand_core::{Rng as _, SeedableRng};

pub(super) struct Rng(SplitMix64);

impl Rng {
    pub(super) fn new(seed: u64) -> Self {
        Self(SplitMix64::seed_from_u64(seed))
    }

    /// Any 32 bits, to seed noise with.
    pub(super) fn bits(&mut self) -> u32 {
        (self.0.next_u64() >> 32) as u32
    }

    /// Uniform in [0, 1), in steps that `f32` holds exactly.
    pub(super) fn unit(&mut self) -> f32 {
        (self.0.next_u64() >> 40) as f32 / (1 << 24) as f32
    }

    /// Uniform between the two values.
    pub(super) fn between(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.unit()
    }

    /// Around 0, seldom beyond `spread / 2`, never beyond `spread`.
    pub(super) fn around(&mut self, spread: f32) -> f32 {
        spread * (self.unit() + self.unit() + self.unit() - 1.5) / 1.5
    }

    /// True with this probability.
    pub(super) fn chance(&mut self, probability: f32) -> bool {
        self.unit() < probability
    }

    /// One of the options, each as likely as the others.
    pub(super) fn pick<T: Copy>(&mut self, options: &[T]) -> T {
        options[(self.unit() * options.len() as f32) as usize]
    }
}
