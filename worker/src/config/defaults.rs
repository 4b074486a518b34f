//! The defaults of a config: the paper's settings, where the paper has one.

use super::{
    Config, Data, Device, Diffusion, Evaluation, Image, Injection, Input, Level, Loss, Method,
    Model, Precision, Prediction, Residual, Sampler, ScheduleKind, Training, Variance,
};

impl Default for Config {
    fn default() -> Self {
        Self {
            method: Method::default(),
            device: Device::default(),
            deterministic: true,
            data: Data::default(),
            image: Image::default(),
            model: Model::default(),
            diffusion: Diffusion::default(),
            training: Training::default(),
            evaluation: Evaluation::default(),
        }
    }
}

impl Default for Image {
    fn default() -> Self {
        Self { size: 32, low: 8 }
    }
}

impl Default for Model {
    fn default() -> Self {
        Self {
            inner: 64,
            multipliers: vec![1, 2, 4, 8, 8],
            blocks: 2,
            groups: 32,
            dropout: 0.2,
            attention: Some(1),
            heads: 1,
            input: Input::default(),
            injection: Injection::default(),
            injection_channels: 32,
            init_from: None,
        }
    }
}

impl Default for Diffusion {
    fn default() -> Self {
        Self {
            schedule: ScheduleKind::default(),
            steps: 2000,
            linear_start: 1e-6,
            linear_end: 1e-2,
            level: Level::default(),
            prediction: Prediction::default(),
            residual: Residual::default(),
            loss: Loss::default(),
            vlb_weight: 1e-3,
            min_snr: None,
            variance: Variance::default(),
        }
    }
}

impl Default for Training {
    fn default() -> Self {
        Self {
            iterations: 640_000,
            batch: 4,
            accumulate: 1,
            learning_rate: 1e-4,
            warmup: 0,
            ema: 0.9999,
            flip: true,
            precision: Precision::default(),
            checkpoint_every: 10_000,
            log_every: 100,
        }
    }
}

impl Default for Evaluation {
    fn default() -> Self {
        Self {
            every: 10_000,
            curve_images: 16,
            ddim_steps: Some(20),
            images: Some(64),
            batch: 32,
            sampling_seeds: 1,
            sheet_images: 8,
            precision: Precision::default(),
            sampler: Sampler::default(),
            steps: None,
            sweep: Vec::new(),
        }
    }
}
