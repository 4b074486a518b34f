//! Hair: its cut, the way it falls, its strands and sheen.

use tiny_skia::Path;

use super::FaceParameters;
use super::canvas::{Canvas, Point, between, blob, mirrored};
use super::head::Head;
use super::noise::noise;
use super::palette::{Colour, Traits, dim, mix, times};
use super::rng::Rng;

pub(super) struct Hair {
    cut: Cut,
    /// Horizontal position.
    parting: f32,
    /// Distance from the skull.
    volume: f32,
    /// Vertical position of its ends.
    length: f32,
    /// Extra length on the forehead; negative for a higher hairline.
    fringe: f32,
    contrast: f32,
    seed: u32,
}

#[derive(Clone, Copy, PartialEq)]
enum Cut {
    /// Bare skull, or a wreath of hair.
    Bald,
    /// Close to the skull.
    Crop,
    /// Combed to one side.
    Short,
    /// Round and curly.
    Curls,
    /// Falling beside the face.
    Long,
    /// Falling beside the face, cut straight above the brows.
    Bangs,
    /// Combed back and tied.
    Tied,
}

impl Hair {
    pub(super) fn sample(rng: &mut Rng, traits: &Traits) -> Self {
        use Cut::{Bald, Bangs, Crop, Curls, Long, Short, Tied};
        let cut = if traits.softness > 0.5 {
            rng.pick(&[Long, Long, Long, Long, Bangs, Bangs, Tied, Tied, Curls, Short])
        } else {
            rng.pick(&[Short, Short, Short, Short, Short, Crop, Crop, Curls, Bald, Long])
        };
        let fringe = match cut {
            Bangs => rng.between(0.11, 0.16),
            Short => rng.between(-0.01, 0.06),
            _ => rng.around(0.015) - 0.03 * (traits.age - 0.5).max(0.0),
        };
        Self {
            cut,
            parting: rng.between(-0.16, 0.16),
            volume: rng.between(0.0, 0.035),
            length: rng.between(0.25, 0.75),
            fringe,
            contrast: rng.between(0.3, 0.5),
            seed: rng.bits(),
        }
    }

    /// The part behind neck and ears.
    pub(super) fn paint_behind(&self, canvas: &mut Canvas, face: &FaceParameters) {
        let shift = face.shift(-0.6);
        let v = self.volume;
        let half: &[Point] = match self.cut {
            Cut::Long | Cut::Bangs => &[
                (0.0, -0.41 - v),
                (0.2, -0.37 - v),
                (0.32 + v, -0.2),
                (0.36 + v, 0.05),
                (0.375 + v, 0.3),
                (0.35 + v, self.length),
                (0.15, self.length + 0.05),
                (0.0, self.length),
            ],
            Cut::Curls => &[
                (0.0, -0.43 - v * 2.0),
                (0.2, -0.4 - v * 2.0),
                (0.34 + v * 2.0, -0.24),
                (0.39 + v * 2.0, -0.02),
                (0.34 + v, 0.2),
                (0.2, 0.28),
                (0.0, 0.2),
            ],
            Cut::Tied if self.volume > 0.018 => {
                &[(0.0, -0.5), (0.08, -0.48), (0.115, -0.42), (0.09, -0.35), (0.0, -0.3)]
            }
            _ => return,
        };
        let outline = self.ragged(&mirrored(half), shift);
        canvas.paint(&outline, |point| dim(self.strand_at(point, face), 0.62));
    }

    /// The part on the skull and over the forehead.
    pub(super) fn paint_before(&self, canvas: &mut Canvas, face: &FaceParameters, head: &Head) {
        if self.cut == Cut::Bald {
            self.paint_wreath(canvas, face, head);
            return;
        }
        let shadow = self.cap(head, face, 0.018);
        let dark = times(face.traits.skin, [0.45, 0.34, 0.3]);
        canvas.blend(&shadow, |_| (dark, 0.45));
        let cap = self.cap(head, face, 0.0);
        canvas.paint(&cap, |point| self.strand_at(point, face));
        if matches!(self.cut, Cut::Long | Cut::Bangs) {
            for side in [-1.0, 1.0] {
                let lock = self.lock(head, face, side);
                canvas.paint(&lock, |point| self.strand_at(point, face));
            }
        }
    }

    /// The hair that is left above the ears.
    fn paint_wreath(&self, canvas: &mut Canvas, face: &FaceParameters, head: &Head) {
        let shift = face.shift(0.0);
        let w = head.width;
        for side in [-1.0, 1.0] {
            let half = [
                (w * 0.9, -0.2),
                (w + 0.012, -0.08),
                (w + 0.008, 0.02),
                (w * 0.93, 0.0),
                (w * 0.9, -0.1),
            ];
            let patch = self.ragged(&half.map(|(x, y)| (side * x, y)), shift);
            let opacity = 0.3 + 12.0 * self.volume;
            canvas.blend(&patch, |point| (self.strand_at(point, face), opacity));
        }
    }

