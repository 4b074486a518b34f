//! The head: outline, skin with its relief, ears, nose and neck.

use tiny_skia::Path;

use super::FaceParameters;
use super::canvas::{Canvas, Point, blob, curve, falloff, mirrored, oval};
use super::light::{Bump, Relief};
use super::noise::noise;
use super::palette::{Colour, dim, mix, times};
use super::rng::Rng;

/// Blood under the skin.
const FLUSH: Colour = [1.0, 0.76, 0.74];
/// Tint of skin that little light reaches.
const HOLLOW: Colour = [0.64, 0.52, 0.48];

/// Shape and skin of one head.
pub(super) struct Head {
    /// Half the width at the cheeks.
    pub(super) width: f32,
    jaw: f32,
    pub(super) chin: f32,
    neck: f32,
    nose: Point,
    relief: Relief,
    flush: f32,
    freckles: f32,
    folds: f32,
    gloss: f32,
}

impl Head {
    pub(super) fn sample(rng: &mut Rng, face: &FaceParameters) -> Self {
        let traits = &face.traits;
        let width = 0.285 + rng.around(0.02);
        let chin = 0.435 + rng.around(0.025);
        let nose = (rng.between(0.04, 0.06), 0.135 + rng.around(0.02));
        let freckled = traits.fairness > 0.55 && rng.chance(0.25);
        Self {
            width,
            jaw: 0.195 - 0.035 * traits.softness + rng.around(0.015),
            chin,
            neck: 0.19 - 0.04 * traits.softness,
            nose,
            relief: relief(face, width, chin, nose),
            flush: rng.between(0.1, 0.5),
            freckles: if freckled { rng.between(0.3, 0.8) } else { 0.0 },
            folds: (traits.age - 0.35).max(0.0) * rng.between(0.3, 0.9),
            gloss: rng.between(0.03, 0.22),
        }
    }

    /// Half of the outline, from the crown to the chin.
    pub(super) fn outline(&self) -> [Point; 9] {
        let width = self.width;
        [
            (0.0, -0.372),
            (0.13, -0.352),
            (width * 0.92, -0.22),
            (width, -0.06),
            (width * 0.985, 0.08),
            (width * 0.86, 0.22),
            (self.jaw, 0.33),
            (0.088, self.chin - 0.016),
            (0.0, self.chin),
        ]
    }

    /// The neck, in the shadow of the chin.
    pub(super) fn paint_neck(&self, canvas: &mut Canvas, face: &FaceParameters) {
        let skin = face.traits.skin;
        let neck = self.neck;
        let half = [(0.0, 0.1), (neck, 0.1), (neck * 0.96, 0.42), (neck * 1.15, 0.55), (0.0, 0.9)];
        canvas.paint(&blob(&mirrored(&half)), |(x, y)| {
            let lit = face.light.on(skin, (-x / neck * 0.9, 0.25));
            let shadow = ((self.chin + 0.09 - y) / 0.1).clamp(0.0, 1.0);
            mix(lit, times(lit, HOLLOW), 0.2 + 0.6 * shadow)
        });
    }

    pub(super) fn paint(&self, canvas: &mut Canvas, face: &FaceParameters) {
        self.paint_ears(canvas, face);
        let path = shifted(&mirrored(&self.outline()), face.shift(0.0));
        canvas.paint(&path, |point| self.skin_at(point, face));
        self.paint_folds(canvas, face);
    }

    /// Nostrils and the shadow under the nose; its ridge is part of the relief.
    pub(super) fn paint_nose(&self, canvas: &mut Canvas, face: &FaceParameters) {
        let (half, tip) = self.nose;
        let x = face.shift(1.5);
        let dark = times(dim(face.traits.skin, 0.55), HOLLOW);
        canvas.spray((x, tip + 0.045), (half * 1.5, 0.028), dark, 0.5);
        for side in [-1.0, 1.0] {
            let nostril = (x + side * half * 0.48, tip + 0.03);
            canvas.spray(nostril, (half * 0.42, 0.016), dim(dark, 0.5), 0.95);
            let wing = [
                (x + side * half * 0.8, tip - 0.012),
                (x + side * half * 1.02, tip + 0.014),
                (x + side * half * 0.8, tip + 0.032),
            ];
            canvas.stroke(&curve(&wing), 0.008, dark, 0.4);
        }
    }

