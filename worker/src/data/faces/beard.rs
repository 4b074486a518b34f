//! Beard, moustache and stubble.

use super::Sitter;
use super::canvas::{Canvas, Point, blob, falloff, mirrored};
use super::draw::Draw;
use super::head::Head;
use super::noise::noise;
use super::palette::{Colour, Nature, dim, mix};

/// How much of a beard there is.
pub(super) enum Beard {
    /// None at all.
    None,
    /// A shadow of this strength.
    Stubble(f32),
    /// A moustache, and a beard of this length below the chin.
    Full {
        /// How far it reaches below the chin.
        length: f32,
        /// How densely it grows, from 0 to 1.
        density: f32,
    },
}

impl Beard {
    pub(super) fn sample(draw: &mut Draw, nature: &Nature) -> Self {
        let grows = nature.softness < 0.45 && nature.age > 0.15;
        match draw.unit() {
            lot if !grows || lot < 0.4 => Self::None,
            lot if lot < 0.7 => Self::Stubble(draw.between(0.12, 0.4)),
            _ => Self::Full { length: draw.between(0.0, 0.05), density: draw.between(0.75, 1.0) },
        }
    }

    pub(super) fn paint(&self, canvas: &mut Canvas, sitter: &Sitter, head: &Head) {
        let shift = sitter.shift(0.3);
        match *self {
            Self::None => {}
            Self::Stubble(strength) => {
                let cover = beard_outline(head, -0.004, shift);
                canvas
                    .blend(&cover, |point| (colour(sitter, point), strength * edge(point, shift)));
            }
            Self::Full { length, density } => {
                let cover = beard_outline(head, length, shift);
                canvas.blend(&cover, |point| (colour(sitter, point), density * edge(point, shift)));
            }
        }
    }
}

/// Soft towards the cheeks, and thin below the lower lip.
fn edge(point: Point, shift: f32) -> f32 {
    let (x, y) = (point.0 - shift, point.1);
    let cheek = falloff((x, y), (0.0, 0.02), (0.27, 0.2));
    let ragged = 0.12 * noise(7, x * 60.0, y * 60.0);
    (1.0 - 9.0 * cheek + ragged).clamp(0.0, 1.0)
}

fn colour(sitter: &Sitter, (x, y): Point) -> Colour {
    let across = x * 85.0 + y * 25.0 * x.signum();
    let hairs =
        noise(sitter.grain ^ 4, across, y * 22.0) + noise(sitter.grain ^ 5, x * 160.0, y * 60.0);
    let hair = mix(sitter.nature.hair, sitter.nature.skin, 0.12);
    sitter.light.on(dim(hair, 0.85 + 0.3 * hairs), (-x * 2.5, (0.28 - y) * 2.0))
}

fn beard_outline(head: &Head, length: f32, shift: f32) -> tiny_skia::Path {
    let [_, _, _, _, ear, cheek, jaw, corner, chin] = head.outline();
    let half = [
        (0.0, 0.178),
        (0.1, 0.175),
        (0.17, 0.14),
        (ear.0 * 0.86, 0.08),
        (ear.0 * 0.97, 0.0),
        (ear.0 + 0.004, 0.08),
        (cheek.0 + 0.004, cheek.1),
        (jaw.0 + 0.006 + length * 0.3, jaw.1 + length * 0.5),
        (corner.0 + length * 0.4, corner.1 + length),
        (0.0, chin.1 + 0.004 + length * 1.2),
    ];
    let outline: Vec<Point> = mirrored(&half).into_iter().map(|(x, y)| (x + shift, y)).collect();
    blob(&outline)
}
