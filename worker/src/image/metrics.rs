//! The scores of a super-resolved image, in the conventions of the SR3 code: 8-bit RGB, nothing
//! cropped, averaged over images by the caller.
//!
//! Every function panics when the two images differ in size.

use super::{Rgb, bicubic};

/// Side of SSIM's Gaussian window; a smaller image has no SSIM.
pub(crate) const WINDOW: usize = 11;
/// Standard deviation of SSIM's Gaussian window, in pixels.
const SIGMA: f64 = 1.5;

/// Peak signal-to-noise ratio in dB over all channels together; infinite for equal images.
pub(crate) fn psnr(image: &Rgb, truth: &Rgb) -> f64 {
    10.0 * (255.0 * 255.0 / mean_square_error(image, truth)).log10()
}

/// Structural similarity: Gaussian window, valid region, biased covariance, mean of the channels.
///
/// Panics when an image is smaller than the 11-pixel window.
pub(crate) fn ssim(image: &Rgb, truth: &Rgb) -> f64 {
    assert_same_size(image, truth);
    assert!(image.width.min(image.height) >= WINDOW, "SSIM needs at least {WINDOW} pixels a side");
    (0..3).map(|c| channel_ssim(&Plane::of(image, c), &Plane::of(truth, c))).sum::<f64>() / 3.0
}

/// Consistency with the input, the lower the better: the mean square error between the image,
/// reduced to the size of `low`, and `low`, in units of 1e-5 of the squared full range.
///
/// This is the SR3 paper's quantity; the numbers near 55 in the SR4 paper's Table 1 are
/// [`consistency_paper`]'s.
pub(crate) fn consistency(image: &Rgb, low: &Rgb) -> f64 {
    let reduced = bicubic::resize(image, low.width, low.height);
    mean_square_error(&reduced, low) / (255.0 * 255.0) * 1e5
}

/// The consistency of the SR4 paper's Table 1: image and truth are reduced to `width` x
/// `height` without antialiasing, and both their difference and its square wrap around at 256.
///
/// It is not a distance: an error of 16 counts as none and one of 17 as 33; it is here only so that
/// the paper's numbers can be compared.
pub(crate) fn consistency_paper(image: &Rgb, truth: &Rgb, (width, height): (usize, usize)) -> f64 {
    assert_same_size(image, truth);
    let [image, truth] = [image, truth].map(|i| bicubic::resize_aliased(i, width, height).pixels);
    let mut sum = 0;
    for (a, b) in image.iter().zip(&truth) {
        let difference = a.wrapping_sub(*b);
        sum += u64::from(difference.wrapping_mul(difference));
    }
    sum as f64 / image.len() as f64
}

/// Fine detail of the image as a share of the truth's: the ratio of their Laplacian
/// energies (the square of the 4-neighbour Laplacian, summed over inner pixels and channels).
///
/// A bicubic enlargement scores almost 0, the truth 1, noise more than 1. It says nothing about
/// whether the detail is the right one, which PSNR does; NaN when image and truth are both flat.
pub(crate) fn detail(image: &Rgb, truth: &Rgb) -> f64 {
    assert_same_size(image, truth);
    laplacian_energy(image) as f64 / laplacian_energy(truth) as f64
}

fn laplacian_energy(image: &Rgb) -> i64 {
    let stride = image.width * 3;
    let rows = image.pixels.chunks_exact(stride);
    let mut energy = 0;
    for ((above, row), below) in rows.clone().zip(rows.clone().skip(1)).zip(rows.skip(2)) {
        for x in 3..stride - 3 {
            let around = [above[x], below[x], row[x - 3], row[x + 3]].map(i64::from);
            energy += (around.iter().sum::<i64>() - 4 * i64::from(row[x])).pow(2);
        }
    }
    energy
}

fn mean_square_error(a: &Rgb, b: &Rgb) -> f64 {
    assert_same_size(a, b);
    let squares = a.pixels.iter().zip(&b.pixels).map(|(a, b)| u64::from(a.abs_diff(*b)).pow(2));
    squares.sum::<u64>() as f64 / a.pixels.len() as f64
}

fn assert_same_size(a: &Rgb, b: &Rgb) {
    assert_eq!((a.width, a.height), (b.width, b.height), "images to compare differ in size");
}

fn channel_ssim(a: &Plane, b: &Plane) -> f64 {
    const C1: f64 = (0.01 * 255.0) * (0.01 * 255.0);
    const C2: f64 = (0.03 * 255.0) * (0.03 * 255.0);
    let window = gaussian();
    let means = [a.smoothed(&window), b.smoothed(&window)];
    let moments = [a.times(a), b.times(b), a.times(b)].map(|plane| plane.smoothed(&window));
    let count = means[0].len();
    let mut sum = 0.0;
    for i in 0..count {
        let [mean_a, mean_b] = [means[0][i], means[1][i]];
        let variance = moments[0][i] - mean_a * mean_a + moments[1][i] - mean_b * mean_b;
        let covariance = moments[2][i] - mean_a * mean_b;
        sum += (2.0 * mean_a * mean_b + C1) * (2.0 * covariance + C2)
            / ((mean_a * mean_a + mean_b * mean_b + C1) * (variance + C2));
    }
    sum / count as f64
}

