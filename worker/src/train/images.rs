//! Training images as tensors, kept in memory as far as they fit.

use std::cell::OnceCell;

use tch::{Device, Kind, Tensor};

use super::draw::Draw;
use crate::config::Image;
use crate::data::{DataError, Dataset};
use crate::image::{Rgb, bicubic};

/// What the kept images may take together; the others are read again each time.
const BUDGET_BYTES: usize = 4 << 30;

/// The training images.
pub struct Images {
    dataset: Dataset,
    size: usize,
    device: Device,
    kept: Vec<OnceCell<Sample>>,
}

/// One image as `[3, S, S]` bytes on the CPU.
#[derive(Debug)]
struct Sample {
    high: Tensor,
    condition: Tensor,
}

/// A batch in [-1, 1] on the device.
#[derive(Debug)]
pub struct Batch {
    /// The images, `[N, 3, S, S]`.
    pub high: Tensor,
    /// Their low-resolution versions, upsampled again, `[N, 3, S, S]`.
    pub condition: Tensor,
}

impl Images {
    /// The images of `dataset`, to be used on `device`.
    pub fn new(dataset: Dataset, image: &Image, device: Device) -> Self {
        let bytes = 2 * 3 * image.size * image.size;
        let kept = dataset.len().min(BUDGET_BYTES / bytes);
        let kept = std::iter::repeat_with(OnceCell::new).take(kept).collect();
        Self { dataset, size: image.size, device, kept }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.dataset.len()
    }

    /// The batch that `draw` names.
    pub fn batch(&self, draw: &Draw) -> Result<Batch, DataError> {
        let (mut high, mut condition) = (Vec::new(), Vec::new());
        for (&index, &flip) in draw.images.iter().zip(&draw.flips) {
            let sample = self.sample(index)?;
            let turned = |t: Tensor| if flip { t.flip([2]) } else { t };
            high.push(turned(sample.high));
            condition.push(turned(sample.condition));
        }
        Ok(Batch { high: self.floats(&high), condition: self.floats(&condition) })
    }

    fn sample(&self, index: usize) -> Result<Sample, DataError> {
        let Some(cell) = self.kept.get(index) else { return self.load(index) };
        if let Some(kept) = cell.get() {
            return Ok(kept.share());
        }
        let sample = self.load(index)?;
        Ok(cell.get_or_init(|| sample).share())
    }

    fn load(&self, index: usize) -> Result<Sample, DataError> {
        let pair = self.dataset.pair(index)?;
        let condition = bicubic::resize(&pair.low, self.size, self.size);
        Ok(Sample { high: planes(&pair.high), condition: planes(&condition) })
    }

    fn floats(&self, samples: &[Tensor]) -> Tensor {
        Tensor::stack(samples, 0).to_device(self.device).to_kind(Kind::Float) / 127.5 - 1.0
    }
}

impl Sample {
    fn share(&self) -> Self {
        Self { high: self.high.shallow_clone(), condition: self.condition.shallow_clone() }
    }
}

/// `[3, H, W]` bytes.
fn planes(image: &Rgb) -> Tensor {
    Tensor::from_slice(&image.pixels)
        .reshape([image.height as i64, image.width as i64, 3])
        .permute([2, 0, 1])
        .contiguous()
}
