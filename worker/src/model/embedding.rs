//! The embedding of the noise level, an input of every residual block.

use tch::Tensor;
use tch::nn::{self, Module};

/// Sinusoids of the continuous noise level, unscaled: `[N, 1] -> [N, dim]`, sines before cosines,
/// frequencies `10000^(-i / (dim / 2))`.
pub fn sinusoids(level: &Tensor, dim: i64) -> Tensor {
    let half = dim / 2;
    let exponents = Tensor::arange(half, (level.kind(), level.device())) / half as f64;
    let frequencies = (exponents * -(1e4_f64.ln())).exp();
    let angles = level * frequencies;
    Tensor::cat(&[angles.sin(), angles.cos()], 1)
}

/// The noise level's two-layer network, `noise_level_mlp` of the reference (whose entries 0 and 2
/// have no parameters).
#[derive(Debug)]
pub(crate) struct LevelEmbedding {
    dim: i64,
    widen: nn::Linear,
    narrow: nn::Linear,
}

impl LevelEmbedding {
    /// An embedding of `dim` channels.
    pub(crate) fn new(path: &nn::Path, dim: i64) -> Self {
        let zero = super::parameters::LINEAR;
        Self {
            dim,
            widen: nn::linear(path / 1, dim, 4 * dim, zero),
            narrow: nn::linear(path / 3, 4 * dim, dim, zero),
        }
    }

    /// `[N, 1] -> [N, dim]`; the level is sqrt(gamma).
    pub(crate) fn forward(&self, level: &Tensor) -> Tensor {
        let sinusoids = sinusoids(level, self.dim).to_kind(self.widen.ws.kind());
        self.narrow.forward(&self.widen.forward(&sinusoids).silu())
    }
}
