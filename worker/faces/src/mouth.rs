//! The mouth: lips, teeth, a smile.

use super::FaceParameters;
use super::canvas::{Canvas, Point, blob, curve};
use super::noise::noise;
use super::palette::{Colour, Traits, dim, hex, mix, times};
use super::rng::Rng;

const TEETH: Colour = hex(0xee_e9e0);
const THROAT: Colour = hex(0x3a_1618);
const LIPSTICKS: [u32; 5] = [0xb0_2a3a, 0xc2_5560, 0xa8_4a4a, 0x8a_2a44, 0xd0_6a70];

/// The shape of one mouth.
pub(super) struct Mouth {
    width: f32,
    height: f32,
    /// From about 0 (serious) to 1.
    smile: f32,
    /// Distance of the lips; 0 for a closed mouth.
    opening: f32,
    upper: f32,
    lower: f32,
    lips: Colour,
}

impl Mouth {
    pub(super) fn sample(rng: &mut Rng, traits: &Traits) -> Self {
        let smile = rng.between(-0.15, 1.0);
        let open = rng.chance(0.15 + 0.65 * smile.max(0.0));
        let natural = times(traits.skin, [0.9, 0.62, 0.6]);
        let painted = traits.softness > 0.5 && rng.chance(0.55);
        let stick = hex(rng.pick(&LIPSTICKS));
        let fullness =
            0.75 + 0.5 * traits.softness + 0.3 * (1.0 - traits.fairness) + rng.around(0.25);
        Self {
            width: 0.092 + 0.03 * smile + rng.around(0.01),
            height: 0.243 + rng.around(0.012),
            smile,
            opening: if open { rng.between(0.013, 0.023) * (0.7 + smile.max(0.2)) } else { 0.0 },
            upper: 0.015 * fullness * (1.0 - 0.25 * smile),
            lower: 0.022 * fullness * (1.0 - 0.2 * smile),
            lips: if painted { mix(natural, stick, rng.between(0.4, 0.9)) } else { natural },
        }
    }

    pub(super) fn paint(&self, canvas: &mut Canvas, face: &FaceParameters) {
        let x = face.shift(1.15);
        let place = |(px, py): Point| (px + x, py + self.height);
        let dark = dim(times(face.traits.skin, [0.62, 0.47, 0.42]), 0.8);
        let below = place((0.0, self.opening + self.lower + 0.02));
        canvas.spray(below, (self.width * 0.7, 0.018), dark, 0.4);
        self.paint_lips(canvas, face, place);
        if self.opening > 0.0 {
            self.paint_teeth(canvas, face, place);
        }
        for side in [-1.0, 1.0] {
            let (corner_x, corner_y) = self.corner();
            canvas.spray(place((side * corner_x, corner_y)), (0.016, 0.012), dim(dark, 0.6), 0.7);
        }
    }

    fn corner(&self) -> Point {
        (self.width, -0.012 * self.smile + 0.004)
    }

    /// The line where the upper lip ends, from the left corner to the right.
    fn upper_edge(&self) -> [Point; 5] {
        let (x, y) = self.corner();
        let sag = 0.007 * self.smile - self.opening * 0.25;
        let half = (x * 0.5, y * 0.45 + sag * 0.75);
        [(-x, y), (-half.0, half.1), (0.0, sag + 0.002), half, (x, y)]
    }

    /// The line where the lower lip begins.
    fn lower_edge(&self) -> [Point; 5] {
        let part = [0.0, 0.8, 1.0, 0.8, 0.0].map(|share| share * self.opening * 1.7);
        let upper = self.upper_edge();
        std::array::from_fn(|i| (upper[i].0, upper[i].1 + part[i]))
    }

    fn paint_lips(
        &self,
        canvas: &mut Canvas,
        face: &FaceParameters,
        place: impl Fn(Point) -> Point + Copy,
    ) {
        let [left, upper_left, middle, upper_right, right] = self.upper_edge();
        let bow = |(x, y): Point, rise: f32| (x, y - self.upper * rise);
        let above = [left, bow(upper_left, 0.85), bow((-0.018, middle.1), 1.15), bow(middle, 0.9)];
        let above =
            above.into_iter().chain([bow((0.018, middle.1), 1.15), bow(upper_right, 0.85), right]);
        let upper: Vec<Point> = above.chain([upper_right, middle, upper_left]).map(place).collect();
        self.paint_lip(canvas, face, &upper, 0.55);

        let [_, lower_left, low, lower_right, _] = self.lower_edge();
        let full = |(x, y): Point, drop: f32| (x * 0.95, y + self.lower * drop);
        let below = [right, full(lower_right, 0.9), full(low, 1.1), full(lower_left, 0.9), left];
        let lower: Vec<Point> =
            below.into_iter().chain([lower_left, low, lower_right]).map(place).collect();
        self.paint_lip(canvas, face, &lower, -0.55);

        let line = curve(&self.upper_edge().map(place));
        canvas.stroke(&line, 0.008, dim(self.lips, 0.4), 0.85);
    }

    /// One lip, leaning up or down by `slope`, with fine vertical wrinkles.
    fn paint_lip(&self, canvas: &mut Canvas, face: &FaceParameters, outline: &[Point], slope: f32) {
        canvas.paint(&blob(outline), |(x, y)| {
            let wrinkles = 1.0 + 0.09 * noise(face.grain ^ 3, x * 110.0, y * 20.0);
            let lean = (-x / self.width * 0.4, slope);
            face.light.on_glossy(dim(self.lips, wrinkles), lean, 0.3)
        });
    }

    fn paint_teeth(
        &self,
        canvas: &mut Canvas,
        face: &FaceParameters,
        place: impl Fn(Point) -> Point + Copy,
    ) {
        let lower = self.lower_edge();
        let inside: Vec<Point> = self
            .upper_edge()
            .into_iter()
            .chain([lower[3], lower[2], lower[1]])
            .map(place)
            .collect();
        let (centre_x, top) = place((0.0, self.upper_edge()[2].1));
        canvas.paint(&blob(&inside), |(x, y)| {
            let out = ((x - centre_x) / self.width).abs();
            let down = (y - top) / (self.opening * 1.7);
            // Darker gaps between teeth, which look narrower towards the corners.
            let place_in_row = out * (5.0 + 2.5 * out);
            let gap =
                if (place_in_row - place_in_row.floor() - 0.5).abs() > 0.44 { 0.8 } else { 1.0 };
            let visible = if down < 0.78 - 0.5 * out * out { 1.0 - out * out } else { 0.0 };
            mix(THROAT, face.light.on(dim(TEETH, gap), (0.0, -0.2)), visible.max(0.0))
        });
    }
}