    fn skin_at(&self, point: Point, face: &FaceParameters) -> Colour {
        let (x, y) = point;
        let grain = face.grain;
        let mut skin = face.traits.skin;
        let around = |centre: Point, radii: Point| falloff((x.abs(), y), centre, radii);
        let red =
            around((0.17, 0.14), (0.14, 0.12)) + 0.7 * around((0.0, self.nose.1), (0.07, 0.06));
        skin = mix(skin, times(skin, FLUSH), self.flush * red);
        let hollow =
            0.65 * around((0.13, 0.0), (0.1, 0.065)) + 0.25 * around((0.1, 0.045), (0.06, 0.03));
        skin = mix(skin, times(skin, HOLLOW), hollow);
        let spots = noise(grain ^ 1, x * 90.0, y * 90.0) - 0.45;
        let spread = around((0.12, 0.09), (0.2, 0.13)) * self.freckles;
        skin = mix(skin, times(skin, HOLLOW), (spots * 4.0).clamp(0.0, 1.0) * spread);
        let pores =
            0.025 * noise(grain, x * 120.0, y * 120.0) + 0.03 * noise(grain, x * 30.0, y * 30.0);
        let skin = dim(skin, 1.0 + pores * (0.6 + face.traits.age));
        face.light.on_glossy(skin, self.relief.slope(point), self.gloss)
    }

    fn paint_ears(&self, canvas: &mut Canvas, face: &FaceParameters) {
        let skin = times(face.traits.skin, [1.0, 0.96, 0.95]);
        for side in [-1.0, 1.0] {
            let centre = (side * (self.width + 0.008) + face.shift(-0.4), 0.04);
            canvas.paint(&oval(centre, (0.036, 0.075)), |(x, y)| {
                let slope = ((centre.0 - x) * 14.0, (centre.1 - y) * 5.0);
                face.light.on(skin, slope)
            });
            let inner = times(dim(skin, 0.7), HOLLOW);
            canvas.spray((centre.0, centre.1 - 0.005), (0.022, 0.045), inner, 0.7);
        }
    }

    /// Lines that come with age: beside the mouth, under the eyes, on the forehead.
    fn paint_folds(&self, canvas: &mut Canvas, face: &FaceParameters) {
        let dark = times(dim(face.traits.skin, 0.75), HOLLOW);
        for side in [-1.0, 1.0] {
            let cheek = [(0.06, 0.14), (0.095, 0.185), (0.115, 0.24)].map(|(x, y)| (side * x, y));
            canvas.stroke(&curve(&cheek), 0.012, dark, 0.08 + 0.5 * self.folds);
            let bag = [(0.075, 0.035), (0.12, 0.055), (0.17, 0.04)].map(|(x, y)| (side * x, y));
            canvas.stroke(&curve(&bag), 0.008, dark, 0.06 + 0.5 * self.folds);
        }
        for (row, y) in [-0.14, -0.17, -0.2].into_iter().enumerate() {
            let sag = 0.006 * row as f32;
            let line = [(-0.13, y + 0.01), (-0.03, y - sag), (0.08, y - sag), (0.14, y + 0.012)];
            canvas.stroke(&curve(&line), 0.006, dark, 0.5 * self.folds);
        }
    }
}

/// The outline through these points, moved sideways.
pub(super) fn shifted(points: &[Point], shift: f32) -> Path {
    let points: Vec<Point> = points.iter().map(|&(x, y)| (x + shift, y)).collect();
    blob(&points)
}

fn relief(face: &FaceParameters, width: f32, chin: f32, nose: Point) -> Relief {
    let ridge = face.shift(1.3);
    let tip = face.shift(1.5);
    let mut bumps = vec![
        Bump { centre: (ridge, 0.05), radii: (0.06, 0.14), height: 0.02 },
        Bump { centre: (tip, nose.1), radii: (nose.0 * 1.25, 0.055), height: 0.028 },
        Bump { centre: (0.0, 0.24), radii: (0.13, 0.1), height: 0.018 },
        Bump { centre: (0.0, 0.3), radii: (0.07, 0.03), height: -0.014 },
        Bump { centre: (0.0, chin - 0.055), radii: (0.09, 0.065), height: 0.026 },
        Bump { centre: (0.0, 0.185), radii: (0.016, 0.035), height: -0.005 },
    ];
    for side in [-1.0, 1.0] {
        let pair = [
            ((0.13, 0.0), (0.1, 0.075), -0.026),
            ((0.11, -0.075), (0.13, 0.05), 0.013),
            ((0.165, 0.12), (0.12, 0.11), 0.026),
            ((nose.0 * 0.85, nose.1 + 0.012), (0.03, 0.032), 0.014),
        ];
        bumps.extend(pair.map(|((x, y), radii, height)| Bump {
            centre: (side * x, y),
            radii,
            height,
        }));
    }
    let radii = (width * 1.06, 0.44);
    Relief { centre: (face.shift(0.0), 0.03), radii, depth: 0.24, bumps }
}
