//! The problems of folders that cannot be scored.

use std::fmt;
use std::io;
use std::path::PathBuf;

use crate::image::Rgb;
use crate::image::metrics::WINDOW;

/// A reason not to score the folders.
#[derive(Debug, thiserror::Error)]
pub(super) enum Problem {
    /// A folder cannot be listed; the message names it.
    #[error(transparent)]
    Folder(io::Error),
    #[error("`{}` holds no PNG or JPEG image", .0.display())]
    Empty(PathBuf),
    #[error("`{name}` is not in `{}`", folder.display())]
    Missing { name: String, folder: PathBuf },
    #[error("`{}` and `{}` have the same name", .0.display(), .1.display())]
    SameName(PathBuf, PathBuf),
    /// An image or the network's weights cannot be read.
    #[error("{0:#}")]
    Unreadable(anyhow::Error),
    #[error("`{name}` has {sr} pixels in SR, {hr} in HR")]
    Sizes { name: String, sr: Size, hr: Size },
    #[error("`{name}` has {size} pixels, too few for SSIM's window of {WINDOW}×{WINDOW}")]
    TooSmall { name: String, size: Size },
    #[error("`{name}` has {hr} pixels, a low-resolution image of {low} is not a reduction of it")]
    NoReduction { name: String, low: Size, hr: Size },
}

/// An image's size in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Size {
    pub(super) width: usize,
    pub(super) height: usize,
}

impl Size {
    pub(super) fn of(image: &Rgb) -> Self {
        Self { width: image.width, height: image.height }
    }

    pub(super) fn shorter(self) -> usize {
        self.width.min(self.height)
    }

    /// The size of the same shape, up to rounding, whose shorter side is `side`.
    pub(super) fn scaled_to(self, side: usize) -> Self {
        let scale = side as f64 / self.shorter() as f64;
        let [width, height] =
            [self.width, self.height].map(|s| (s as f64 * scale).round() as usize);
        Self { width, height }
    }

    /// True if `low` is not larger and of the same shape, up to rounding.
    pub(super) fn reduces_to(self, low: Self) -> bool {
        let skew = (self.width * low.height).abs_diff(self.height * low.width);
        low.width <= self.width && low.height <= self.height && skew <= self.width.max(self.height)
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}×{}", self.width, self.height)
    }
}
