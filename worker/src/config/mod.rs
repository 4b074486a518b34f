//! The worker's own vocabulary: every setting of a trial's `config`.
//!
//! [`Config::parse`] reads a trial's mapping, fills in every default and checks it, so that the
//! rest of the crate never meets an unreasonable value. [`Config::to_map`] writes it back
//! with nothing left out; the orchestrator freezes that as the trial's identity.

mod defaults;
mod parse;
pub(crate) mod plan;
mod rules;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// One trial's config, every default filled in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Diffusion or the bicubic baseline.
    pub method: Method,
    /// CPU or GPU.
    pub device: Device,
    /// Refuse operations whose result depends on timing (CUDA).
    pub deterministic: bool,
    /// Source and split of the images.
    pub data: Data,
    /// Side lengths of the image pairs.
    pub image: Image,
    /// Widths, depth and inputs of the U-Net.
    pub model: Model,
    /// Noise schedule, target, loss and variance.
    pub diffusion: Diffusion,
    /// Steps, batches, Adam and the averages.
    pub training: Training,
    /// The validation curve and the final measurement.
    pub evaluation: Evaluation,
}

/// The method that makes high-resolution images.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// The conditioned diffusion model.
    #[default]
    Diffusion,
    /// Bicubic upsampling: trains nothing, the row that every other must beat.
    Bicubic,
}

/// The device to compute on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Device {
    /// The first GPU that is visible, else the CPU.
    #[default]
    Auto,
    /// The CPU, with or without a GPU in the machine.
    Cpu,
    /// The first GPU that is visible; an error if there is none.
    Cuda,
}

/// The source and the split of the images.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Data {
    /// Synthetic or read from folders.
    pub source: Source,
    /// Folders of training images (`source: folder`).
    #[serde(deserialize_with = "parse::paths")]
    pub train: Vec<PathBuf>,
    /// Folders of validation images (`source: folder`).
    #[serde(deserialize_with = "parse::paths")]
    pub validation: Vec<PathBuf>,
    /// Instead of `validation`: this share of the images in `train`, chosen by a hash of their
    /// names, is measured on and not learnt from.
    pub validation_share: Option<f64>,
    /// A text file that names the validation images, one a line, in the order in which they are
    /// used; all in the order of their names if absent.
    pub validation_list: Option<PathBuf>,
    /// Number of training images, taken from the start; all if absent, or 2048 synthetic faces.
    pub train_count: Option<usize>,
    /// Number of validation images, taken from the start; all if absent, or 64 synthetic faces.
    pub validation_count: Option<usize>,
}

/// The two sources of images.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// Faces that the worker draws itself, the same on every machine.
    #[default]
    Faces,
    /// PNG and JPEG files in folders, of any size or as the unofficial SR3 prepares them.
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
    /// Residual blocks per level of the encoder; one more in the decoder.
    pub blocks: u32,
    /// Groups of every group normalisation.
    pub groups: u32,
    /// Dropout probability before the second convolution of each residual block.
    pub dropout: f64,
    /// The level with self-attention, counted up from the bottleneck; absent for none. The middle
    /// always has it.
    pub attention: Option<u32>,
    /// Heads of every attention; they must divide its channels.
    pub heads: u32,
    /// Form in which the low-resolution image and the noisy one enter together.
    pub input: Input,
    /// Form in which the low-resolution image enters once more near the bottleneck, in encoder and decoder.
    pub injection: Injection,
    /// Channels that each injection adds to the block it enters.
    pub injection_channels: u32,
    /// Initial weights, as a safetensors file; random ones if absent.
    pub init_from: Option<PathBuf>,
}

/// The combination of upsampled low-resolution image and noisy image into the network's input.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Input {
    /// Side by side, as in SR3.
    #[default]
    Concat,
    /// The former weighted by an attention map computed from both (SR4 section 5.2).
    Attention,
}

/// The reduction of the low-resolution image to the level above the bottleneck, where it enters the
/// first residual block of encoder and decoder (SR4 section 5.4).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Injection {
    /// Not at all.
    #[default]
    None,
    /// Every so many pixels one is taken.
    Direct,
    /// Bicubic reduction.
    Bicubic,
    /// One convolution whose stride is the whole reduction.
    LargeKernel,
    /// One 3×3 convolution of stride 2 per halving, swish between: the SR4 of Table 1.
    SmallKernels,
}

/// Noise schedule, target, loss and variance of the diffusion.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Diffusion {
    /// Growth of the noise along the chain.
    pub schedule: ScheduleKind,
    /// Length of the chain, T.
    pub steps: usize,
    /// First beta of the linear schedule.
    pub linear_start: f64,
    /// Last beta of the linear schedule.
    pub linear_end: f64,
    /// Samples that share one step of the chain in training.
    pub level: Level,
    /// Target of the network.
    pub prediction: Prediction,
    /// Diffuses the image itself or its difference from the upsampled input.
    pub residual: Residual,
    /// Objective of the training.
    pub loss: Loss,
    /// Weight of the variational bound in the hybrid loss, lambda.
    pub vlb_weight: f64,
    /// Clip the loss's signal-to-noise weight at this (min-SNR, Hang et al. 2023); absent for none.
    pub min_snr: Option<f64>,
    /// Variance of the chain's steps, unless the hybrid loss learns it.
    pub variance: Variance,
}

