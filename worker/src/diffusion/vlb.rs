//! The variational lower bound, in nats and element by element: divergences between Gaussians, the
//! likelihood of an 8-bit image at the chain's end, and the learned variance (Nichol and Dhariwal
//! 2021, section 3.1).

use std::f64::consts::SQRT_2;

use tch::Tensor;

/// Half the distance of two 8-bit values in [-1, 1].
const HALF_BIN: f64 = 1.0 / 255.0;
/// Values beyond this are the outermost 8-bit ones, whose bins are open.
const OUTERMOST: f64 = 0.999;
/// Least probability of a bin, so that its logarithm is finite.
const LEAST: f64 = 1e-12;

/// A Gaussian with independent elements; the two tensors broadcast to a shape.
#[derive(Debug)]
pub struct Gaussian {
    /// `[N, 3, S, S]` or a shape that broadcasts to it.
    pub mean: Tensor,
    /// Natural logarithm; broadcasts to the shape of the mean.
    pub log_variance: Tensor,
}

impl Gaussian {
    /// The divergence KL(`self` || `other`) of each element; 0 where they agree, never below.
    pub fn kl(&self, other: &Self) -> Tensor {
        let log_ratio = &other.log_variance - &self.log_variance;
        let distance = (&self.mean - &other.mean).square() * (-&other.log_variance).exp();
        ((-&log_ratio).exp() + distance + log_ratio - 1.0) * 0.5
    }

    /// Minus the logarithm of the probability of each 8-bit value `y0` in [-1, 1]: the Gaussian's
    /// mass between the midpoints to its neighbours, to infinity at both ends.
    pub fn nll_of_8_bit(&self, y0: &Tensor) -> Tensor {
        let inverse = (&self.log_variance * -0.5).exp();
        let below = |x: &Tensor| (x * &inverse / -SQRT_2).special_erfc() * 0.5;
        let centred = y0 - &self.mean;
        // Mirrored to the lower tail, where f32 still distinguishes two small numbers.
        let mirrored = -centred.abs();
        let inner = below(&(&mirrored + HALF_BIN)) - below(&(&mirrored - HALF_BIN));
        let lowest = below(&(&centred + HALF_BIN));
        let highest = below(&(-&centred + HALF_BIN));
        let mass = lowest.where_self(&y0.lt(-OUTERMOST), &inner);
        let mass = highest.where_self(&y0.gt(OUTERMOST), &mass);
        -mass.clamp_min(LEAST).log()
    }
}

/// The learned variance's logarithm: between those of the posterior's and the forward step's
/// variance, at the network's `v` from -1 to 1 (and beyond, it is not bounded).
pub(crate) fn learned_log_variance(
    v: &Tensor,
    log_posterior: &Tensor,
    log_beta: &Tensor,
) -> Tensor {
    let share = (v + 1.0) / 2.0;
    &share * log_beta + (1.0 - &share) * log_posterior
}
