//! Sampling validation images from a network.

use std::ops::{ControlFlow, Range};

use tch::{Kind, Tensor};

use super::Validation;
use crate::config::{Diffusion, Prediction};
use crate::diffusion::sampler::{Sampler, Surroundings};
use crate::diffusion::schedule::{NoiseLevel, Schedule};
use crate::diffusion::target::Diffused;
use crate::image::Rgb;
use crate::model::{Mode, Unet};
use crate::random::{Purpose, Stream};

/// Which chain samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chain {
    /// The row's own, of all its steps.
    Full,
    /// A DDIM chain of so many.
    Short(usize),
}

/// Makes high-resolution images of a validation set with one network.
#[derive(Debug, Clone, Copy)]
pub struct Upscaler<'a> {
    /// The network.
    pub network: &'a Unet,
    /// The noise schedule.
    pub schedule: &'a Schedule,
    /// What the network predicts.
    pub prediction: Prediction,
    /// What the chain's result stands for.
    pub diffused: Diffused,
    /// The trial's seed.
    pub seed: u64,
}

impl<'a> Upscaler<'a> {
    /// With the `network` of a trial whose `config` and `seed` these are.
    pub fn new(network: &'a Unet, schedule: &'a Schedule, config: &Diffusion, seed: u64) -> Self {
        let diffused = Diffused::new(config);
        Self { network, schedule, prediction: config.prediction, diffused, seed }
    }

    /// Samples the images of `range` at once. Image i gets the same noise in whatever range it
    /// stands. `tick` is called before each step, and may break.
    pub fn sample<B>(
        self,
        set: &Validation,
        range: Range<usize>,
        chain: Chain,
        sampling_seed: u64,
        mut tick: impl FnMut() -> ControlFlow<B>,
    ) -> ControlFlow<B, Vec<Rgb>> {
        let _no_grad = tch::no_grad_guard();
        let condition = set.condition.narrow(0, range.start as i64, range.len() as i64);
        let mut around =
            Around { upscaler: self, range, condition, sampling_seed, tick: &mut tick };
        let sampler = Sampler { schedule: self.schedule, prediction: self.prediction };
        let y0 = match chain {
            Chain::Full => sampler.full(&mut around)?,
            Chain::Short(steps) => sampler.short(steps, &mut around)?,
        };
        ControlFlow::Continue(pictures(&self.diffused.image(&y0, &around.condition)))
    }
}

struct Around<'a, F> {
    upscaler: Upscaler<'a>,
    range: Range<usize>,
    condition: Tensor,
    sampling_seed: u64,
    tick: F,
}

impl<B, F: FnMut() -> ControlFlow<B>> Surroundings<B> for Around<'_, F> {
    fn predict(&mut self, y_t: &Tensor, level: NoiseLevel) -> Tensor {
        let (count, device) = (self.range.len() as i64, y_t.device());
        let level = Tensor::full([count, 1], level.signal, (Kind::Float, device));
        self.upscaler.network.forward(&self.condition, y_t, &level, Mode::Evaluate)
    }

    fn noise(&mut self, t: usize) -> Tensor {
        let size = &self.condition.size()[1..];
        let options = (Kind::Float, self.condition.device());
        let each = self.range.clone().map(|image| {
            let place = [self.sampling_seed, image as u64, t as u64];
            let mut stream = Stream::new(self.upscaler.seed, Purpose::Sampling, &place);
            tch::manual_seed(stream.torch_seed());
            Tensor::randn(size, options)
        });
        Tensor::stack(&each.collect::<Vec<_>>(), 0)
    }

    fn tick(&mut self) -> ControlFlow<B> {
        (self.tick)()
    }
}

/// `[N, 3, H, W]` in [-1, 1] as pictures.
fn pictures(images: &Tensor) -> Vec<Rgb> {
    let (n, c, h, w) = images.size4().expect("an image batch has four dimensions");
    let mut planes = vec![0.0_f32; images.numel()];
    let count = planes.len();
    images.to_device(tch::Device::Cpu).contiguous().copy_data(&mut planes, count);
    debug_assert_eq!((n * c * h * w) as usize, count);
    planes
        .chunks_exact((c * h * w) as usize)
        .map(|planes| Rgb::from_planes(w as usize, h as usize, planes))
        .collect()
}
