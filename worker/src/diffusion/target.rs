//! The network's training target, and the image that its output implies: the arithmetic
//! between image `y_0`, noise eps, noisy image `y_t` and prediction.

use tch::Tensor;

use crate::config::{Prediction, Residual};

/// The noisy image of SR3 eq. 3, `y_t` = signal `y_0` + noise eps; the factors broadcast over `y_0`.
pub fn q_sample(y0: &Tensor, eps: &Tensor, signal: &Tensor, noise: &Tensor) -> Tensor {
    signal * y0 + noise * eps
}

impl Prediction {
    /// The target for that noisy image; shapes as in [`q_sample`].
    pub fn target(self, y0: &Tensor, eps: &Tensor, signal: &Tensor, noise: &Tensor) -> Tensor {
        match self {
            Self::Eps => eps.shallow_clone(),
            Self::V => signal * eps - noise * y0,
        }
    }

    /// The image `y_0` that the network's `output` about `y_t` amounts to.
    pub fn y0(self, output: &Tensor, y_t: &Tensor, signal: &Tensor, noise: &Tensor) -> Tensor {
        match self {
            Self::Eps => (y_t - output * noise) / signal,
            Self::V => y_t * signal - output * noise,
        }
    }

    /// Min-SNR's weight of this prediction's error (Hang et al. 2023, section 3.4): that of an error
    /// of `y_0` would be the signal-to-noise ratio, but not above `clip`.
    pub fn min_snr_weight(self, signal: &Tensor, noise: &Tensor, clip: f64) -> Tensor {
        let (signal, noise) = (signal.square(), noise.square());
        let clipped = signal.minimum(&(&noise * clip));
        match self {
            Self::Eps => clipped / signal,
            Self::V => clipped, // over signal + noise, which is 1
        }
    }
}

impl Residual {
    /// `y_0` for training, from images in [-1, 1].
    pub fn y0(self, high: &Tensor, upsampled: &Tensor) -> Tensor {
        match self {
            Self::None => high.shallow_clone(),
            Self::Plain => high - upsampled,
            Self::Doubled => ((high - upsampled) * 2.0).clamp(-1.0, 1.0),
        }
    }

    /// The image that a sampled `y_0` stands for, in [-1, 1].
    pub fn image(self, y0: &Tensor, upsampled: &Tensor) -> Tensor {
        let y0 = y0.clamp(-1.0, 1.0);
        match self {
            Self::None => y0,
            Self::Plain => (y0 + upsampled).clamp(-1.0, 1.0),
            Self::Doubled => (y0 / 2.0 + upsampled).clamp(-1.0, 1.0),
        }
    }
}
