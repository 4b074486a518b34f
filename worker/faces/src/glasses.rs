//! Glasses, for some.

use super::FaceParameters;
use super::canvas::{Canvas, blob, curve};
use super::palette::{Colour, Traits, hex};
use super::rng::Rng;

const FRAMES: [u32; 6] = [0x16_1414, 0x2a_1c16, 0x6a_5a50, 0x8a_8c90, 0x5a_2a22, 0x22_2a40];

/// A pair of glasses, or none.
pub(super) struct Glasses(Option<Pair>);

struct Pair {
    colour: Colour,
    wire: f32,
    width: f32,
    height: f32,
    /// 1 for an ellipse, more for boxier lenses.
    boxy: f32,
    glare: f32,
}

impl Glasses {
    pub(super) fn sample(rng: &mut Rng, traits: &Traits) -> Self {
        Self(rng.chance(0.12 + 0.25 * traits.age).then(|| Pair {
            colour: hex(rng.pick(&FRAMES)),
            wire: rng.between(0.007, 0.018),
            width: rng.between(0.085, 0.105),
            height: rng.between(0.055, 0.078),
            boxy: rng.between(1.0, 1.25),
            glare: rng.between(0.0, 0.22),
        }))
    }

    pub(super) fn paint(&self, canvas: &mut Canvas, face: &FaceParameters) {
        if let Some(pair) = &self.0 {
            pair.paint(canvas, face);
        }
    }
}

impl Pair {
    fn paint(&self, canvas: &mut Canvas, face: &FaceParameters) {
        let shift = face.shift(1.2);
        let line = |canvas: &mut Canvas, points: &[(f32, f32)]| {
            let moved: Vec<_> = points.iter().map(|&(x, y)| (x + shift, y)).collect();
            canvas.stroke(&curve(&moved), self.wire, self.colour, 0.95);
        };
        for side in [-1.0, 1.0] {
            let lens = self.lens(side, shift);
            let glass = blob(&lens);
            canvas
                .blend(&glass, |(x, y)| ([0.9, 0.95, 1.0], self.shine(x - shift - side * 0.13, y)));
            let mut rim = lens.to_vec();
            rim.extend([lens[0], lens[1]]);
            canvas.stroke(&curve(&rim), self.wire, self.colour, 0.95);
            let hinge = side * (0.135 + self.width);
            line(canvas, &[(hinge, -0.015), (side * 0.31, -0.02)]);
        }
        let inner = 0.135 - self.width;
        line(canvas, &[(-inner, -0.012), (0.0, -0.022), (inner, -0.012)]);
    }

    fn lens(&self, side: f32, shift: f32) -> [(f32, f32); 8] {
        let (w, h, d) = (self.width, self.height, 0.707 * self.boxy);
        let ring = [
            (w, 0.0),
            (w * d, h * d),
            (0.0, h),
            (-w * d, h * d),
            (-w, 0.0),
            (-w * d, -h * d),
            (0.0, -h),
            (w * d, -h * d),
        ];
        ring.map(|(x, y)| (shift + side * 0.135 + x, y + 0.008))
    }

    /// Two slanting streaks of reflected light.
    fn shine(&self, x: f32, y: f32) -> f32 {
        let slant = (x + y * 0.7) / self.width;
        let streak = |from: f32, to: f32| f32::from(u8::from(slant > from && slant < to));
        0.03 + self.glare * (streak(-0.55, -0.25) + streak(-0.15, -0.05))
    }
}
