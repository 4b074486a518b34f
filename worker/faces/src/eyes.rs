//! Eyes, lids, lashes and brows.

use super::FaceParameters;
use super::canvas::{Canvas, Point, blob, curve};
use super::noise::noise;
use super::palette::{Colour, Traits, dim, hex, mix, times};
use super::rng::Rng;

const SCLERA: Colour = hex(0xd6_cfc8);
const LASH: Colour = hex(0x1c_1412);
/// Distance of each eye from the axis.
const APART: f32 = 0.13;

/// The shape of both eyes and brows.
pub(super) struct Eyes {
    width: f32,
    opening: f32,
    /// Height of the outer corner above the inner one.
    slant: f32,
    gaze: Point,
    iris: f32,
    lashes: f32,
    crease: f32,
    shadow: f32,
    brow: Brow,
}

struct Brow {
    thickness: f32,
    height: f32,
    arch: f32,
    opacity: f32,
}

impl Eyes {
    pub(super) fn sample(rng: &mut Rng, traits: &Traits) -> Self {
        let wears_makeup = traits.softness > 0.55 && rng.chance(0.6);
        Self {
            width: 0.058 + rng.around(0.006),
            opening: 0.0245 + 0.004 * traits.softness + rng.around(0.007),
            slant: 0.004 + rng.around(0.008),
            gaze: (rng.around(0.016), rng.around(0.006)),
            iris: 0.0255 + rng.around(0.002),
            lashes: if wears_makeup { rng.between(0.011, 0.016) } else { rng.between(0.006, 0.01) },
            crease: rng.between(0.15, 0.6),
            shadow: if wears_makeup { rng.between(0.1, 0.55) } else { 0.0 },
            brow: Brow {
                thickness: 0.02 - 0.008 * traits.softness + rng.around(0.005),
                height: 0.066 + rng.around(0.012),
                arch: 0.008 + 0.006 * traits.softness + rng.around(0.008),
                opacity: rng.between(0.6, 0.95),
            },
        }
    }

    pub(super) fn paint(&self, canvas: &mut Canvas, face: &FaceParameters) {
        for side in [-1.0, 1.0] {
            // The eye on the side that the head turns to is foreshortened.
            let narrowing = 1.0 - 0.12 * (face.turn * side).max(0.0);
            let place = |(x, y): Point| (side * (APART + x * narrowing), y);
            self.paint_lids(canvas, face, place);
            self.paint_ball(canvas, face, side, place);
            self.paint_lashes(canvas, place);
            self.paint_brow(canvas, face, place);
        }
    }

    /// Shade above the eye and the crease of the lid.
    fn paint_lids(
        &self,
        canvas: &mut Canvas,
        face: &FaceParameters,
        place: impl Fn(Point) -> Point,
    ) {
        let skin = face.traits.skin;
        let dark = times(dim(skin, 0.72), [0.78, 0.62, 0.58]);
        let lid = place((0.002, -self.opening - 0.006));
        let powder = mix(dark, LASH, 0.35);
        canvas.spray(
            lid,
            (self.width * 1.3, 0.03),
            mix(dark, powder, self.shadow),
            0.3 + self.shadow,
        );
        let (w, y) = (self.width, -self.opening * 1.1 - 0.014);
        let fold = [(-w * 0.95, y + 0.02), (-w * 0.3, y), (w * 0.4, y), (w * 1.1, y + 0.016)];
        canvas.stroke(&curve(&fold.map(place)), 0.007, dim(dark, 0.75), self.crease);
    }

    fn paint_ball(
        &self,
        canvas: &mut Canvas,
        face: &FaceParameters,
        side: f32,
        place: impl Fn(Point) -> Point,
    ) {
        let iris = face.traits.iris;
        let centre = (side * APART + self.gaze.0 + face.turn * 0.006, self.gaze.1 - 0.002);
        let glint = (centre.0 - 0.008, centre.1 - 0.009);
        let outline = self.outline().map(&place);
        canvas.paint(&blob(&outline), |(x, y)| {
            let square =
                |point: Point| (x - point.0) * (x - point.0) + (y - point.1) * (y - point.1);
            let radius = square(centre).sqrt() / self.iris;
            let from_axis = (x - side * APART) / self.width;
            let lid_shadow = ((y + self.opening) / (self.opening * 1.1)).clamp(0.35, 1.0);
            if square(glint) < 0.0058 * 0.0058 {
                return [0.97, 0.98, 1.0];
            }
            let ball = if radius < 0.42 {
                LASH
            } else if radius < 1.0 {
                let fibres = noise(face.grain, (x - centre.0) * 260.0, (y - centre.1) * 260.0);
                let rim = if radius > 0.82 { 0.5 } else { 1.0 + 0.2 * fibres };
                dim(iris, rim * (0.75 + 0.5 * radius))
            } else {
                dim(SCLERA, 1.0 - 0.28 * from_axis * from_axis)
            };
            dim(ball, lid_shadow)
        });
        let corner = place((-self.width * 0.97, self.slant * -0.6 + 0.004));
        canvas.spray(corner, (0.012, 0.009), times(face.traits.skin, [0.85, 0.55, 0.53]), 0.8);
    }

    fn paint_lashes(&self, canvas: &mut Canvas, place: impl Fn(Point) -> Point) {
        let [inner, rise, top, fall, outer, .., low] = self.outline();
        let upper = [
            inner,
            rise,
            top,
            fall,
            outer,
            (outer.0 + self.lashes * 0.8, outer.1 - self.lashes * 0.5),
        ];
        canvas.stroke(&curve(&upper.map(&place)), self.lashes, LASH, 0.9);
        let lower = [outer, (self.width * 0.3, self.opening * 0.84), low];
        canvas.stroke(&curve(&lower.map(place)), self.lashes * 0.5, LASH, 0.4);
    }

    fn paint_brow(
        &self,
        canvas: &mut Canvas,
        face: &FaceParameters,
        place: impl Fn(Point) -> Point,
    ) {
        let brow = &self.brow;
        let (w, y, t) = (self.width * 1.25, -brow.height, brow.thickness);
        let shape = [
            (-w, y),
            (-w * 0.2, y - brow.arch * 0.8 - t * 0.5),
            (w * 0.5, y - brow.arch - t * 0.45),
            (w * 1.08, y + 0.012),
            (w * 0.45, y - brow.arch + t * 0.4),
            (-w * 0.2, y - brow.arch * 0.7 + t * 0.5),
            (-w * 0.98, y + t * 0.7),
        ];
        let colour = mix(dim(face.traits.hair, 0.62), LASH, 0.25);
        canvas.blend(&blob(&shape.map(place)), |(x, y)| {
            let hairs = noise(face.grain ^ 2, x * 150.0 + y * 90.0 * x.signum(), y * 40.0);
            (dim(colour, 1.0 + 0.3 * hairs), brow.opacity * (0.85 + 0.25 * hairs).min(1.0))
        });
    }

    /// From the inner corner over the upper lid to the outer corner and back below.
    fn outline(&self) -> [Point; 8] {
        let (w, h, s) = (self.width, self.opening, self.slant);
        [
            (-w, s * 0.6 + 0.003),
            (-w * 0.55, -h * 0.72),
            (0.0, -h),
            (w * 0.6, -h * 0.7 - s * 0.5),
            (w, -s),
            (w * 0.5, h * 0.7),
            (-w * 0.1, h * 0.85),
            (-w * 0.6, h * 0.6),
        ]
    }
}