/// The window's one-dimensional factor; it sums to 1.
fn gaussian() -> [f64; WINDOW] {
    let bell = std::array::from_fn(|i| {
        let x = i as f64 - (WINDOW / 2) as f64;
        (-x * x / (2.0 * SIGMA * SIGMA)).exp()
    });
    let total: f64 = bell.iter().sum();
    bell.map(|weight| weight / total)
}

/// One channel in floating point.
struct Plane {
    width: usize,
    values: Vec<f64>,
}

impl Plane {
    fn of(image: &Rgb, channel: usize) -> Self {
        let codes = image.pixels.iter().skip(channel).step_by(3);
        Self { width: image.width, values: codes.copied().map(f64::from).collect() }
    }

    fn times(&self, other: &Self) -> Self {
        let products = self.values.iter().zip(&other.values).map(|(a, b)| a * b);
        Self { width: self.width, values: products.collect() }
    }

    /// Means under the window wherever it fits, row by row.
    fn smoothed(&self, window: &[f64; WINDOW]) -> Vec<f64> {
        let weigh = |values: &[f64]| values.iter().zip(window).map(|(v, w)| v * w).sum::<f64>();
        let rows = self.values.chunks_exact(self.width);
        let across: Vec<f64> = rows.flat_map(|row| row.windows(WINDOW).map(weigh)).collect();
        let width = self.width - WINDOW + 1;
        let height = across.len() / width - WINDOW + 1;
        let mut smoothed = vec![0.0; width * height];
        for (y, row) in smoothed.chunks_exact_mut(width).enumerate() {
            for (k, weight) in window.iter().enumerate() {
                let source = &across[(y + k) * width..][..width];
                row.iter_mut().zip(source).for_each(|(sum, value)| *sum += weight * value);
            }
        }
        smoothed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::golden::{self, assert_relative};

    #[test]
    fn psnr_and_ssim_match_the_reference() {
        let golden = golden::load();
        for (ours, theirs) in gaussian().into_iter().zip(golden.gaussian_window_1d) {
            assert_relative("gaussian_window_1d", ours, theirs);
        }
        for case in golden.metrics {
            let truth = golden::named(&case.image, case.height, case.width);
            let image = golden::perturb(&truth);
            assert_eq!(golden::digest(&truth), case.sha256_a);
            assert_eq!(golden::digest(&image), case.sha256_b);
            assert_relative("metrics", psnr(&image, &truth), case.psnr_rgb);
            assert_relative("metrics", ssim(&image, &truth), case.ssim_rgb);
            for (channel, expected) in case.ssim_per_channel.into_iter().enumerate() {
                let planes = [&image, &truth].map(|image| Plane::of(image, channel));
                assert_relative("metrics", channel_ssim(&planes[0], &planes[1]), expected);
            }
            assert!(psnr(&truth, &truth) > f64::MAX);
            assert_relative("metrics", ssim(&truth, &truth), 1.0);
        }
    }

    #[test]
    fn psnr_and_ssim_match_scikit_image() {
        let cases = golden::scikit_image();
        assert!(cases.len() > 4);
        for case in cases {
            let truth = golden::named(&case.image, case.height, case.width);
            let image = golden::degraded(&case.sr, &truth);
            assert_relative("scikit-image", psnr(&image, &truth), case.psnr);
            assert_relative("scikit-image", ssim(&image, &truth), case.ssim);
        }
    }

    #[test]
    fn consistency_matches_the_reference_and_the_papers_own_arithmetic() {
        for case in golden::load().consistency {
            let truth = golden::named(&case.image, 128, 128);
            let image = golden::degraded(&case.sr, &truth);
            let low = bicubic::resize(&truth, 16, 16);
            assert_relative("consistency", consistency(&image, &low), case.mse_unit_x1e5);
            let paper = consistency_paper(&image, &truth, (16, 16));
            assert!(paper.to_bits() == case.paper_table1_convention.to_bits(), "{paper}");
        }
    }

    #[test]
    fn detail_ranks_bicubic_truth_and_noise() {
        let truth = golden::smooth(128, 128);
        let low = bicubic::resize(&truth, 16, 16);
        assert!(detail(&bicubic::resize(&low, 128, 128), &truth) < 0.05);
        assert_relative("detail", detail(&truth, &truth), 1.0);
        assert!(detail(&golden::perturb(&truth), &truth) > 1.1);
        // A shift of all colours is an error, but no detail.
        let dark = Rgb { pixels: low.pixels.iter().map(|value| value / 2).collect(), ..low };
        assert_relative("detail", detail(&golden::brighter(&dark, 6), &dark), 1.0);
        // One dot of 9 on black: itself -36, its four neighbours 9.
        let mut dot = Rgb { width: 5, height: 5, pixels: vec![0; 75] };
        dot.pixels[37] = 9;
        assert_eq!(laplacian_energy(&dot), 36 * 36 + 4 * 81);
    }
}
