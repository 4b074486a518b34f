//! The scores of one image, and their means.

use std::collections::BTreeMap;

use experiments::protocol::events::MetricInfo;
use experiments::protocol::number::Number;

use crate::image::{Rgb, metrics};

/// One image's value of every metric in the table.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Scores {
    psnr: f64,
    ssim: f64,
    consistency: f64,
    consistency_paper: f64,
    detail: f64,
}

impl Scores {
    /// Scores `image` against its `truth` and the low-resolution image it was made from.
    pub(crate) fn of(image: &Rgb, truth: &Rgb, low: &Rgb) -> Self {
        Self {
            psnr: metrics::psnr(image, truth),
            ssim: metrics::ssim(image, truth),
            consistency: metrics::consistency(image, low),
            consistency_paper: metrics::consistency_paper(image, truth, (low.width, low.height)),
            detail: metrics::detail(image, truth),
        }
    }

    /// The mean of each score.
    pub(crate) fn mean(scores: &[Self]) -> Self {
        let mean =
            |score: fn(&Self) -> f64| scores.iter().map(score).sum::<f64>() / scores.len() as f64;
        Self {
            psnr: mean(|s| s.psnr),
            ssim: mean(|s| s.ssim),
            consistency: mean(|s| s.consistency),
            consistency_paper: mean(|s| s.consistency_paper),
            detail: mean(|s| s.detail),
        }
    }

    /// Peak signal-to-noise ratio in dB.
    pub(crate) fn psnr(self) -> f64 {
        self.psnr
    }

    /// The scores by the names that events give them, with `suffix`.
    pub(crate) fn named(self, suffix: &str) -> BTreeMap<String, Number> {
        let values = [self.psnr, self.ssim, self.consistency, self.consistency_paper, self.detail];
        let names = Self::descriptions().map(|(name, _)| format!("{name}{suffix}"));
        names.into_iter().zip(values.map(Number)).collect()
    }

    /// Names, without suffix, and their descriptions.
    pub(crate) fn descriptions() -> [(&'static str, MetricInfo); 5] {
        let info = |description: &str, unit: Option<&str>| MetricInfo {
            description: description.to_owned(),
            unit: unit.map(str::to_owned),
        };
        [
            (
                "psnr",
                info("Peak signal-to-noise ratio over RGB, 8 bit, nothing cropped", Some("dB")),
            ),
            (
                "ssim",
                info("Structural similarity, 11×11 Gaussian window, mean of R, G and B", None),
            ),
            (
                "consistency",
                info(
                    "Mean squared error between the image downsampled again (Pillow's bicubic) and \
                     the low-resolution image it was made from, on a scale of 0 to 1",
                    Some("1e-5"),
                ),
            ),
            (
                "consistency_paper",
                info(
                    "Consistency as the SR4 paper's Table 1 computes it, to compare with its numbers: \
                     image and truth downsampled without antialiasing, and squared differences of \
                     bytes that wrap at 256; no distance",
                    None,
                ),
            ),
            ("detail", info("High-frequency energy, as a share of the true image's", None)),
        ]
    }
}
