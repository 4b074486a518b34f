//! The validation images, read once and kept.

use std::ops::Range;

use tch::{Device, Tensor};

use super::Scores;

use crate::config::Config;
use crate::data::{self, DataError, Pair, PrepareContext, Split};
use crate::image::Rgb;

/// The first images of the validation set, with the network's input for each.
#[derive(Debug)]
pub(crate) struct Validation {
    /// As results name them; the other lists are in the same order.
    pub(crate) names: Vec<String>,
    /// At high resolution, S pixels a side.
    pub(crate) truths: Vec<Rgb>,
    /// At low resolution, as the model's task gives them.
    pub(crate) lows: Vec<Rgb>,
    /// The low-resolution images, upsampled by bicubic interpolation.
    pub(crate) upsampled: Vec<Rgb>,
    /// The same in [-1, 1] on the device, `[N, 3, S, S]`.
    condition: Tensor,
    /// Images, from the first, behind a point of the validation curve.
    pub(crate) curve: usize,
    /// Images, from the first, behind the final measurement.
    pub(crate) last: usize,
}

impl Validation {
    /// Prepares as many images as `config` measures.
    pub(crate) fn open(
        config: &Config,
        device: Device,
        context: &mut PrepareContext,
    ) -> Result<Self, DataError> {
        let mut dataset = data::open(&config.data, &config.image, Split::Validation)?;
        let last = config.evaluation.images.unwrap_or(usize::MAX).min(dataset.len());
        let curve = config.evaluation.curve_images.min(dataset.len());
        dataset.truncate(last.max(curve));
        let pack = dataset.pack(context)?;
        let names = (0..dataset.len()).map(|i| dataset.name(i)).collect();
        let (mut truths, mut lows, mut upsampled) = (Vec::new(), Vec::new(), Vec::new());
        for Pair { high, low, condition } in (0..pack.len()).map(|i| pack.pair(i)) {
            truths.push(high);
            lows.push(low);
            upsampled.push(condition);
        }
        let planes: Vec<f32> = upsampled.iter().flat_map(Rgb::to_planes).collect();
        let side = config.image.size as i64;
        let condition = Tensor::from_slice(&planes).reshape([-1, 3, side, side]).to_device(device);
        Ok(Self { names, truths, lows, upsampled, condition, curve, last })
    }

    /// The first `count` images in batches of at most `batch`.
    pub(crate) fn batches(count: usize, batch: usize) -> impl Iterator<Item = Range<usize>> {
        (0..count).step_by(batch).map(move |start| start..count.min(start + batch))
    }

    /// The network's input for the images of `range`, `[N, 3, S, S]` in [-1, 1].
    pub(crate) fn conditions(&self, range: Range<usize>) -> Tensor {
        self.condition.narrow(0, range.start as i64, range.len() as i64)
    }

    /// Scores `images`, the outputs for the images of `range`.
    pub(crate) fn scores(&self, range: Range<usize>, images: &[Rgb]) -> Vec<Scores> {
        range
            .zip(images)
            .map(|(i, image)| Scores::of(image, &self.truths[i], &self.lows[i]))
            .collect()
    }
}
