//! Sampling images from a network.

use std::ops::ControlFlow;

use tch::{Kind, Tensor};

use crate::config::{self, Diffusion, Precision};
use crate::diffusion::sampler::{ChainContext, Sampler, Variance};
use crate::diffusion::schedule::{NoiseLevel, Schedule};
use crate::image::Rgb;
use crate::model::{Mode, Unet};
use crate::random::{Purpose, Stream};

/// A kind of chain and its length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Chain {
    /// Ancestral or deterministic.
    pub(crate) sampler: config::Sampler,
    /// Its steps, at most those of training.
    pub(crate) steps: usize,
}

/// Makes high-resolution images with one network.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Upscaler<'a> {
    /// Its weights may be raw or averaged.
    pub(crate) network: &'a Unet,
    /// The noise schedule of training.
    pub(crate) schedule: &'a Schedule,
    /// Prediction, residual and variance settings of the training.
    pub(crate) diffusion: &'a Diffusion,
    pub(crate) precision: Precision,
    /// The trial's seed; noise depends on it and on the sampling seed.
    pub(crate) seed: u64,
}

impl Upscaler<'_> {
    /// Samples images for the upsampled low-resolution images `condition`, `[N, 3, H, W]` in
    /// [-1, 1]. An image's noise follows from its number, whatever the others are. `tick` is called
    /// before each step, and may break.
    pub(crate) fn sample<B>(
        self,
        condition: &Tensor,
        numbers: impl Iterator<Item = usize> + Clone,
        chain: Chain,
        sampling_seed: u64,
        tick: impl FnMut() -> ControlFlow<B>,
    ) -> ControlFlow<B, Vec<Rgb>> {
        let _no_grad = tch::no_grad_guard();
        let mut context =
            UpscaleContext { upscaler: self, numbers, condition, sampling_seed, tick };
        let schedule = self.schedule.respaced(chain.steps);
        let (prediction, variance) = (self.diffusion.prediction, Variance::new(self.diffusion));
        let sampler = Sampler { schedule: &schedule, prediction, variance };
        let y0 = match chain.sampler {
            config::Sampler::Ddpm => sampler.ddpm(&mut context)?,
            config::Sampler::Ddim => sampler.ddim(&mut context)?,
        };
        ControlFlow::Continue(pictures(&self.diffusion.residual.image(&y0, condition)))
    }
}

struct UpscaleContext<'a, N, F> {
    upscaler: Upscaler<'a>,
    numbers: N,
    condition: &'a Tensor,
    sampling_seed: u64,
    tick: F,
}

impl<B, N, F> ChainContext<B> for UpscaleContext<'_, N, F>
where
    N: Iterator<Item = usize> + Clone,
    F: FnMut() -> ControlFlow<B>,
{
    fn predict(&mut self, y_t: &Tensor, level: NoiseLevel) -> Tensor {
        let (count, device) = (y_t.size()[0], y_t.device());
        let level = Tensor::full([count, 1], level.signal, (Kind::Float, device));
        let Upscaler { network, precision, .. } = self.upscaler;
        precision.run(device, || network.forward(self.condition, y_t, &level, Mode::Evaluate))
    }

    fn noise(&mut self, t: usize) -> Tensor {
        let size = &self.condition.size()[1..];
        let options = (Kind::Float, self.condition.device());
        let each = self.numbers.clone().map(|number| {
            let place = [self.sampling_seed, number as u64, t as u64];
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
