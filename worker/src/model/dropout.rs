//! Dropout (Srivastava et al. 2014) whose mask follows from one seed and each value's index, so that all
//! threads draw it together: libtorch's own generator for CPUs has one sequence, drawn by one thread.

use std::thread;

use rand_xoshiro::SplitMix64;
use rand_xoshiro::rand_core::{Rng as _, SeedableRng};
use tch::{Kind, Tensor};

use crate::bridge;

/// Values of which each thread draws at least as many, times two: fewer are drawn before a thread has started.
const PAIRS_PER_THREAD: usize = 1 << 15;

/// Sets each value of `x` to zero with the `probability`, and divides the others by what is left of it, so
/// that the mean stays. The seed comes from libtorch's generator, as on GPUs, where libtorch draws all of it.
pub(super) fn dropout(x: &Tensor, probability: f64) -> Tensor {
    if x.device().is_cuda() {
        return x.dropout(probability, true);
    }
    let seed = Tensor::empty([], (Kind::Int64, x.device())).random_().int64_value(&[]);
    let mut mask = Tensor::empty(x.size(), (Kind::Float, x.device()));
    fill(bridge::floats_mut(&mut mask), seed as u64, probability, tch::get_num_threads() as usize);
    x * mask.to_kind(x.kind())
}

/// The factors of the values, in `threads` parts.
fn fill(mask: &mut [f32], seed: u64, probability: f64, threads: usize) {
    let pairs = mask.len().div_ceil(2).div_ceil(threads.max(1)).max(PAIRS_PER_THREAD);
    let mut parts = mask.chunks_mut(2 * pairs).enumerate();
    let first = parts.next();
    thread::scope(|scope| {
        for (i, part) in parts {
            scope.spawn(move || fill_part(part, seed, i * pairs, probability));
        }
        if let Some((_, part)) = first {
            fill_part(part, seed, 0, probability);
        }
    });
}

/// The factors from the pair with number `start` on; the 64 bits of a pair are output `start` of the
/// generator that `seed` begins.
fn fill_part(mask: &mut [f32], seed: u64, start: usize, probability: f64) {
    let dropped = (probability * f64::from(1_u32 << 31) * 2.0).round() as u64;
    let kept = (1.0 / (1.0 - probability)) as f32;
    let factor = |bits: u32| if u64::from(bits) < dropped { 0.0 } else { kept };
    let mut bits = outputs_from(seed, start as u64);
    for pair in mask.chunks_mut(2) {
        let both = bits.next_u64();
        pair[0] = factor(both as u32);
        if let Some(second) = pair.get_mut(1) {
            *second = factor((both >> 32) as u32);
        }
    }
}

/// The generator from its output number `start` on: its state is a counter.
fn outputs_from(seed: u64, start: u64) -> SplitMix64 {
    SplitMix64::seed_from_u64(seed.wrapping_add(start.wrapping_mul(crate::random::GOLDEN_GAMMA)))
}

#[cfg(test)]
mod tests {
    use tch::Device;

    use super::*;

    const VALUES: usize = 5 * PAIRS_PER_THREAD + 3;

    fn mask(seed: u64, threads: usize) -> Vec<f32> {
        let mut mask = vec![f32::NAN; VALUES];
        fill(&mut mask, seed, 0.2, threads);
        mask
    }

    #[test]
    fn the_mask_does_not_depend_on_the_number_of_threads() {
        let alone = mask(7, 1);
        for threads in [2, 3, 16] {
            assert_eq!(mask(7, threads), alone, "{threads} threads");
        }
        assert_ne!(mask(8, 1), alone);
    }

    /// The sequence that `rand_xoshiro` draws one after the other.
    #[test]
    fn the_mask_is_the_generators_sequence() {
        let mut generator = SplitMix64::seed_from_u64(7);
        let drawn: Vec<bool> = (0..VALUES.div_ceil(2))
            .map(|_| generator.next_u64())
            .flat_map(|both| [both as u32, (both >> 32) as u32])
            .map(|bits| f64::from(bits) / f64::from(u32::MAX) >= 0.2)
            .take(VALUES)
            .collect();
        let kept: Vec<bool> = mask(7, 3).iter().map(|&factor| factor > 0.0).collect();
        assert_eq!(kept, drawn);
    }

    #[test]
    fn values_are_dropped_with_the_probability_and_the_mean_stays() {
        let x = Tensor::ones([VALUES as i64], (Kind::Float, Device::Cpu)).set_requires_grad(true);
        tch::manual_seed(1);
        let y = dropout(&x, 0.2);
        let dropped = (0.2 * VALUES as f64, (VALUES as f64 * 0.2 * 0.8).sqrt());
        let zeros = y.eq(0.0).sum(Kind::Float).double_value(&[]);
        // Six standard deviations of a binomial.
        assert!((zeros - dropped.0).abs() < 6.0 * dropped.1, "{zeros} of {VALUES}");
        let others = y.masked_select(&y.ne(0.0));
        assert_eq!(others, others.full_like(1.25));
        // The gradient passes where the value did, with the same factor.
        y.sum(Kind::Float).backward();
        assert_eq!(x.grad(), y.detach());
    }

    #[test]
    fn neighbours_are_dropped_independently() {
        let mask = mask(3, 2);
        for distance in [1, 2, 3, 64] {
            let both = mask.windows(distance + 1).filter(|w| w[0] == 0.0 && w[distance] == 0.0);
            let pairs = (VALUES - distance) as f64;
            let (mean, spread) = (0.04 * pairs, (pairs * 0.04 * 0.96).sqrt());
            assert!((both.count() as f64 - mean).abs() < 8.0 * spread, "distance {distance}");
        }
    }

    #[test]
    fn the_seed_comes_from_libtorchs_generator() {
        let x = Tensor::ones([64, 64], (Kind::Float, Device::Cpu));
        let draw = |seed| {
            tch::manual_seed(seed);
            [dropout(&x, 0.5), dropout(&x, 0.5)]
        };
        let [first, second] = draw(1);
        assert_eq!(draw(1), [first.shallow_clone(), second.shallow_clone()]);
        assert_ne!(first, second);
        assert_ne!(draw(2)[0], first);
    }

    #[test]
    fn bf16_stays_bf16() {
        let x = Tensor::ones([8, 8], (Kind::BFloat16, Device::Cpu));
        assert_eq!(dropout(&x, 0.2).kind(), Kind::BFloat16);
    }
}
