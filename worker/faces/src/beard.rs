//! Beard, moustache and stubble.

use super::FaceParameters;
use super::canvas::{Canvas, Point, blob, falloff, mirrored};
use super::head::Head;
use super::noise::noise;
use super::palette::{Colour, Traits, dim, mix};
use super::rng::Rng;

pub(super) enum Beard {
    None,
    /// A shadow of this strength.
    Stubble(f32),
    /// A moustache, and a beard of this length below the chin.
    Full {
        length: f32,
        /// From 0 to 1.
        density: f32,
    },
}

impl Beard {
    pub(super) fn sample(rng: &mut Rng, traits: &Traits) -> Self {
        let grows = traits.softness < 0.45 && traits.age > 0.15;
        match rng.unit() {
            draw if !grows || draw < 0.4 => Self::None,
            draw if draw < 0.7 => Self::Stubble(rng.between(0.12, 0.4)),
            _ => Self::Full { length: rng.between(0.0, 0.05), density: rng.between(0.75, 1.0) },
        }
    }

    pub(super) fn paint(&self, canvas: &mut Canvas, face: &FaceParameters, head: &Head) {
        let shift = face.shift(0.3);
        match *self {
            Self::None => {}
            Self::Stubble(strength) => {
                let cover = beard_outline(head, -0.004, shift);
                canvas.blend(&cover, |point| (colour(face, point), strength * edge(point, shift)));
            }
            Self::Full { length, density } => {
                let cover = beard_outline(head, length, shift);
                canvas.blend(&cover, |point| (colour(face, point), density * edge(point, shift)));
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

fn colour(face: &FaceParameters, (x, y): Point) -> Colour {
    let across = x * 85.0 + y * 25.0 * x.signum();
    let hairs =
        noise(face.grain ^ 4, across, y * 22.0) + noise(face.grain ^ 5, x * 160.0, y * 60.0);
    let hair = mix(face.traits.hair, face.traits.skin, 0.12);
    face.light.on(dim(hair, 0.85 + 0.3 * hairs), (-x * 2.5, (0.28 - y) * 2.0))
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
