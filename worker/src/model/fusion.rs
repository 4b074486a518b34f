//! Attention on the network's input, as the SR4 authors' program has it (a small form of
//! `AHDRNet`'s block): where the upsampled image is to be looked at, decided from it and the noisy one.

use tch::Tensor;
use tch::nn::{self, Module};

use super::RGB;
use super::parameters::convolution;

/// Three convolutions: one that both images pass, two that make the attention map.
#[derive(Debug)]
pub struct InputFusion {
    shared: nn::Conv2D,
    widen: nn::Conv2D,
    narrow: nn::Conv2D,
}

impl InputFusion {
    /// For images of three channels.
    pub fn new(path: &nn::Path) -> Self {
        let conv = |name, input, output| {
            nn::conv2d(path / name, input, output, 3, convolution(1, 1, true))
        };
        Self {
            shared: conv("conv1", RGB, RGB),
            widen: conv("att11", 2 * RGB, 2 * RGB),
            narrow: conv("att12", 2 * RGB, RGB),
        }
    }

    /// `[N, 3, H, W], [N, 3, H, W] -> [N, 6, H, W]`, the weighted condition first.
    pub fn forward(&self, condition: &Tensor, y: &Tensor) -> Tensor {
        let [condition, y] = [condition, y].map(|x| self.shared.forward(x).leaky_relu());
        let both = Tensor::cat(&[&condition, &y], 1);
        let attention = self.narrow.forward(&self.widen.forward(&both).leaky_relu()).sigmoid();
        Tensor::cat(&[condition * attention, y], 1)
    }
}