    /// The hair on top, down to the hairline, which lies lower by `drop`.
    fn cap(&self, head: &Head, face: &FaceParameters, drop: f32) -> Path {
        let w = head.width;
        let tight = matches!(self.cut, Cut::Crop | Cut::Tied);
        let v = if tight { 0.0 } else { self.volume + 0.012 };
        let puff = if self.cut == Cut::Curls { 0.03 } else { 0.0 };
        let burn = if self.cut == Cut::Tied { -0.06 } else { 0.03 };
        let outer = [
            (w + 0.006, burn),
            (w + 0.014 + v * 0.5 + puff, -0.1),
            (w * 0.93 + 0.015 + v + puff, -0.25 - v * 0.5),
            (0.15 + puff, -0.365 - v - puff),
            (0.0, -0.39 - v - puff),
        ];
        let left = outer.iter().rev().skip(1).map(|&(x, y)| (-x, y));
        let edge = [
            (-w + 0.018, burn + drop),
            (-w + 0.045, -0.09 + drop),
            (-0.2, self.hairline(-0.2) + drop),
            (-0.13, self.hairline(-0.13) + drop),
            (-0.06, self.hairline(-0.06) + drop),
            (0.01, self.hairline(0.01) + drop),
            (0.08, self.hairline(0.08) + drop),
            (0.14, self.hairline(0.14) + drop),
            (0.2, self.hairline(0.2) + drop),
            (w - 0.045, -0.09 + drop),
            (w - 0.018, burn + drop),
        ];
        let outline: Vec<Point> = outer.into_iter().chain(left).chain(edge).collect();
        self.ragged(&outline, face.shift(0.15))
    }

    /// Height of the hairline at some distance from the axis.
    fn hairline(&self, x: f32) -> f32 {
        let temples = 1.9 * x * x;
        match self.cut {
            Cut::Bangs => -0.24 + self.fringe + 0.9 * x * x,
            // The longer side of the parting hangs lower.
            Cut::Short => {
                -0.25
                    + temples
                    + self.fringe * (0.7 - 3.5 * (x - self.parting) * self.parting.signum())
            }
            Cut::Long => {
                let from_parting = (x - self.parting).abs();
                -0.29 + self.fringe + 0.55 * from_parting
            }
            _ => -0.245 + self.fringe + temples,
        }
    }

    /// The hair that falls on one side of the face.
    fn lock(&self, head: &Head, face: &FaceParameters, side: f32) -> Path {
        let (w, v, end) = (head.width, self.volume, self.length);
        let inner = w - 0.015 - 0.03 * v / 0.035;
        let half = [
            (0.12, -0.33),
            (0.27 + v, -0.27),
            (w + 0.045 + v, -0.08),
            (w + 0.07 + v, 0.12),
            (w + 0.075 + v, 0.35),
            (w + 0.06 + v, end - 0.06),
            (w + 0.035 + v * 0.5, end - 0.005),
            (w, end - 0.03),
            (inner + 0.02, 0.3),
            (inner, 0.08),
            (inner - 0.03, -0.1),
            (0.17, -0.2),
        ];
        self.ragged(&half.map(|(x, y)| (side * x, y)), face.shift(0.0))
    }

    fn strand_at(&self, point: Point, face: &FaceParameters) -> Colour {
        let (x, y) = point;
        let (across, along) = self.flow(point);
        let coarse = noise(self.seed, across * 26.0, along * 3.5);
        let fine = noise(self.seed ^ 1, across * 70.0, along * 8.0);
        let tone = match self.cut {
            Cut::Curls => 0.9 - 1.1 * coarse.abs() + 0.35 * fine,
            _ => 0.6 * coarse + 0.5 * fine,
        };
        let hair = face.traits.hair;
        let streaked =
            mix(hair, [hair[0] * 1.5, hair[1] * 1.42, hair[2] * 1.3], (tone * 0.6).max(0.0));
        let slope = (-x * 2.6 / (0.6 + y.max(0.0)), (-0.12 - y.min(0.1)) * 2.2);
        let strand = dim(streaked, 1.0 + self.contrast * tone);
        let sheen = if self.cut == Cut::Curls { 0.04 } else { 0.15 };
        face.light.on_glossy(strand, slope, sheen * (1.0 + tone))
    }

    /// Coordinates across and along the strands.
    fn flow(&self, (x, y): Point) -> Point {
        match self.cut {
            Cut::Curls => (x * 1.1 + 0.03 * noise(self.seed ^ 5, x * 14.0, y * 14.0), y * 7.0),
            Cut::Crop | Cut::Bald => (x * 2.2, y * 14.0),
            Cut::Tied => {
                let (dx, dy) = (x, y + 0.42);
                (0.9 * dx / (dx.abs() + dy.abs() + 0.05), (dx * dx + dy * dy).sqrt())
            }
            Cut::Short => {
                let (dx, dy) = (x - self.parting * 1.3, y + 0.3);
                (0.6 * (dy + 0.5 * dx.abs()) + 0.1 * x, dx.abs() * 2.0)
            }
            Cut::Long | Cut::Bangs => {
                let down = (y + 0.44).max(0.0) + 0.02;
                ((x - self.parting * 0.7) * (down + 0.16) / down * 0.6, y)
            }
        }
    }

    /// The smooth outline through the points, frayed by strands.
    fn ragged(&self, points: &[Point], shift: f32) -> Path {
        const STEPS: usize = 6;
        let size = if self.cut == Cut::Curls { 0.024 } else { 0.011 };
        let count = points.len();
        let frayed = (0..count * STEPS).map(|i| {
            let near = std::array::from_fn(|k| points[(i / STEPS + count + k - 1) % count]);
            let (x, y) = between(near, (i % STEPS) as f32 / STEPS as f32);
            let offset = |k: u32| noise(self.seed ^ k, x * 70.0, y * 70.0) * size;
            (x + shift + offset(11), y + offset(12))
        });
        blob(&frayed.collect::<Vec<_>>())
    }
}
