//! Light on a face: its direction and colour, and the relief that it models.

use super::canvas::Point;
use super::palette::{Colour, dim, mix, times};
use super::rng::Rng;

/// One main light and what the surroundings give back.
pub(super) struct Light {
    /// Unit vector towards the light; z points at the viewer.
    direction: [f32; 3],
    /// Colour of a surface that faces the light.
    key: Colour,
    /// Colour of a surface that the light does not reach.
    fill: Colour,
}

impl Light {
    pub(super) fn sample(rng: &mut Rng) -> Self {
        let direction = unit([rng.around(1.1), rng.between(-0.9, -0.25), 1.0]);
        let warmth = rng.around(0.05) + 0.015;
        let power = rng.between(0.96, 1.1);
        let key = [power + warmth, power, power - warmth];
        let depth = rng.between(0.2, 0.62);
        let fill = [depth + 0.05, depth - 0.01, depth];
        Self { direction, key, fill }
    }

    /// A matt surface in this light, given how fast it rises to the right and downwards.
    pub(super) fn on(&self, colour: Colour, slope: Point) -> Colour {
        times(colour, mix(self.fill, self.key, self.reach(slope)))
    }

    /// A matt surface with some gloss.
    pub(super) fn on_glossy(&self, colour: Colour, slope: Point, gloss: f32) -> Colour {
        let [x, y, z] = self.direction;
        let halfway = unit([x, y, z + 1.0]);
        let glint = dot(normal(slope), halfway).max(0.0);
        let glint = glint * glint * glint * glint;
        let glint = glint * glint * glint * glint;
        mix(self.on(colour, slope), dim(self.key, 0.95), gloss * glint)
    }

    /// The share of the light that arrives, from 0 to 1; it wraps a little around the edge.
    fn reach(&self, slope: Point) -> f32 {
        ((dot(normal(slope), self.direction) + 0.12) / 1.12).max(0.0)
    }
}

/// One rise or dent with an elliptic base.
pub(super) struct Bump {
    pub(super) centre: Point,
    pub(super) radii: Point,
    pub(super) height: f32,
}

/// The surface of a head: an ellipsoid with bumps.
pub(super) struct Relief {
    pub(super) centre: Point,
    pub(super) radii: Point,
    pub(super) depth: f32,
    pub(super) bumps: Vec<Bump>,
}

impl Relief {
    /// Rise of the surface towards the viewer per step to the right and downwards.
    pub(super) fn slope(&self, point: Point) -> Point {
        let (u, v) = self.normalised(point);
        // Towards the rim the ellipsoid would turn away entirely, which looks like an outline.
        let cap = (1.0 - u * u - v * v).max(0.12).sqrt();
        let mut slope =
            (-u * self.depth / self.radii.0 / cap, -v * self.depth / self.radii.1 / cap);
        for bump in &self.bumps {
            let root = falloff_root(point, bump);
            if root > 0.0 {
                // Derivative of height * (1 - d^2)^2.
                let steep = -4.0 * bump.height * root;
                slope.0 += steep * (point.0 - bump.centre.0) / (bump.radii.0 * bump.radii.0);
                slope.1 += steep * (point.1 - bump.centre.1) / (bump.radii.1 * bump.radii.1);
            }
        }
        slope
    }

    fn normalised(&self, point: Point) -> Point {
        ((point.0 - self.centre.0) / self.radii.0, (point.1 - self.centre.1) / self.radii.1)
    }
}

fn falloff_root(point: Point, bump: &Bump) -> f32 {
    let (u, v) =
        ((point.0 - bump.centre.0) / bump.radii.0, (point.1 - bump.centre.1) / bump.radii.1);
    1.0 - u * u - v * v
}

fn normal(slope: Point) -> [f32; 3] {
    unit([-slope.0, -slope.1, 1.0])
}

fn unit(vector: [f32; 3]) -> [f32; 3] {
    let length = dot(vector, vector).sqrt();
    vector.map(|value| value / length)
}

fn dot(a: [f32; 3], b: [f32; 3]) -> f32 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}
