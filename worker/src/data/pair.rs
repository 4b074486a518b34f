//! A pair of images of high and low resolution, and the parts of the data.

use crate::image::{Rgb, bicubic};

/// Raised whenever the pixels of a pair follow otherwise from the same file.
pub(super) const PREPARATION: u32 = 1;

/// A part of the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Split {
    /// Images for training.
    Train,
    /// Images for measuring only.
    Validation,
}

/// One image at all resolutions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    /// The truth, `size` pixels a side.
    pub high: Rgb,
    /// The input, `low` pixels a side.
    pub(crate) low: Rgb,
    /// The input upsampled, `size` pixels a side: the network's input.
    pub(crate) condition: Rgb,
}

impl Pair {
    /// The pair that follows from its truth.
    pub(super) fn of(high: Rgb, low: usize) -> Self {
        let (width, height) = (high.width, high.height);
        let low = bicubic::resize(&high, low, low);
        let condition = bicubic::resize(&low, width, height);
        Self { high, low, condition }
    }
}

impl std::fmt::Display for Split {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Train => "train",
            Self::Validation => "validation",
        })
    }
}
