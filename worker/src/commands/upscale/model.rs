//! A network out of a checkpoint, applied to pictures of any size.

use std::ops::ControlFlow;
use std::path::Path;

use anyhow::{Context, bail};
use tch::{Device, Tensor};

use crate::checkpoint::{Checkpoint, Weights};
use crate::config::{Config, Diffusion, Method, Precision, Sampler};
use crate::diffusion::schedule::Schedule;
use crate::evaluate::{Chain, Upscaler};
use crate::image::{Rgb, bicubic};
use crate::model::{Unet, parameters};

/// Sampling settings of the command line; no `steps` means as many as in training.
#[derive(Debug, Clone, Copy)]
pub(super) struct SamplingOptions {
    pub(super) sampler: Sampler,
    pub(super) steps: Option<usize>,
    pub(super) seed: u64,
}

/// A trained network and what it was trained for.
pub(super) struct Model {
    network: Unet,
    schedule: Schedule,
    diffusion: Diffusion,
    precision: Precision,
    /// Side of its output as a multiple of its input's.
    pub(super) factor: usize,
    /// Side of the low-resolution images that it was trained on.
    pub(super) low: usize,
    /// Sides of its input must divide by this.
    multiple: usize,
    device: Device,
}

impl Model {
    /// Reads the checkpoint at `path`.
    pub(super) fn load(path: &Path, weights: Weights, device: Device) -> anyhow::Result<Self> {
        let checkpoint = Checkpoint::open(path)?;
        let config = Config::parse(&checkpoint.header.trial.config).map_err(|problems| {
            let first = problems.first().map(|p| format!("`{}`: {}", p.pointer, p.message));
            anyhow::anyhow!("{}", first.unwrap_or_default())
        });
        let config = config.with_context(|| {
            format!("checkpoint `{}` has a config that this program does not know", path.display())
        })?;
        if config.method != Method::Diffusion {
            bail!("checkpoint `{}` holds no network", path.display());
        }
        let network = Unet::new(&config.model, config.diffusion.outputs(), device);
        let tensors = parameters::by_name(network.store());
        checkpoint.weights.load(&tensors, |name| weights.role(name))?;
        Ok(Self {
            network,
            schedule: Schedule::new(&config.diffusion),
            factor: config.image.size / config.image.low,
            low: config.image.low,
            multiple: 1 << (config.model.multipliers.len() - 1),
            diffusion: config.diffusion,
            precision: config.evaluation.precision,
            device,
        })
    }

    /// The chain that `options` selects, with the training's own length where it names none.
    pub(super) fn chain(&self, options: SamplingOptions) -> anyhow::Result<Chain> {
        let length = self.schedule.steps();
        let steps = options.steps.unwrap_or(length);
        if !(1..=length).contains(&steps) {
            bail!("`--steps` must be from 1 to {length}, the chain's length in training");
        }
        Ok(Chain { sampler: options.sampler, steps })
    }

    /// Enlarges `images`, which are of one size. A result depends on its image and the seed alone.
    pub(super) fn enlarge(
        &self,
        images: &[Rgb],
        options: SamplingOptions,
        tick: impl FnMut() -> ControlFlow<()>,
    ) -> anyhow::Result<ControlFlow<(), Vec<Rgb>>> {
        let chain = self.chain(options)?;
        let (width, height) = (images[0].width * self.factor, images[0].height * self.factor);
        let planes: Vec<f32> = images
            .iter()
            .flat_map(|image| bicubic::resize(image, width, height).to_planes())
            .collect();
        let condition = Tensor::from_slice(&planes)
            .reshape([images.len() as i64, 3, height as i64, width as i64])
            .to_device(self.device);
        let condition = self.padded(&condition);
        let upscaler = Upscaler {
            network: &self.network,
            schedule: &self.schedule,
            diffusion: &self.diffusion,
            precision: self.precision,
            seed: options.seed,
        };
        let same = std::iter::repeat_n(0, images.len());
        Ok(match upscaler.sample(&condition, same, chain, 0, tick) {
            ControlFlow::Continue(images) => ControlFlow::Continue(
                images.iter().map(|image| image.corner(width, height)).collect(),
            ),
            ControlFlow::Break(()) => ControlFlow::Break(()),
        })
    }

    /// The images mirrored at the right and the bottom until their sides divide, for the network
    /// halves the resolution. Pictures smaller than what is missing are mirrored again and again.
    fn padded(&self, images: &Tensor) -> Tensor {
        let (_, _, height, width) = images.size4().expect("an image batch has four dimensions");
        let places = |side: i64| {
            let padded = (side as usize).next_multiple_of(self.multiple);
            let places: Vec<i64> = (0..padded as i64).map(|place| mirrored(place, side)).collect();
            Tensor::from_slice(&places).to_device(self.device)
        };
        images.index_select(2, &places(height)).index_select(3, &places(width))
    }
}

/// The pixel at `place` when `side` pixels are mirrored without repeating the last.
fn mirrored(place: i64, side: i64) -> i64 {
    let period = (2 * (side - 1)).max(1);
    let place = place % period;
    place.min(period - place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pixels_are_mirrored_as_often_as_need_be() {
        let places = |side| (0..8).map(|place| mirrored(place, side)).collect::<Vec<_>>();
        assert_eq!(places(8), [0, 1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(places(5), [0, 1, 2, 3, 4, 3, 2, 1]);
        assert_eq!(places(3), [0, 1, 2, 1, 0, 1, 2, 1]);
        assert_eq!(places(2), [0, 1, 0, 1, 0, 1, 0, 1]);
        assert_eq!(places(1), [0; 8]);
    }
}
