//! The arithmetic that the network computes in. Weights, moments, averages, schedules, losses and
//! everything else around the network are f32 or wider whatever is chosen here.
//!
//! In bf16, which operations round is libtorch's own choice: convolutions and matrix products do.
//! Group norm and softmax are f32 on CUDA; on CPUs they read and write bf16, and sum in f32.

use tch::{Device, Kind, Tensor};

use crate::bridge::{self, Autocast};
use crate::config::Precision;

impl Precision {
    /// The f32 result of `forward`, a pass through the network on `device`, computed in this
    /// precision; so is the pass back, if it comes before another precision is run. Gradients by f32
    /// weights are f32 either way.
    pub fn run(self, device: Device, forward: impl FnOnce() -> Tensor) -> Tensor {
        if device.is_cuda() {
            bridge::allow_tf32(self == Self::Tf32).expect("both are settings that libtorch knows");
        }
        let _autocast = match self {
            Self::Fp32 | Self::Tf32 => return forward(),
            Self::Bf16 => Autocast::bf16(device).expect("CPU and CUDA have autocast to bf16"),
        };
        forward().to_kind(Kind::Float)
    }
}
