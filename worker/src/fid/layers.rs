//! The parts of the network: convolutions with batch normalisation, pools, and both in sequence
//! and side by side.

use tch::Tensor;
use tch::nn::{self, BatchNormConfig, ConvConfigND, Init, Module, ModuleT, Path};

/// A part of the network: `[N, C, H, W] -> [N, C', H', W']`.
#[derive(Debug)]
pub(super) enum Layer {
    /// Convolution, batch normalisation with the statistics of training, rectifier.
    Convolution(Box<(nn::Conv<[i64; 2]>, nn::BatchNorm)>),
    /// The mean of each pixel's 3×3 neighbours; beyond the border there are none.
    AveragePool,
    /// The maximum of each pixel's 3×3 neighbours.
    MaxPool,
    /// The maximum of 3×3 pixels, two apart.
    MaxPoolHalving,
    /// One after the other.
    Sequence(Vec<Layer>),
    /// All of the same input, their channels joined.
    Branches(Vec<Layer>),
}

/// A convolution's kernel, and how it goes over the image.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kernel {
    /// Height × width around each pixel, the border padded with zeros.
    Around(i64, i64),
    /// 3×3 wherever it fits.
    Inside,
    /// 3×3 wherever it fits, two pixels apart.
    Halving,
}

impl Layer {
    pub(super) fn forward(&self, x: &Tensor) -> Tensor {
        match self {
            Self::Convolution(layer) => layer.1.forward_t(&layer.0.forward(x), false).relu(),
            Self::AveragePool => x.avg_pool2d([3, 3], [1, 1], [1, 1], false, false, None),
            Self::MaxPool => x.max_pool2d([3, 3], [1, 1], [1, 1], [1, 1], false),
            Self::MaxPoolHalving => x.max_pool2d([3, 3], [2, 2], [0, 0], [1, 1], false),
            Self::Sequence(layers) => {
                layers.iter().fold(x.shallow_clone(), |x, layer| layer.forward(&x))
            }
            Self::Branches(branches) => {
                let outputs: Vec<Tensor> = branches.iter().map(|b| b.forward(x)).collect();
                Tensor::cat(&outputs, 1)
            }
        }
    }

    /// Convolutions in sequence, from `channels` channels on: each one's name, channels and kernel.
    pub(super) fn convolutions(
        path: &Path,
        mut channels: i64,
        layers: &[(&str, i64, Kernel)],
    ) -> Self {
        let mut sequence = Vec::with_capacity(layers.len());
        for &(name, outputs, kernel) in layers {
            sequence.push(Self::convolution(&(path / name), channels, outputs, kernel));
            channels = outputs;
        }
        Self::Sequence(sequence)
    }

    fn convolution(path: &Path, inputs: i64, outputs: i64, kernel: Kernel) -> Self {
        let (size, stride, padding) = match kernel {
            Kernel::Around(height, width) => ([height, width], 1, [height / 2, width / 2]),
            Kernel::Inside => ([3, 3], 1, [0, 0]),
            Kernel::Halving => ([3, 3], 2, [0, 0]),
        };
        // All of it is loaded; random numbers would take seconds.
        let zero = Init::Const(0.0);
        let conv = ConvConfigND {
            stride: [stride, stride],
            padding,
            dilation: [1, 1],
            groups: 1,
            bias: false,
            ws_init: zero,
            bs_init: zero,
            padding_mode: nn::PaddingMode::Zeros,
        };
        let bn = BatchNormConfig { eps: 1e-3, ws_init: zero, bs_init: zero, ..Default::default() };
        let conv = nn::conv(path / "conv", inputs, outputs, size, conv);
        Self::Convolution(Box::new((conv, nn::batch_norm2d(path / "bn", outputs, bn))))
    }
}
