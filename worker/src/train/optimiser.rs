//! Adam with state that can be saved, and the learning rate's warm-up.

use tch::nn::VarStore;
use tch::{Device, Kind, Tensor};

use crate::bridge::{self, Adam, BridgeError};
use crate::config::Training;
use crate::model::parameters;

/// Adam over one network's parameters, in the order of their names.
#[derive(Debug)]
pub(crate) struct Optimiser {
    /// The network's own weights, shared with it.
    pub(super) weights: Vec<Tensor>,
    /// Running means of the gradients.
    pub(super) means: Vec<Tensor>,
    /// Running means of their squares.
    pub(super) squares: Vec<Tensor>,
    device: Device,
}

impl Optimiser {
    /// At rest: no step was taken.
    pub(crate) fn new(store: &VarStore) -> Self {
        let weights: Vec<Tensor> = parameters::by_name(store).into_values().collect();
        let means = parameters::zeros_like(&weights);
        let squares = parameters::zeros_like(&weights);
        Self { weights, means, squares, device: store.device() }
    }

    /// The gradients of the scalar `loss` by the weights.
    pub(crate) fn gradients(&self, loss: &Tensor) -> Vec<Tensor> {
        Tensor::run_backward(&[loss], &self.weights, false, false)
    }

    /// Takes the `step`th step, from 1, along `gradients`.
    pub(crate) fn step(
        &mut self,
        step: u64,
        learning_rate: f64,
        gradients: &[Tensor],
    ) -> Result<(), BridgeError> {
        let adam = Adam { learning_rate, beta1: 0.9, beta2: 0.999, eps: 1e-8 };
        let count = Tensor::full([], step as f64, (Kind::Float, self.device));
        let moments = (&self.means[..], &self.squares[..]);
        tch::no_grad(|| bridge::fused_adam(&self.weights, gradients, moments, &count, adam))
    }
}

/// The learning rate of the `step`th step, from 1: rises linearly over the warm-up.
pub fn learning_rate(training: &Training, step: u64) -> f64 {
    if step >= training.warmup {
        training.learning_rate
    } else {
        training.learning_rate * (step as f64 / training.warmup as f64)
    }
}

/// The share by which the averaged weights move towards the weights at `step`, from 1: one minus
/// the decay, which starts low so that a short run does not average its beginning.
pub(crate) fn averaging_share(training: &Training, step: u64) -> f64 {
    1.0 - training.ema.min((1.0 + step as f64) / (10.0 + step as f64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_average_follows_closely_at_first() {
        let training = Training { ema: 0.999, ..Training::default() };
        let share = |step| averaging_share(&training, step);
        // 1 - 2/11 after the first step, 1 - 101/110 after the hundredth, 1 - 0.999 in the end.
        assert!((share(1) - 9.0 / 11.0).abs() < 1e-12);
        assert!((share(100) - 9.0 / 110.0).abs() < 1e-12);
        assert!((share(1_000_000) - 0.001).abs() < 1e-12);
    }
}
