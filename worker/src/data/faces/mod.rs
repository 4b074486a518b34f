//! Made-up aligned faces, drawn from nothing but a seed and an index.
//!
//! They stand in for FFHQ where there is no data: framed like it (eyes level, chin inside), varied
//! in looks, hair, light and setting, and with fine texture that a bicubic enlargement cannot bring
//! back. The same face comes out at every size, and on every machine: basic arithmetic and square
//! roots only, no trigonometry, no system noise.

mod beard;
mod canvas;
mod eyes;
mod glasses;
mod hair;
mod head;
mod light;
mod mouth;
mod noise;
mod palette;
mod rng;
mod scene;

use canvas::{Canvas, Frame};
use light::Light;
use palette::Nature;
use rng::Rng;

use crate::image::Rgb;

/// Raised whenever any pixel of any face changes, so that results on other faces are told apart.
pub(super) const VERSION: u32 = 1;

/// The canvas has at least this many pixels a side, whatever the size asked for.
const CANVAS: usize = 96;

/// Draws face `index` of the family `seed` at `size` pixels a side.
pub(super) fn render(seed: u64, index: u64, size: usize) -> Rgb {
    let rng = &mut Rng::new(seed, index);
    let face = FaceParameters::sample(rng);
    let backdrop = scene::Backdrop::sample(rng);
    let clothes = scene::Clothes::sample(rng);
    let head = head::Head::sample(rng, &face);
    let eyes = eyes::Eyes::sample(rng, &face.nature);
    let mouth = mouth::Mouth::sample(rng, &face.nature);
    let beard = beard::Beard::sample(rng, &face.nature);
    let hair = hair::Hair::sample(rng, &face.nature);
    let glasses = glasses::Glasses::sample(rng, &face.nature);

    let oversampling = CANVAS.div_ceil(size).max(2);
    let canvas = &mut Canvas::new(size * oversampling, &face.frame, |x, y| backdrop.at(x, y));
    hair.paint_behind(canvas, &face);
    head.paint_neck(canvas, &face);
    clothes.paint(canvas, &face);
    head.paint(canvas, &face);
    beard.paint(canvas, &face, &head);
    mouth.paint(canvas, &face);
    head.paint_nose(canvas, &face);
    eyes.paint(canvas, &face);
    hair.paint_before(canvas, &face, &head);
    glasses.paint(canvas, &face);
    canvas.reduced(size)
}

/// What every part of a face goes by.
struct FaceParameters {
    nature: Nature,
    light: Light,
    frame: Frame,
    /// How far the head turns, from -1 (to the left of the image) to 1.
    turn: f32,
    /// Seeds the grain of everything.
    grain: u32,
}

impl FaceParameters {
    fn sample(rng: &mut Rng) -> Self {
        let frame = Frame {
            centre: (0.5 + rng.around(0.012), 0.48 + rng.around(0.015)),
            zoom: rng.between(0.97, 1.1),
            tilt: rng.around(0.055),
        };
        Self {
            nature: Nature::sample(rng),
            light: Light::sample(rng),
            frame,
            turn: rng.around(1.0),
            grain: rng.bits(),
        }
    }

    /// How far something moves sideways because of the turn. `depth` is 1 at the eyes, which stay
    /// where they are, 0 at the outline of the head, above 1 for what sticks out.
    fn shift(&self, depth: f32) -> f32 {
        self.turn * (depth - 1.0) * 0.055
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use sha2::{Digest, Sha256};

    use super::*;
    use crate::image::{bicubic, metrics};

    #[test]
    fn a_face_follows_from_seed_and_index_alone() {
        let face = render(1, 7, 32);
        assert_eq!((face.width, face.height, face.pixels.len()), (32, 32, 32 * 32 * 3));
        assert_eq!(render(1, 7, 32), face);
        let others: HashSet<_> = (0..20).map(|i| render(1 + i / 10, i % 10, 32).pixels).collect();
        assert_eq!(others.len(), 20);
    }

    /// The same on every machine and with every compiler; a change of the drawing needs a new
    /// [`VERSION`] and a new digest here.
    #[test]
    fn the_pixels_belong_to_this_version() {
        let pixels: Vec<u8> = (0..8).flat_map(|i| render(2, i, 32).pixels).collect();
        let digest = base16ct::lower::encode_string(&Sha256::digest(&pixels)[..8]);
        assert_eq!((VERSION, digest.as_str()), (1, "9aecdba703202dcd"));
    }

    #[test]
    fn sizes_show_the_same_face() {
        for index in 0..4 {
            let small = render(3, index, 32);
            let reduced = bicubic::resize(&render(3, index, 128), 32, 32);
            assert!(metrics::psnr(&small, &reduced) > 26.0, "face {index}");
        }
    }

    /// Between 19 and 24 dB, as bicubic enlargements of photographs score at these sizes.
    #[test]
    fn faces_hold_detail_that_bicubic_loses() {
        for (size, low) in [(32, 8), (128, 16)] {
            let psnr = |index| {
                let face = render(2, index, size);
                let enlarged = bicubic::resize(&bicubic::resize(&face, low, low), size, size);
                metrics::psnr(&enlarged, &face)
            };
            let mean = (0..24).map(psnr).sum::<f64>() / 24.0;
            assert!((19.0..24.0).contains(&mean), "{mean} dB at {size} pixels");
        }
    }
}
