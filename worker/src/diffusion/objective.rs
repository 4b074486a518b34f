//! The training objective: the loss of the network's output for a noised batch.

use tch::Tensor;

use super::schedule::{NoiseLevel, Posterior, Schedule};
use super::target::q_sample;
use super::vlb::{Gaussian, learned_log_variance};
use crate::config::{Diffusion, Loss};

/// A batch with noise. Per-sample factors have the shape `[N, 1, 1, 1]`.
#[derive(Debug)]
pub struct Noised {
    /// The image or its residual, `[N, 3, S, S]`.
    pub(crate) y0: Tensor,
    /// Standard normal noise, `[N, 3, S, S]`.
    pub(crate) eps: Tensor,
    /// `signal y0 + noise eps`, `[N, 3, S, S]`.
    pub y_t: Tensor,
    /// Factor of `y0`, sqrt(gamma).
    pub signal: Tensor,
    /// Factor of `eps`, sqrt(1 - gamma).
    pub(crate) noise: Tensor,
    /// The step of the chain in which each sample's level lies.
    pub(crate) steps: Vec<usize>,
}

impl Noised {
    /// Adds `eps` to `y0`, each sample at its step and level.
    pub fn new(y0: Tensor, eps: Tensor, levels: &[(usize, NoiseLevel)]) -> Self {
        let factors = levels.iter().map(|(_, level)| [level.signal, level.noise]);
        let [signal, noise] = per_sample(factors, &y0);
        let y_t = q_sample(&y0, &eps, &signal, &noise);
        let steps = levels.iter().map(|(step, _)| *step).collect();
        Self { y0, eps, y_t, signal, noise, steps }
    }

    /// The `length` samples from number `start` on, sharing memory with these.
    #[must_use]
    pub(crate) fn narrow(&self, start: usize, length: usize) -> Self {
        let part = |tensor: &Tensor| tensor.narrow(0, start as i64, length as i64);
        Self {
            y0: part(&self.y0),
            eps: part(&self.eps),
            y_t: part(&self.y_t),
            signal: part(&self.signal),
            noise: part(&self.noise),
            steps: self.steps[start..start + length].to_vec(),
        }
    }
}

/// Computes the loss that a config names.
#[derive(Debug, Clone, Copy)]
pub struct Objective<'a> {
    /// Selects the loss, the prediction and their weights.
    pub config: &'a Diffusion,
    /// The whole schedule of training, never a respaced one.
    pub schedule: &'a Schedule,
}

impl Objective<'_> {
    /// The loss of the network's `output` about a noised batch, a scalar: `[N, 3, S, S]`, or
    /// `[N, 6, S, S]` where it also learns the variance.
    pub fn loss(self, output: &Tensor, batch: &Noised) -> Tensor {
        let prediction = output.narrow(1, 0, 3);
        let simple = self.simple(&prediction, batch);
        match self.config.loss {
            Loss::Simple => simple,
            Loss::Hybrid => {
                // The bound teaches the variance alone: the mean learns from the simple loss.
                let model = self.model(&prediction.detach(), Some(&output.narrow(1, 3, 3)), batch);
                let weight = self.config.vlb_weight * self.schedule.steps() as f64;
                simple + self.bound(&model, batch).mean(None) * weight
            }
            Loss::Author => {
                // A sum is added to each sample's mean of bits before both are averaged over all
                // elements, which leaves the bound next to no weight.
                let model = self.model(&prediction, None, batch);
                let elements = batch.y0.numel() as f64 / batch.steps.len() as f64;
                let bits = self.divergence(&model, batch).mean(None) / 2_f64.ln();
                simple * batch.steps.len() as f64 + bits / elements
            }
        }
    }

    /// Mean absolute error of the prediction (SR3 eq. 6 with p = 1).
    fn simple(self, prediction: &Tensor, batch: &Noised) -> Tensor {
        let Noised { y0, eps, signal, noise, .. } = batch;
        let target = self.config.prediction.target(y0, eps, signal, noise);
        let error = (prediction - target).abs();
        match self.config.min_snr {
            None => error,
            Some(clip) => error * self.config.prediction.min_snr_weight(signal, noise, clip),
        }
        .mean(None)
    }

    /// One term of the bound, L_(t-1), element by element in nats: the divergence from the
    /// posterior, and at t = 1 the image's own likelihood.
    pub fn bound(self, model: &Gaussian, batch: &Noised) -> Tensor {
        let divergence = self.divergence(model, batch);
        if batch.steps.iter().all(|&t| t > 1) {
            return divergence;
        }
        let last: Vec<bool> = batch.steps.iter().map(|&t| t == 1).collect();
        let last = Tensor::from_slice(&last).reshape([-1, 1, 1, 1]);
        let likelihood = model.nll_of_8_bit(&batch.y0);
        likelihood.where_self(&last.to_device(likelihood.device()), &divergence)
    }

    fn divergence(self, model: &Gaussian, batch: &Noised) -> Tensor {
        self.posterior(&batch.y0, batch).kl(model)
    }

    /// The model's Gaussian of y_(t-1): the posterior of the `y_0` that it predicts, not clamped,
    /// with the variance that `v` selects, or else the posterior's.
    pub fn model(self, prediction: &Tensor, v: Option<&Tensor>, batch: &Noised) -> Gaussian {
        let Noised { y_t, signal, noise, .. } = batch;
        let mut model =
            self.posterior(&self.config.prediction.y0(prediction, y_t, signal, noise), batch);
        if let Some(v) = v {
            let log_beta = batch.steps.iter().map(|&t| [self.schedule.beta(t).ln()]);
            let [log_beta] = per_sample(log_beta, v);
            model.log_variance = learned_log_variance(v, &model.log_variance, &log_beta);
        }
        model
    }

    fn posterior(self, y0: &Tensor, batch: &Noised) -> Gaussian {
        let posteriors = batch.steps.iter().map(|&t| {
            let Posterior { y0, y_t, log_variance, .. } = self.schedule.posterior(t);
            [y0, y_t, log_variance]
        });
        let [of_y0, of_y_t, log_variance] = per_sample(posteriors, y0);
        Gaussian { mean: of_y0 * y0 + of_y_t * &batch.y_t, log_variance }
    }
}

/// Values of each sample, each as `[N, 1, 1, 1]`, in the kind and on the device of `like`. They go there
/// together: a copy waits for all work that is queued on the GPU.
fn per_sample<const K: usize>(
    values: impl Iterator<Item = [f64; K]>,
    like: &Tensor,
) -> [Tensor; K] {
    let values: Vec<f64> = values.flatten().collect();
    let table = Tensor::from_slice(&values).to_kind(like.kind()).to_device(like.device());
    let table = table.reshape([-1, K as i64]);
    std::array::from_fn(|k| table.select(1, k as i64).reshape([-1, 1, 1, 1]))
}
