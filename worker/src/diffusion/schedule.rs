//! The growth of the noise along the chain, in f64: near t = 1 the f32 rounding of 1 - gamma alone is
//! an error of percents.

use std::f64::consts::FRAC_PI_2;

use crate::config::{Diffusion, ScheduleKind};

/// Nichol and Dhariwal 2021, section 3.2.
const COSINE_OFFSET: f64 = 0.008;
const COSINE_LARGEST_BETA: f64 = 0.999;

/// The noise schedule of a chain of T steps.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    /// `beta[t]`, t from 1; `beta[0]` is 0.
    beta: Vec<f64>,
    /// `gamma[t]`, the product of 1 - beta up to t; `gamma[0]` is 1.
    gamma: Vec<f64>,
}

/// The shares of image and noise in a noisy image; their squares sum to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NoiseLevel {
    /// sqrt(gamma), an input of the network.
    pub signal: f64,
    /// sqrt(1 - gamma), the factor of the noise.
    pub noise: f64,
}

/// The Gaussian of y_(t-1) given `y_t` and `y_0` (SR3 eq. 4, SR4 eq. 5).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Posterior {
    /// Weight of `y_0` in the mean.
    pub y0: f64,
    /// Weight of `y_t` in the mean.
    pub y_t: f64,
    /// The variance, beta~; 0 at t = 1.
    pub variance: f64,
    /// Its logarithm; at t = 1 that of t = 2 instead, so that it is finite (Nichol and Dhariwal
    /// 2021, section 3.1).
    pub log_variance: f64,
}

impl Schedule {
    /// The schedule that a valid `config` describes.
    pub fn new(config: &Diffusion) -> Self {
        Self::from_betas(match config.schedule {
            ScheduleKind::Linear => linear(config.steps, config.linear_start, config.linear_end),
            ScheduleKind::Cosine => cosine(config.steps),
        })
    }

    /// The chain of `steps` steps that visits levels of this one, evenly spread from T down
    /// (Nichol and Dhariwal 2021, section 4). The network's input is a level, not a step number, so it
    /// serves both.
    #[must_use]
    pub fn respaced(&self, steps: usize) -> Self {
        let length = self.steps();
        if steps == length {
            return self.clone();
        }
        let kept = (0..=steps).map(|i| self.gamma[length - (steps - i) * length / steps]);
        let gamma: Vec<f64> = kept.collect();
        let betas = gamma.windows(2).map(|pair| 1.0 - pair[1] / pair[0]);
        Self { beta: [0.0].into_iter().chain(betas).collect(), gamma }
    }

    fn from_betas(betas: Vec<f64>) -> Self {
        let mut beta = vec![0.0];
        beta.extend(betas);
        let mut product = 1.0;
        let gamma = beta.iter().map(|beta| {
            product *= 1.0 - beta;
            product
        });
        Self { gamma: gamma.collect(), beta }
    }

    /// T, the length of the chain.
    pub fn steps(&self) -> usize {
        self.beta.len() - 1
    }

    /// `beta_t`, the variance that step t adds.
    pub fn beta(&self, t: usize) -> f64 {
        self.beta[t]
    }

    /// `gamma_t`, the share of the image's variance that is left after t steps.
    pub fn gamma(&self, t: usize) -> f64 {
        self.gamma[t]
    }

    /// The noise level after exactly t steps.
    pub fn level(&self, t: usize) -> NoiseLevel {
        NoiseLevel { signal: self.gamma[t].sqrt(), noise: (1.0 - self.gamma[t]).sqrt() }
    }

    /// The continuous level of training (SR3 section 2.4): sqrt(gamma) runs linearly from its
    /// value before step t at `u` = 0 to that after it at `u` = 1.
    pub fn continuous_level(&self, t: usize, u: f64) -> NoiseLevel {
        let signal = (1.0 - u) * self.gamma[t - 1].sqrt() + u * self.gamma[t].sqrt();
        NoiseLevel { signal, noise: (1.0 - signal * signal).sqrt() }
    }

    /// The posterior of step t.
    pub fn posterior(&self, t: usize) -> Posterior {
        let (beta, gamma, before) = (self.beta[t], self.gamma[t], self.gamma[t - 1]);
        Posterior {
            y0: before.sqrt() * beta / (1.0 - gamma),
            y_t: (1.0 - beta).sqrt() * (1.0 - before) / (1.0 - gamma),
            variance: self.posterior_variance(t),
            log_variance: self.posterior_variance(t.max(2).min(self.steps())).max(1e-20).ln(),
        }
    }

    fn posterior_variance(&self, t: usize) -> f64 {
        (1.0 - self.gamma[t - 1]) * self.beta[t] / (1.0 - self.gamma[t])
    }
}

fn linear(steps: usize, start: f64, end: f64) -> Vec<f64> {
    let last = steps.saturating_sub(1).max(1) as f64;
    (0..steps).map(|i| start + (end - start) * i as f64 / last).collect()
}

fn cosine(steps: usize) -> Vec<f64> {
    let squared_cosine = |t: usize| {
        let share = t as f64 / steps as f64;
        ((share + COSINE_OFFSET) / (1.0 + COSINE_OFFSET) * FRAC_PI_2).cos().powi(2)
    };
    (1..=steps)
        .map(|t| (1.0 - squared_cosine(t) / squared_cosine(t - 1)).min(COSINE_LARGEST_BETA))
        .collect()
}
