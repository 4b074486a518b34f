//! Golden vectors for the image tests, and the formula images that they were computed on.

use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::{Rgb, bicubic};

const TOLERANCE: f64 = 1e-9;

/// Fails unless `difference` is within the tolerance of the golden vectors in f64, and prints it: with
/// `cargo test -p worker -- --nocapture` the differences of a section can be read off.
#[track_caller]
#[expect(clippy::print_stdout, reason = "the figures are for people")]
pub(crate) fn assert_within(section: &str, difference: f64) {
    println!("{section}: off by {difference:.1e}, {TOLERANCE:e} allowed");
    assert!(difference <= TOLERANCE, "{section}: off by {difference:e}, {TOLERANCE:e} allowed");
}

/// Compares relative to what is expected; 0 must be met exactly.
#[track_caller]
pub(crate) fn assert_relative(section: &str, actual: f64, expected: f64) {
    let difference = (actual - expected).abs();
    assert_within(section, if difference > 0.0 { difference / expected.abs() } else { difference });
}

/// `tests/golden/images.json`; its own `about` field says where the numbers come from.
#[derive(Deserialize)]
pub(super) struct Golden {
    pub(super) tensor_to_u8: TensorToU8,
    pub(super) gaussian_window_1d: Vec<f64>,
    pub(super) metrics: Vec<MetricsCase>,
    pub(super) bicubic: Vec<BicubicCase>,
    pub(super) bicubic_aliased: Vec<BicubicCase>,
    pub(super) weights: Vec<WeightsCase>,
    pub(super) consistency: Vec<ConsistencyCase>,
}

#[derive(Deserialize)]
pub(super) struct TensorToU8 {
    pub(super) x: Vec<f64>,
    pub(super) u8: Vec<u8>,
}

#[derive(Deserialize)]
pub(super) struct MetricsCase {
    pub(super) image: String,
    pub(super) height: usize,
    pub(super) width: usize,
    pub(super) sha256_a: String,
    pub(super) sha256_b: String,
    pub(super) psnr_rgb: f64,
    pub(super) ssim_rgb: f64,
    pub(super) ssim_per_channel: Vec<f64>,
}

/// Sizes are (height, width).
#[derive(Deserialize)]
pub(super) struct BicubicCase {
    pub(super) image: String,
    pub(super) from: (usize, usize),
    pub(super) to: (usize, usize),
    pub(super) sha256: String,
    pub(super) up_again_sha256: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct WeightsCase {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) out: usize,
    pub(super) first: usize,
    pub(super) weights: Vec<f64>,
}

#[derive(Deserialize)]
pub(super) struct ConsistencyCase {
    pub(super) image: String,
    pub(super) sr: String,
    pub(super) mse_unit_x1e5: f64,
    pub(super) paper_table1_convention: f64,
}

pub(super) fn load() -> Golden {
    serde_json::from_str(include_str!("../../tests/golden/images.json")).unwrap()
}

/// A line of `tests/golden/scikit_image.json`, which `scikit_image.py` beside it writes.
#[derive(Deserialize)]
pub(super) struct ScikitImageCase {
    pub(super) image: String,
    pub(super) height: usize,
    pub(super) width: usize,
    pub(super) sr: String,
    pub(super) psnr: f64,
    pub(super) ssim: f64,
}

pub(super) fn scikit_image() -> Vec<ScikitImageCase> {
    serde_json::from_str(include_str!("../../tests/golden/scikit_image.json")).unwrap()
}

pub(super) fn digest(image: &Rgb) -> String {
    base16ct::lower::encode_string(&Sha256::digest(&image.pixels))
}

pub(super) fn named(name: &str, height: usize, width: usize) -> Rgb {
    match name {
        "texture" => texture(height, width),
        "smooth" => smooth(height, width),
        other => panic!("no formula image is called {other}"),
    }
}

pub(crate) fn texture(height: usize, width: usize) -> Rgb {
    formula(height, width, |x, y, c| {
        let waves = (x * x * (c + 1) + 3 * y * y + x * y * (2 - c)) / 16;
        (waves + 37 * c + (x / 8 + y / 8) % 2 * 64) % 256
    })
}

pub(crate) fn smooth(height: usize, width: usize) -> Rgb {
    formula(height, width, |x, y, c| {
        let inside = |cx, cy, square| i32::from((x - cx) * (x - cx) + (y - cy) * (y - cy) < square);
        let slope = ((5 * x + 3 * y + 40 * c) % 256 - 128).abs();
        64 + slope + 90 * inside(64, 64, 1600) - 150 * inside(50, 52, 60)
    })
}

pub(super) fn perturb(image: &Rgb) -> Rgb {
    formula(image.height, image.width, |x, y, c| {
        let at = (y as usize * image.width + x as usize) * 3 + c as usize;
        i32::from(image.pixels[at]) + (7 * x + 13 * y + 5 * c) % 21 - 10
    })
}

pub(super) fn brighter(image: &Rgb, step: u8) -> Rgb {
    let pixels = image.pixels.iter().map(|value| value.saturating_add(step)).collect();
    Rgb { width: image.width, height: image.height, pixels }
}

/// What the golden files call `name`, made from a high-resolution image.
pub(super) fn degraded(name: &str, truth: &Rgb) -> Rgb {
    let low = || bicubic::resize(truth, truth.width / 8, truth.height / 8);
    match name {
        "ground truth" => truth.clone(),
        "perturb(hr)" => perturb(truth),
        "bicubic up of lr" => bicubic::resize(&low(), truth.width, truth.height),
        "hr + 6 clipped" => brighter(truth, 6),
        other => panic!("no image is made by {other}"),
    }
}

fn formula(height: usize, width: usize, value: impl Fn(i32, i32, i32) -> i32) -> Rgb {
    let pixels = (0..height * width * 3)
        .map(|i| {
            let (x, y, c) = (i / 3 % width, i / 3 / width, i % 3);
            value(x as i32, y as i32, c as i32).clamp(0, 255) as u8
        })
        .collect();
    Rgb { width, height, pixels }
}
