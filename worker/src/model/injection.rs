//! The low-resolution image inside the network (SR4 section 5.4): brought down from its upsampled
//! form to a level's resolution and width.

use tch::Tensor;
use tch::nn::{self, Module};

use super::RGB;
use super::parameters::convolution;
use crate::config;

/// The reduction of the condition to one level; entries between convolutions are activations.
#[derive(Debug)]
pub(crate) struct Injection {
    kind: config::Injection,
    factor: i64,
    convolutions: Vec<nn::Conv2D>,
}

impl Injection {
    /// A reduction of `kind` over `halvings` of the resolution to `channels`.
    pub(crate) fn new(
        path: &nn::Path,
        kind: config::Injection,
        halvings: u32,
        channels: i64,
    ) -> Self {
        let factor = 1 << halvings;
        let convolutions = match kind {
            config::Injection::None => Vec::new(),
            config::Injection::Direct | config::Injection::Bicubic => {
                vec![nn::conv2d(path / 0, RGB, channels, 1, convolution(0, 1, true))]
            }
            // As wide as what the small kernels see together.
            config::Injection::LargeKernel => {
                let config = convolution(factor - 1, factor, true);
                vec![nn::conv2d(path / 0, RGB, channels, 2 * factor - 1, config)]
            }
            config::Injection::SmallKernels => (0..halvings)
                .map(|i| {
                    let input = if i == 0 { RGB } else { channels };
                    nn::conv2d(path / (2 * i), input, channels, 3, convolution(1, 2, true))
                })
                .collect(),
        };
        Self { kind, factor, convolutions }
    }

    /// `[N, 3, H, W] -> [N, channels, H / factor, W / factor]`, rounded up.
    pub(crate) fn forward(&self, condition: &Tensor) -> Tensor {
        let reduced = match self.kind {
            config::Injection::Direct => {
                condition.slice(2, None, None, self.factor).slice(3, None, None, self.factor)
            }
            config::Injection::Bicubic => {
                let (_, _, h, w) = condition.size4().expect("an image batch has four dimensions");
                let size = [h, w].map(|side| (side + self.factor - 1) / self.factor);
                condition.internal_upsample_bicubic2d_aa(size, false, None, None)
            }
            _ => condition.shallow_clone(),
        };
        let mut convolutions = self.convolutions.iter();
        let first = convolutions.next().map_or(reduced.shallow_clone(), |c| c.forward(&reduced));
        convolutions.fold(first, |x, convolution| convolution.forward(&x.silu()))
    }
}
