//! Pillow's bicubic resize, bit for bit, and PyTorch's that aliases.
//!
//! The low-resolution inputs and the consistency score of SR3 rest on Pillow's filter, so the pixels
//! must be its own: a = -0.5, support widened when shrinking, weights in 22-bit fixed point, the
//! horizontal pass rounded to bytes before the vertical one.

use std::ops::Range;

use super::Rgb;

/// Half the filter's width in source pixels, when enlarging.
const SUPPORT: f64 = 2.0;
/// Fraction bits of a weight.
const PRECISION: u32 = 22;

/// Resizes to `width` x `height`, both at least 1, as Pillow's `Image.resize` does with `BICUBIC`.
///
/// Other shapes than squares follow Pillow 11, where the horizontal pass always comes first.
#[must_use]
pub fn resize(image: &Rgb, width: usize, height: usize) -> Rgb {
    let across = if width == image.width { image.clone() } else { horizontal(image, width) };
    if height == image.height { across } else { vertical(&across, height) }
}

fn horizontal(image: &Rgb, width: usize) -> Rgb {
    let taps = Taps::all(image.width, width);
    let mut pixels = Vec::with_capacity(width * image.height * 3);
    for row in image.pixels.chunks_exact(image.width * 3) {
        for tap in &taps {
            pixels.extend((0..3).map(|c| tap.apply(|position| row[position * 3 + c])));
        }
    }
    Rgb { width, height: image.height, pixels }
}

fn vertical(image: &Rgb, height: usize) -> Rgb {
    let stride = image.width * 3;
    let mut pixels = Vec::with_capacity(stride * height);
    for tap in Taps::all(image.height, height) {
        pixels.extend((0..stride).map(|x| tap.apply(|row| image.pixels[row * stride + x])));
    }
    Rgb { width: image.width, height, pixels }
}

/// Resizes as PyTorch's tensors of bytes are by `interpolate(mode="bicubic", antialias=False)`:
/// a = -0.75, four taps a side however much the image shrinks, the border repeated, rounded once.
///
/// PyTorch computes in single precision, this in double: where the ratio of the sizes is not a power
/// of two, a value that is half-way between two codes may round to the other one there.
#[must_use]
pub(crate) fn resize_aliased(image: &Rgb, width: usize, height: usize) -> Rgb {
    let columns = four_taps(image.width, width);
    let mut pixels = Vec::with_capacity(width * height * 3);
    for row in &four_taps(image.height, height) {
        for column in &columns {
            pixels.extend((0..3).map(|c| {
                let mut value = 0.0;
                for &(y, row_weight) in row {
                    let mut across = 0.0;
                    for &(x, column_weight) in column {
                        let code = image.pixels[(y * image.width + x) * 3 + c];
                        across += column_weight * f64::from(code);
                    }
                    value += row_weight * across;
                }
                value.round_ties_even().clamp(0.0, 255.0) as u8
            }));
        }
    }
    Rgb { width, height, pixels }
}

/// Positions and weights of the sources of each output position.
fn four_taps(source: usize, target: usize) -> Vec<[(usize, f64); 4]> {
    let scale = source as f64 / target as f64;
    let mut taps = Vec::with_capacity(target);
    for i in 0..target {
        let centre = (i as f64 + 0.5) * scale - 0.5;
        let first = centre.floor() - 1.0;
        taps.push(std::array::from_fn(|k| {
            let position = first + k as f64;
            let weight = cubic(position - centre, -0.75);
            (position.clamp(0.0, (source - 1) as f64) as usize, weight)
        }));
    }
    taps
}

/// The source positions of one output position, and their fixed-point weights.
struct Taps {
    positions: Range<usize>,
    weights: Vec<i32>,
}

impl Taps {
    fn all(source: usize, target: usize) -> Vec<Self> {
        let scale = source as f64 / target as f64;
        (0..target).map(|i| Self::at((i as f64 + 0.5) * scale, scale.max(1.0), source)).collect()
    }

    fn at(centre: f64, stretch: f64, source: usize) -> Self {
        let reach = SUPPORT * stretch;
        // Truncated towards zero and clamped at the border, as a C cast does it.
        let first = (centre - reach + 0.5).max(0.0) as usize;
        let last = ((centre + reach + 0.5) as usize).min(source);
        // Pillow multiplies by the reciprocal; dividing would round differently.
        let shrink = 1.0 / stretch;
        let weight = |position: usize| cubic((position as f64 - centre + 0.5) * shrink, -0.5);
        let total: f64 = (first..last).map(weight).sum();
        let weights = (first..last).map(|position| fixed(weight(position) / total)).collect();
        Self { positions: first..last, weights }
    }

    fn apply(&self, value: impl Fn(usize) -> u8) -> u8 {
        let half = 1 << (PRECISION - 1);
        let taps = self.positions.clone().zip(&self.weights);
        let sum = taps.fold(half, |sum, (at, weight)| sum + i32::from(value(at)) * weight);
        (sum >> PRECISION).clamp(0, 255) as u8
    }
}

/// Rounded half away from zero.
fn fixed(weight: f64) -> i32 {
    (weight * f64::from(1 << PRECISION)).round() as i32
}

/// Keys' cubic convolution kernel, whose slope at 1 is `a`.
fn cubic(x: f64, a: f64) -> f64 {
    let x = x.abs();
    if x < 1.0 {
        ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0
    } else if x < 2.0 {
        (((x - 5.0) * x + 8.0) * x - 4.0) * a
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::golden::{self, digest};

    #[test]
    fn pixels_are_pillows() {
        let golden = golden::load();
        assert!(golden.bicubic.len() > 12);
        for case in golden.bicubic {
            let (height, width) = case.from;
            let image = golden::named(&case.image, height, width);
            let down = resize(&image, case.to.1, case.to.0);
            assert_eq!(digest(&down), case.sha256, "{} {:?}->{:?}", case.image, case.from, case.to);
            if let Some(expected) = case.up_again_sha256 {
                assert_eq!(digest(&resize(&down, width, height)), expected, "{} up", case.image);
            }
        }
    }

    #[test]
    fn aliased_pixels_are_pytorchs() {
        let golden = golden::load();
        assert!(golden.bicubic_aliased.len() > 4);
        for case in golden.bicubic_aliased {
            let image = golden::named(&case.image, case.from.0, case.from.1);
            let resized = resize_aliased(&image, case.to.1, case.to.0);
            assert_eq!(digest(&resized), case.sha256, "{} {:?}", case.image, case.to);
        }
    }

    #[test]
    fn weights_are_the_references() {
        for case in golden::load().weights {
            let tap = &Taps::all(case.from, case.to)[case.out];
            assert_eq!(tap.positions, case.first..case.first + case.weights.len());
            for (ours, theirs) in tap.weights.iter().zip(case.weights) {
                assert!(
                    (f64::from(*ours) - theirs * f64::from(1 << PRECISION)).abs() <= 0.5 + 1e-6
                );
            }
        }
    }

    #[test]
    fn a_flat_image_stays_flat() {
        let flat = Rgb { width: 13, height: 9, pixels: vec![201; 13 * 9 * 3] };
        let resized = resize(&flat, 40, 5);
        assert_eq!((resized.width, resized.height), (40, 5));
        assert!(resized.pixels.iter().all(|&value| value == 201));
    }
}
