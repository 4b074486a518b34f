//! The worker's own vocabulary: what a trial's `config` may say.
//!
//! [`Config::parse`] reads a trial's mapping, fills in every default and checks it, so that the
//! rest of the crate never meets a value that makes no sense. [`Config::to_map`] writes it back
//! with nothing left out; the orchestrator freezes that as the trial's identity.

mod parse;
mod rules;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// One trial's config, every default filled in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// What makes the high-resolution images.
    pub method: Method,
    /// What to compute on.
    pub device: Device,
    /// Refuse operations whose result depends on timing (CUDA).
    pub deterministic: bool,
    /// Where the images come from.
    pub data: Data,
    /// Sizes of the images.
    pub image: Image,
    /// The U-Net.
    pub model: Model,
    /// Noise, target and chain.
    pub diffusion: Diffusion,
    /// The optimisation.
    pub training: Training,
    /// What is measured and when.
    pub evaluation: Evaluation,
}

/// What makes the high-resolution images.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// The conditioned diffusion model.
    #[default]
    Diffusion,
    /// Bicubic upsampling: trains nothing, the row that every other must beat.
    Bicubic,
}

/// What to compute on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Device {
    /// The first GPU that is visible, else the CPU.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// The first GPU that is visible; an error if there is none.
    Cuda,
}

/// Where the images come from.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Data {
    /// Made up or read.
    pub source: Source,
    /// Folders of training images (`source: folder`).
    #[serde(deserialize_with = "parse::paths")]
    pub train: Vec<PathBuf>,
    /// Folders of validation images (`source: folder`).
    #[serde(deserialize_with = "parse::paths")]
    pub validation: Vec<PathBuf>,
    /// How many training images; all if absent, 2048 made-up faces.
    pub train_count: Option<usize>,
    /// How many validation images; all if absent, 64 made-up faces.
    pub validation_count: Option<usize>,
}

/// Sort of data.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// Faces that the worker draws itself, the same on every machine.
    #[default]
    Faces,
    /// PNG and JPEG files in folders.
    Folder,
}

/// Sizes of the images, which are square.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Image {
    /// Side of the high-resolution image in pixels.
    pub size: usize,
    /// Side of the low-resolution image in pixels.
    pub low: usize,
}

/// The U-Net of the unofficial SR3.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Model {
    /// Channels of the first level.
    pub inner: u32,
    /// Channels of each level as multiples of `inner`, from the full resolution down.
    pub multipliers: Vec<u32>,
    /// Residual blocks per level on the way down; one more on the way up.
    pub blocks: u32,
    /// Groups of every group normalisation.
    pub groups: u32,
    /// Dropout probability before the second convolution of each residual block.
    pub dropout: f64,
    /// The level with self-attention, counted up from the bottleneck; absent for none. The middle
    /// always has it.
    pub attention: Option<u32>,
    /// Attention heads.
    pub heads: u32,
}

/// Noise, target and chain.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Diffusion {
    /// How the noise grows.
    pub schedule: ScheduleKind,
    /// Length of the chain, T.
    pub steps: usize,
    /// First beta of the linear schedule.
    pub linear_start: f64,
    /// Last beta of the linear schedule.
    pub linear_end: f64,
    /// What shares one step of the chain in training.
    pub level: Level,
    /// What the network predicts.
    pub prediction: Prediction,
    /// Diffuse the difference between the image and its bicubic upsampling (eq. 9), not the image.
    pub residual: bool,
}

/// How the noise grows along the chain.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ScheduleKind {
    /// Betas evenly spaced between two ends.
    #[default]
    Linear,
    /// Nichol and Dhariwal's squared cosine, s = 0.008, betas at most 0.999.
    Cosine,
}

/// What shares one step t of the chain in training; the noise level within it is each sample's own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// The whole batch, as in the unofficial SR3.
    #[default]
    Batch,
    /// Nothing: each sample has its own.
    Sample,
}

/// What the network predicts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Prediction {
    /// The noise, as in the paper.
    #[default]
    Eps,
    /// sqrt(gamma) eps - sqrt(1 - gamma) y0 (Salimans and Ho 2022).
    V,
}

/// The optimisation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Training {
    /// Optimiser steps; 0 measures the network as initialised.
    pub iterations: u64,
    /// Images per step.
    pub batch: usize,
    /// Adam's learning rate after warm-up.
    pub learning_rate: f64,
    /// Steps over which the learning rate rises linearly.
    pub warmup: u64,
    /// Decay of the exponential moving average of the weights.
    pub ema: f64,
    /// Mirror images at random.
    pub flip: bool,
    /// Steps between checkpoints.
    pub checkpoint_every: u64,
    /// Steps between points of the training curves.
    pub log_every: u64,
}

/// What is measured and when.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Evaluation {
    /// Steps between points of the validation curve.
    pub every: u64,
    /// Validation images of the curve.
    pub curve_images: usize,
    /// Steps of the curve's short DDIM chain.
    pub ddim_steps: usize,
    /// Validation images of the final measurement; all if absent.
    pub images: Option<usize>,
    /// Images per forward pass.
    pub batch: usize,
    /// How often each image is sampled in the final measurement.
    pub sampling_seeds: u64,
    /// Images of the final measurement that are kept as pictures.
    pub sheet_images: usize,
}

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
            residual: false,
        }
    }
}

impl Default for Training {
    fn default() -> Self {
        Self {
            iterations: 640_000,
            batch: 4,
            learning_rate: 1e-4,
            warmup: 0,
            ema: 0.9999,
            flip: true,
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
            ddim_steps: 20,
            images: Some(64),
            batch: 32,
            sampling_seeds: 1,
            sheet_images: 8,
        }
    }
}