/// The quantity that is diffused.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Residual {
    /// The image.
    #[default]
    None,
    /// Its difference from the upsampled low-resolution image (SR4 eq. 9).
    Plain,
    /// Twice that difference, clamped to [-1, 1] (`SRDiff`, Li et al. 2022).
    Doubled,
}

/// The objective of the training.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Loss {
    /// Mean absolute error of the prediction (SR3 eq. 6, p = 1).
    #[default]
    Simple,
    /// The same plus a weighted variational bound that learns the chain's variance (Nichol and
    /// Dhariwal 2021, section 3.1).
    Hybrid,
    /// As the SR4 authors' program has it: a bound with fixed variance whose weight vanishes.
    Author,
}

/// Variance of one step of the chain.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Variance {
    /// The posterior's, beta~.
    #[default]
    Posterior,
    /// The forward step's, beta.
    Beta,
}

/// The growth of the noise along the chain.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ScheduleKind {
    /// Betas evenly spaced between two ends.
    #[default]
    Linear,
    /// Nichol and Dhariwal's squared cosine, s = 0.008, betas at most 0.999.
    Cosine,
}

/// The samples that share one step t of the chain in training; the noise level within it is each
/// sample's own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// The whole batch, as in the unofficial SR3.
    #[default]
    Batch,
    /// Nothing: each sample has its own.
    Sample,
}

/// The target of the network.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Prediction {
    /// The noise, as in the paper.
    #[default]
    Eps,
    /// sqrt(gamma) eps - sqrt(1 - gamma) y0 (Salimans and Ho 2022).
    V,
}

impl Diffusion {
    /// Channels that leave the network: the prediction's, and the variance's where it is learned.
    pub fn outputs(&self) -> i64 {
        if self.loss == Loss::Hybrid { 6 } else { 3 }
    }
}

/// Steps, batches, Adam and the averages.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Training {
    /// Optimiser steps; 0 measures the network as initialised.
    pub iterations: u64,
    /// Images per optimiser step, over all parts of [`accumulate`](Self::accumulate).
    pub batch: usize,
    /// In how many parts a batch goes through the network, one after the other: as many times
    /// less memory for the same step.
    pub accumulate: usize,
    /// Adam's learning rate after warm-up.
    pub learning_rate: f64,
    /// Steps over which the learning rate rises linearly.
    pub warmup: u64,
    /// Decay of the exponential moving average of the weights.
    pub ema: f64,
    /// Mirror images at random.
    pub flip: bool,
    /// Arithmetic of the passes through the network.
    pub precision: Precision,
    /// Steps between checkpoints.
    pub checkpoint_every: u64,
    /// Steps between points of the training curves.
    pub log_every: u64,
}

/// Arithmetic of the passes through the network; all else is f32 or wider.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Precision {
    /// Single precision.
    #[default]
    Fp32,
    /// Convolutions and matrix products of factors rounded to ten bits, on GPUs that have it; single
    /// precision elsewhere.
    Tf32,
    /// Convolutions and matrix products in bfloat16, by libtorch's autocast. For GPUs: a CPU without
    /// instructions for it is many times slower.
    Bf16,
}

/// The validation curve and the final measurement.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Evaluation {
    /// Steps between points of the validation curve.
    pub every: u64,
    /// Validation images of the curve.
    pub curve_images: usize,
    /// Steps of the curve's short DDIM chain; the whole DDPM chain instead if absent.
    pub ddim_steps: Option<usize>,
    /// Validation images of the final measurement; all if absent.
    pub images: Option<usize>,
    /// Images per forward pass; affects memory and speed, not the noise of any image.
    pub batch: usize,
    /// Samples of each image in the final measurement, each with its own noise.
    pub sampling_seeds: u64,
    /// Images of the final measurement that are kept as pictures.
    pub sheet_images: usize,
    /// Arithmetic of the passes through the network. Apart from training's, because a chain
    /// magnifies rounding where it divides by a small sqrt(gamma).
    pub precision: Precision,
    /// The chain of the final measurement.
    pub sampler: Sampler,
    /// Steps of that chain; as many as in training if absent.
    pub steps: Option<usize>,
    /// Numbers of steps at which both kinds of chain are measured besides, with averaged weights.
    pub sweep: Vec<usize>,
}

/// A sampling algorithm.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Sampler {
    /// Ancestral sampling (SR3 algorithm 2).
    #[default]
    Ddpm,
    /// Deterministic (Song et al. 2021, eta = 0).
    Ddim,
}
