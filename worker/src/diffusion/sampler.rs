//! The chains that turn noise into an image: SR3's own of T steps, and a short DDIM one.
//!
//! Both clamp the estimate of `y_0` to [-1, 1] at every step. Without that the cosine schedule's
//! first step alone divides by 1e-4 and the chain blows up.

use std::ops::ControlFlow;

use tch::Tensor;

use super::schedule::{NoiseLevel, Schedule};
use crate::config::Prediction;

/// What a chain asks of its surroundings.
pub trait Surroundings<B = ()> {
    /// The network's output about `y_t` at `level`; shapes `[N, 3, S, S]`.
    fn predict(&mut self, y_t: &Tensor, level: NoiseLevel) -> Tensor;
    /// Standard normal noise for the step from t to t - 1; with t = 0, for the chain's start.
    fn noise(&mut self, t: usize) -> Tensor;
    /// Called before each step; `Break` ends the chain with its value.
    fn tick(&mut self) -> ControlFlow<B>;
}

/// A chain from noise to `y_0`.
#[derive(Debug, Clone, Copy)]
pub struct Sampler<'a> {
    /// The noise schedule.
    pub schedule: &'a Schedule,
    /// What the network predicts.
    pub prediction: Prediction,
}

impl Sampler<'_> {
    /// The full chain with the posterior's variance beta~ (SR3 algorithm 2, in the form that its
    /// clamp needs). Breaks when told to.
    pub fn full<B>(self, around: &mut impl Surroundings<B>) -> ControlFlow<B, Tensor> {
        let mut y = around.noise(0);
        for t in (1..=self.schedule.steps()).rev() {
            around.tick()?;
            let y0 = self.y0(&y, self.schedule.level(t), around);
            let posterior = self.schedule.posterior(t);
            y = y0 * posterior.y0 + y * posterior.y_t;
            if t > 1 {
                y += around.noise(t) * posterior.variance.sqrt();
            }
        }
        ControlFlow::Continue(y)
    }

    /// A chain of `steps` deterministic steps (DDIM, eta = 0; Song et al. 2021 eq. 12) spread
    /// evenly from T down. Breaks when told to.
    pub fn short<B>(
        self,
        steps: usize,
        around: &mut impl Surroundings<B>,
    ) -> ControlFlow<B, Tensor> {
        let length = self.schedule.steps();
        let at = |i: usize| length - i * length / steps;
        let mut y = around.noise(0);
        for i in 0..steps {
            around.tick()?;
            let level = self.schedule.level(at(i));
            let y0 = self.y0(&y, level, around);
            let eps = (y - &y0 * level.signal) / level.noise;
            let next = self.schedule.level(at(i + 1));
            y = y0 * next.signal + eps * next.noise;
        }
        ControlFlow::Continue(y)
    }

    /// The clamped estimate of `y_0`.
    fn y0<B>(self, y: &Tensor, level: NoiseLevel, around: &mut impl Surroundings<B>) -> Tensor {
        let output = around.predict(y, level);
        self.prediction.y0(&output, y, level).clamp_(-1.0, 1.0)
    }
}
