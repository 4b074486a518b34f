//! Backdrop and clothes.

use super::FaceParameters;
use super::canvas::{Canvas, Point, blob, mirrored};
use super::noise::{clouds, noise};
use super::palette::{Colour, any_colour, dim, hex, mix};
use super::rng::Rng;

pub(super) struct Backdrop {
    kind: Setting,
    colours: [Colour; 3],
    seed: u32,
    direction: Point,
    scale: f32,
}

#[derive(Clone, Copy)]
enum Setting {
    /// One colour running into another.
    Studio,
    /// A plastered wall.
    Wall,
    /// Leaves out of focus.
    Foliage,
    /// Panels, shelves, window frames.
    Interior,
    /// Sky over a horizon.
    Outdoors,
}

impl Backdrop {
    pub(super) fn sample(rng: &mut Rng) -> Self {
        use Setting::{Foliage, Interior, Outdoors, Studio, Wall};
        let kind = rng.pick(&[Studio, Studio, Studio, Wall, Foliage, Interior, Outdoors]);
        let first = any_colour(rng);
        let other = any_colour(rng);
        let colours = match kind {
            Studio | Wall => [first, dim(first, rng.between(0.4, 0.9)), other],
            Foliage => [hex(0x2a_3d22), hex(0x74_8f4c), hex(0xc9_d4a0)],
            Interior => [first, other, any_colour(rng)],
            Outdoors => [hex(0xb4_cbe0), hex(0xe6_ebee), mix(hex(0x6a_7458), other, 0.5)],
        };
        let direction = (rng.between(-1.0, 1.0), rng.between(0.2, 1.0));
        Self { kind, colours, seed: rng.bits(), direction, scale: rng.between(0.7, 1.4) }
    }

    /// The colour at a place in the image, both coordinates from 0 to 1.
    pub(super) fn at(&self, x: f32, y: f32) -> Colour {
        let [a, b, c] = self.colours;
        let (u, v) = (x * self.scale, y * self.scale);
        let slope =
            (0.5 + (x - 0.5) * self.direction.0 + (y - 0.5) * self.direction.1).clamp(0.0, 1.0);
        let cloud = |zoom: f32| clouds(self.seed, u * zoom, v * zoom);
        match self.kind {
            Setting::Studio => {
                dim(mix(a, b, slope), 1.0 + 0.06 * noise(self.seed, u * 3.0, v * 3.0))
            }
            Setting::Wall => dim(
                mix(a, b, slope),
                1.0 + 0.07 * noise(self.seed, u * 60.0, v * 60.0) + 0.1 * cloud(4.0),
            ),
            Setting::Foliage => {
                let light = 0.5 + 0.55 * cloud(7.0) + 0.3 * cloud(19.0);
                let bright = (light * 1.6 - 1.0).max(0.0);
                mix(mix(a, b, light.clamp(0.0, 1.0)), c, bright.min(1.0))
            }
            Setting::Interior => dim(
                self.panels(u, v),
                0.8 + 0.3 * slope + 0.05 * noise(self.seed, u * 40.0, v * 40.0),
            ),
            Setting::Outdoors => {
                let horizon = 0.62 + 0.05 * noise(self.seed, u * 6.0, 0.0);
                let ground = dim(c, 1.0 + 0.35 * cloud(16.0));
                if y < horizon { mix(a, b, y / horizon) } else { ground }
            }
        }
    }

    /// Upright panels of two colours with dark seams, crossed by a shelf.
    fn panels(&self, u: f32, v: f32) -> Colour {
        let place = u * 3.7 + self.direction.0;
        let column = noise(self.seed, place.floor() * 7.3, 0.5);
        let shelf = v * 1.9 + self.direction.1;
        let row = noise(self.seed ^ 9, place.floor() * 3.1, shelf.floor() * 5.7);
        let seam = (place - place.floor()).min(shelf - shelf.floor()) * 9.0;
        let [a, b, c] = self.colours;
        let panel = mix(mix(a, b, 0.5 + 0.5 * column), c, (row * 0.9).clamp(0.0, 0.6));
        dim(panel, 0.65 + 0.35 * seam.min(1.0))
    }
}

/// Shoulders and what covers them.
pub(super) struct Clothes {
    cloth: Colour,
    shirt: Colour,
    cut: Cut,
    weave: Weave,
    shoulders: f32,
}

#[derive(Clone, Copy)]
enum Cut {
    /// A round neckline.
    Round,
    /// A jacket over a collar.
    Jacket,
    /// A collar up to the chin.
    High,
}

#[derive(Clone, Copy)]
enum Weave {
    Plain,
    Stripes,
    Checks,
    Knit,
}

impl Clothes {
    pub(super) fn sample(rng: &mut Rng) -> Self {
        let shirt = any_colour(rng);
        Self {
            cloth: any_colour(rng),
            shirt: mix(shirt, [0.93, 0.93, 0.95], rng.pick(&[0.2, 0.8, 1.0])),
            cut: rng.pick(&[Cut::Round, Cut::Round, Cut::Jacket, Cut::Jacket, Cut::High]),
            weave: rng.pick(&[
                Weave::Plain,
                Weave::Plain,
                Weave::Stripes,
                Weave::Checks,
                Weave::Knit,
            ]),
            shoulders: 0.455 + rng.around(0.025),
        }
    }

    pub(super) fn paint(&self, canvas: &mut Canvas, face: &FaceParameters) {
        let y = self.shoulders;
        let neckline = match self.cut {
            Cut::Round => 0.53,
            Cut::Jacket => 0.62,
            Cut::High => 0.45,
        };
        if matches!(self.cut, Cut::Jacket) {
            let collar = [(0.0, 0.5), (0.17, y - 0.03), (0.26, y + 0.05), (0.1, 0.9)];
            let shirt = self.shirt;
            canvas.paint(&blob(&mirrored(&collar)), |(x, _)| face.light.on(shirt, (-x * 2.0, 0.0)));
        }
        let half = [
            (0.0, neckline),
            (0.13, neckline - 0.05),
            (0.185, y - 0.015),
            (0.32, y + 0.035),
            (0.5, y + 0.11),
            (0.75, 0.9),
            (0.0, 1.2),
        ];
        canvas.paint(&blob(&mirrored(&half)), |point| self.cloth_at(point, face));
    }

    fn cloth_at(&self, (x, y): Point, face: &FaceParameters) -> Colour {
        let wave = |at: f32| f32::from(u8::from(at - at.floor() < 0.5));
        let pattern = match self.weave {
            Weave::Plain => 0.0,
            Weave::Stripes => wave((x.abs() + y * 0.3) * 22.0),
            Weave::Checks => 0.5 * (wave(x * 16.0) + wave(y * 16.0)),
            Weave::Knit => 0.5 + 0.7 * noise(face.grain ^ 6, x * 60.0, y * 110.0),
        };
        let folds = clouds(face.grain ^ 8, x * 9.0, y * 5.0);
        let grain = 1.0 + 0.12 * folds + 0.05 * noise(face.grain, x * 150.0, y * 150.0);
        let cloth = dim(mix(self.cloth, self.shirt, pattern * 0.45), grain);
        face.light.on(cloth, (-x * 1.3 + folds * 0.3, 0.3))
    }
}
