//! Synthetic aligned faces, each drawn from nothing but a seed.
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
use palette::Traits;
use rng::Rng;

/// Raised whenever any pixel of any face changes, so that results on different faces can
/// be distinguished.
pub const VERSION: u32 = 1;

/// The canvas has at least this many pixels a side, whatever the size asked for.
const CANVAS: usize = 96;

/// Draws the face of `seed` at `size` pixels a side: red, green and blue of each pixel, row by row from
/// the top.
pub fn render(seed: u64, size: usize) -> Vec<u8> {
    let rng = &mut Rng::new(seed);
    let face = FaceParameters::sample(rng);
    let backdrop = scene::Backdrop::sample(rng);
    let clothes = scene::Clothes::sample(rng);
    let head = head::Head::sample(rng, &face);
    let eyes = eyes::Eyes::sample(rng, &face.traits);
    let mouth = mouth::Mouth::sample(rng, &face.traits);
    let beard = beard::Beard::sample(rng, &face.traits);
    let hair = hair::Hair::sample(rng, &face.traits);
    let glasses = glasses::Glasses::sample(rng, &face.traits);

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

/// The parameters that every part of a face depends on.
struct FaceParameters {
    traits: Traits,
    light: Light,
    frame: Frame,
    /// Turn of the head, from -1 (to the left of the image) to 1.
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
            traits: Traits::sample(rng),
            light: Light::sample(rng),
            frame,
            turn: rng.around(1.0),
            grain: rng.bits(),
        }
    }

    /// The sideways movement that the turn causes. `depth` is 1 at the eyes, which stay
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

    /// The worker's first eight validation faces.
    const SEEDS: [u64; 8] = [
        0xf40f_4fde_2d3c_cb5b,
        0x9189_f4d5_31da_b338,
        0xc501_a396_74b3_4f63,
        0x85bb_65e6_cea9_270e,
        0xbcb1_7d94_a59b_7b83,
        0x0a1c_8324_5d6f_2562,
        0x5aea_2fc1_e962_dfea,
        0xd9af_b9e6_da7b_ac38,
    ];

    #[test]
    fn a_face_follows_from_its_seed_alone() {
        let face = render(1, 32);
        assert_eq!(face.len(), 32 * 32 * 3);
        assert_eq!(render(1, 32), face);
        let others: HashSet<_> = (0..20).map(|seed| render(seed, 32)).collect();
        assert_eq!(others.len(), 20);
    }

    /// The same on every machine and with every compiler; a change of the drawing needs a new
    /// [`VERSION`] and a new digest here.
    #[test]
    fn the_pixels_belong_to_this_version() {
        let pixels: Vec<u8> = SEEDS.into_iter().flat_map(|seed| render(seed, 32)).collect();
        let digest = base16ct::lower::encode_string(&Sha256::digest(&pixels)[..8]);
        assert_eq!((VERSION, digest.as_str()), (1, "9aecdba703202dcd"));
    }
}
