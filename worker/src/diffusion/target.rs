//! What the network learns from a noisy image, and what is read off its output: the arithmetic
//! between image `y_0`, noise eps, noisy image `y_t` and prediction.

use tch::Tensor;

use super::schedule::NoiseLevel;
use crate::config::{Diffusion, Prediction};

/// The noisy image of SR3 eq. 3, `y_t` = signal `y_0` + noise eps; the factors broadcast over `y_0`.
pub fn q_sample(y0: &Tensor, eps: &Tensor, signal: &Tensor, noise: &Tensor) -> Tensor {
    signal * y0 + noise * eps
}

impl Prediction {
    /// What the network should say about that noisy image; shapes as in [`q_sample`].
    pub fn target(self, y0: &Tensor, eps: &Tensor, signal: &Tensor, noise: &Tensor) -> Tensor {
        match self {
            Self::Eps => eps.shallow_clone(),
            Self::V => signal * eps - noise * y0,
        }
    }

    /// The image `y_0` that the network's `output` about `y_t` amounts to.
    pub fn y0(self, output: &Tensor, y_t: &Tensor, level: NoiseLevel) -> Tensor {
        let NoiseLevel { signal, noise } = level;
        match self {
            Self::Eps => (y_t - output * noise) / signal,
            Self::V => y_t * signal - output * noise,
        }
    }
}

/// What is diffused: the image itself, or its residual (SR4 eq. 9).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Diffused {
    /// The high-resolution image.
    Image,
    /// Its difference from the upsampled low-resolution image, unscaled and not clamped.
    Residual,
}

impl Diffused {
    /// What `config` asks for.
    pub fn new(config: &Diffusion) -> Self {
        if config.residual { Self::Residual } else { Self::Image }
    }

    /// `y_0` for training, from images in [-1, 1].
    pub fn y0(self, high: &Tensor, upsampled: &Tensor) -> Tensor {
        match self {
            Self::Image => high.shallow_clone(),
            Self::Residual => high - upsampled,
        }
    }

    /// The image that a sampled `y_0` stands for, in [-1, 1].
    pub fn image(self, y0: &Tensor, upsampled: &Tensor) -> Tensor {
        let image = match self {
            Self::Image => y0.shallow_clone(),
            Self::Residual => y0.clamp(-1.0, 1.0) + upsampled,
        };
        image.clamp(-1.0, 1.0)
    }
}
