//! The network's parameters as one list in a fixed order, and how they begin.

use std::collections::BTreeMap;

use tch::nn::{self, Init};
use tch::{Device, Kind, Tensor};

/// Linear layers start from zero; [`initialise`] gives the weights that a network trains from.
pub(super) const LINEAR: nn::LinearConfig =
    nn::LinearConfig { ws_init: Init::Const(0.0), bs_init: Some(Init::Const(0.0)), bias: true };

/// A convolution's settings, starting from zero like [`LINEAR`].
pub(super) fn convolution(padding: i64, stride: i64, bias: bool) -> nn::ConvConfig {
    nn::ConvConfig {
        padding,
        stride,
        bias,
        ws_init: Init::Const(0.0),
        bs_init: Init::Const(0.0),
        ..Default::default()
    }
}

/// The parameters by name, in the order of their names.
pub fn by_name(store: &nn::VarStore) -> BTreeMap<String, Tensor> {
    store.variables().into_iter().collect()
}

/// Number of scalars in the network.
pub fn count(store: &nn::VarStore) -> usize {
    store.variables().values().map(Tensor::numel).sum()
}

/// Gives every weight matrix and kernel an orthogonal start (gain 1, flattened to outputs × rest),
/// as the unofficial SR3 does; biases stay zero and normalisations the identity. Drawn on the CPU
/// in the order of the names, so that it depends on the seed alone.
pub fn initialise(store: &nn::VarStore, seed: i64) {
    tch::manual_seed(seed);
    tch::no_grad(|| {
        for (_, mut weight) in by_name(store).into_iter().filter(|(_, t)| t.dim() >= 2) {
            let size = weight.size();
            let matrix = nn::init(Init::Orthogonal { gain: 1.0 }, &size, Device::Cpu);
            weight.copy_(&matrix.reshape(size));
        }
    });
}

/// Copies the values of `from` into `to`, a network of the same plan.
pub(crate) fn copy(from: &nn::VarStore, to: &nn::VarStore) {
    let source = by_name(from);
    tch::no_grad(|| {
        for (name, mut tensor) in by_name(to) {
            tensor.copy_(&source[&name]);
        }
    });
}

/// Zeros of the parameters' shapes, for moments.
pub(crate) fn zeros_like(parameters: &[Tensor]) -> Vec<Tensor> {
    parameters.iter().map(|p| p.zeros_like().to_kind(Kind::Float)).collect()
}
