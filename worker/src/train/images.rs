//! Training images as batches of tensors.

use tch::{Device, Kind, Tensor};

use super::batch_sampler::BatchSample;
use crate::config::Config;
use crate::data::{self, DataError, Pack, PrepareContext, Split};

/// Prepared training images, of which batches are made.
pub struct Images {
    pack: Pack,
    side: usize,
    device: Device,
}

/// A batch in [-1, 1] on the device.
#[derive(Debug)]
pub struct Batch {
    /// The images, `[N, 3, S, S]`.
    pub(crate) high: Tensor,
    /// Their low-resolution versions, upsampled again, `[N, 3, S, S]`.
    pub(crate) condition: Tensor,
}

impl Images {
    /// The training images that `config` names, to be used on `device`.
    pub fn open(
        config: &Config,
        device: Device,
        context: &mut PrepareContext,
    ) -> Result<Self, DataError> {
        let dataset = data::open(&config.data, &config.image, Split::Train)?;
        Ok(Self { pack: dataset.pack(context)?, side: config.image.size, device })
    }

    /// Number of training images; never 0.
    pub fn count(&self) -> usize {
        self.pack.len()
    }

    /// The batch that `sample` names. A pair is mirrored as a whole or not at all.
    pub fn batch(&self, sample: &BatchSample) -> Batch {
        let bytes = sample.images.len() * 3 * self.side * self.side;
        let [mut truths, mut conditions] = [bytes; 2].map(Vec::with_capacity);
        for (&index, &flip) in sample.images.iter().zip(&sample.flips) {
            let [truth, condition] = self.pack.truth_and_condition(index);
            self.append(truth, flip, &mut truths);
            self.append(condition, flip, &mut conditions);
        }
        Batch { high: self.floats(&truths), condition: self.floats(&conditions) }
    }

    fn append(&self, planes: &[u8], flip: bool, batch: &mut Vec<u8>) {
        let start = batch.len();
        batch.extend_from_slice(planes);
        if flip {
            batch[start..].chunks_exact_mut(self.side).for_each(<[u8]>::reverse);
        }
    }

    fn floats(&self, bytes: &[u8]) -> Tensor {
        let side = self.side as i64;
        let bytes = Tensor::from_slice(bytes).to_device(self.device);
        let mut floats = bytes.to_kind(Kind::Float).reshape([-1, 3, side, side]);
        // In place: on a CPU, allocating twice more costs several times the arithmetic.
        floats /= 127.5;
        floats -= 1.0;
        floats
    }
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;

    use super::*;
    use crate::image::Rgb;

    #[test]
    fn a_batch_holds_the_pairs_drawn_each_mirrored_as_a_whole() {
        let mut config = Config::default();
        config.image = crate::config::Image { size: 16, low: 4 };
        config.data.train_count = Some(3);
        let mut go_on = |_, _| ControlFlow::Continue(());
        let context = &mut PrepareContext::new(None, 1, &mut go_on);
        let images = Images::open(&config, Device::Cpu, context).unwrap();
        let flips = vec![false, true, true];
        let sample = BatchSample {
            images: vec![2, 0, 2],
            flips: flips.clone(),
            levels: vec![],
            torch_seed: 0,
        };
        let batch = images.batch(&sample);
        assert_eq!(batch.high.size(), [3, 3, 16, 16]);
        let planes = |image: &Rgb| Tensor::from_slice(&image.to_planes()).reshape([3, 16, 16]);
        for (i, (&index, flip)) in sample.images.iter().zip(flips).enumerate() {
            let pair = images.pack.pair(index);
            for (ours, image) in [(&batch.high, &pair.high), (&batch.condition, &pair.condition)] {
                let expected = planes(image);
                let expected = if flip { expected.flip([2]) } else { expected };
                assert_eq!(ours.get(i as i64), expected, "image {i}");
            }
        }
    }
}
