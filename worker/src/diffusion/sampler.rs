//! The chains that turn noise into an image: SR3's own, and the deterministic DDIM one, over all
//! steps of a schedule or over fewer ([`Schedule::respaced`]).
//!
//! Both clamp the estimate of `y_0` to [-1, 1] at every step. Without that the cosine schedule's
//! first step alone divides by 1e-4 and the chain blows up.

use std::ops::ControlFlow;

use tch::Tensor;

use super::schedule::{NoiseLevel, Schedule};
use super::vlb::learned_log_variance;
use crate::config::{self, Diffusion, Loss, Prediction};

/// The network, the noise and the clock of a chain.
pub trait ChainContext<B = ()> {
    /// The network's output about `y_t` at `level`; shapes `[N, 3, H, W]`, or `[N, 6, H, W]` for
    /// the output where the variance is learned.
    fn predict(&mut self, y_t: &Tensor, level: NoiseLevel) -> Tensor;
    /// Standard normal noise for the step from t to t - 1; with t = 0, for the chain's start.
    fn noise(&mut self, t: usize) -> Tensor;
    /// Called before each step; `Break` ends the chain with its value.
    fn tick(&mut self) -> ControlFlow<B>;
}

/// Variance of each step of the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Variance {
    /// The posterior's, beta~.
    Posterior,
    /// The forward step's, beta.
    Beta,
    /// Interpolated by the network's last three channels.
    Learned,
}

impl Variance {
    /// The learned variance with the hybrid loss, otherwise the one that `config` names.
    pub(crate) fn new(config: &Diffusion) -> Self {
        match (config.loss, config.variance) {
            (Loss::Hybrid, _) => Self::Learned,
            (_, config::Variance::Posterior) => Self::Posterior,
            (_, config::Variance::Beta) => Self::Beta,
        }
    }
}

/// A chain from noise to `y_0`.
#[derive(Debug, Clone, Copy)]
pub struct Sampler<'a> {
    /// The noise schedule; the chain takes every step of it.
    pub schedule: &'a Schedule,
    /// Target that the network was trained for.
    pub prediction: Prediction,
    /// Variance of each step of [`Sampler::ddpm`].
    pub variance: Variance,
}

impl Sampler<'_> {
    /// Ancestral sampling (SR3 algorithm 2, in the form that its clamp needs). Breaks when `tick` does.
    pub fn ddpm<B>(self, context: &mut impl ChainContext<B>) -> ControlFlow<B, Tensor> {
        let mut y = context.noise(0);
        for t in (1..=self.schedule.steps()).rev() {
            context.tick()?;
            let level = self.schedule.level(t);
            let output = context.predict(&y, level);
            let y0 = self.y0(&output, &y, level);
            let posterior = self.schedule.posterior(t);
            y = y0 * posterior.y0 + y * posterior.y_t;
            if t > 1 {
                y += context.noise(t) * self.deviation(&output, t);
            }
        }
        ControlFlow::Continue(y)
    }

    /// Deterministic steps (DDIM, eta = 0; Song et al. 2021 eq. 12). Breaks when `tick` does.
    pub fn ddim<B>(self, context: &mut impl ChainContext<B>) -> ControlFlow<B, Tensor> {
        let mut y = context.noise(0);
        for t in (1..=self.schedule.steps()).rev() {
            context.tick()?;
            let (level, next) = (self.schedule.level(t), self.schedule.level(t - 1));
            let y0 = self.y0(&context.predict(&y, level), &y, level);
            let eps = (y - &y0 * level.signal) / level.noise;
            y = y0 * next.signal + eps * next.noise;
        }
        ControlFlow::Continue(y)
    }

    /// The clamped estimate of `y_0`.
    fn y0(self, output: &Tensor, y: &Tensor, level: NoiseLevel) -> Tensor {
        let (signal, noise) = (Tensor::from(level.signal), Tensor::from(level.noise));
        self.prediction.y0(&output.narrow(1, 0, 3), y, &signal, &noise).clamp_(-1.0, 1.0)
    }

    /// Standard deviation of step t, a scalar or of the image's shape.
    fn deviation(self, output: &Tensor, t: usize) -> Tensor {
        let (posterior, beta) = (self.schedule.posterior(t), self.schedule.beta(t));
        match self.variance {
            Variance::Posterior => Tensor::from(posterior.variance.sqrt()),
            Variance::Beta => Tensor::from(beta.sqrt()),
            Variance::Learned => {
                let log_posterior = Tensor::from(posterior.log_variance);
                let log_beta = Tensor::from(beta.ln());
                let v = output.narrow(1, 3, 3);
                (learned_log_variance(&v, &log_posterior, &log_beta) * 0.5).exp()
            }
        }
    }
}
