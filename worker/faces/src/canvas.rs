//! A supersampled picture of floating-point colours, on which a face is drawn.
//!
//! tiny-skia computes how much of each pixel a path covers; the colour comes from a closure over face
//! coordinates. Face coordinates have their origin between the eyes, x to the right, y down, and
//! the side of the image as their unit; a [`Frame`] tilts and places them.

use tiny_skia::{FillRule, LineCap, LineJoin, Mask, Path, PathBuilder, Stroke, Transform};

use super::palette::{Colour, mix};

/// A point in face coordinates.
pub(super) type Point = (f32, f32);

/// Position, size and tilt of the face in the picture.
pub(super) struct Frame {
    /// The origin, in image coordinates (0 to 1).
    pub(super) centre: Point,
    /// Image sides per face unit.
    pub(super) zoom: f32,
    /// Tangent of half the angle of tilt; keeps sine and cosine free of any mathematical library.
    pub(super) tilt: f32,
}

pub(super) struct Canvas {
    side: usize,
    pixels: Vec<Colour>,
    to_pixels: Transform,
    to_face: Transform,
}

impl Canvas {
    /// A square canvas of `side` pixels, filled with the backdrop, a function of image coordinates.
    pub(super) fn new(side: usize, frame: &Frame, backdrop: impl Fn(f32, f32) -> Colour) -> Self {
        let unit = |i: usize| (i as f32 + 0.5) / side as f32;
        let pixels = (0..side * side).map(|i| backdrop(unit(i % side), unit(i / side))).collect();
        let square = 1.0 + frame.tilt * frame.tilt;
        let scale = side as f32 * frame.zoom / square;
        let (cos, sin) = ((2.0 - square) * scale, 2.0 * frame.tilt * scale);
        let (x, y) = (frame.centre.0 * side as f32, frame.centre.1 * side as f32);
        let to_pixels = Transform::from_row(cos, sin, -sin, cos, x, y);
        let to_face = to_pixels.invert().expect("a rotation with a zoom above 0 has an inverse");
        Self { side, pixels, to_pixels, to_face }
    }

    /// Fills the inside of a path.
    pub(super) fn paint(&mut self, path: &Path, colour: impl Fn(Point) -> Colour) {
        self.blend(path, |point| (colour(point), 1.0));
    }

    /// Fills the inside of a path with colours of some opacity each.
    pub(super) fn blend(&mut self, path: &Path, shade: impl Fn(Point) -> (Colour, f32)) {
        if let Some(path) = path.clone().transform(self.to_pixels) {
            self.cover(&path, shade);
        }
    }

    /// Draws a line of the given width with round ends.
    pub(super) fn stroke(&mut self, path: &Path, width: f32, colour: Colour, opacity: f32) {
        let zoom = self.to_pixels.get_scale().0;
        let stroke = Stroke {
            width: width * zoom,
            line_cap: LineCap::Round,
            line_join: LineJoin::Round,
            ..Stroke::default()
        };
        let outline =
            path.clone().transform(self.to_pixels).and_then(|path| path.stroke(&stroke, 1.0));
        if let Some(outline) = outline {
            self.cover(&outline, |_| (colour, opacity));
        }
    }

    /// Sprays a soft spot: full `opacity` at the centre, nothing at the given radii.
    pub(super) fn spray(&mut self, centre: Point, radii: Point, colour: Colour, opacity: f32) {
        let oval = oval(centre, radii);
        self.blend(&oval, |point| (colour, opacity * falloff(point, centre, radii)));
    }

    /// The pixels, averaged down to `size` a side, of which the canvas holds a multiple.
    pub(super) fn reduced(&self, size: usize) -> Vec<u8> {
        let step = self.side / size;
        let mut sums = vec![[0.0; 3]; size * size];
        for (i, colour) in self.pixels.iter().enumerate() {
            let sum: &mut Colour = &mut sums[i / self.side / step * size + i % self.side / step];
            (0..3).for_each(|channel| sum[channel] += colour[channel].clamp(0.0, 1.0));
        }
        let scale = 255.0 / (step * step) as f32;
        sums.as_flattened().iter().map(|sum| (sum * scale + 0.5) as u8).collect()
    }

    /// Blends into every pixel that a path in pixel coordinates touches.
    fn cover(&mut self, path: &Path, shade: impl Fn(Point) -> (Colour, f32)) {
        let bounds = path.bounds();
        let range = |low: f32, high: f32| {
            low.floor().max(0.0) as usize..(high.ceil().max(0.0) as usize).min(self.side)
        };
        let (columns, rows) =
            (range(bounds.left(), bounds.right()), range(bounds.top(), bounds.bottom()));
        if columns.is_empty() || rows.is_empty() {
            return;
        }
        let side = self.side as u32;
        let mut mask = Mask::new(side, side).expect("the side is above 0 and far below 2^16");
        mask.fill_path(path, FillRule::Winding, true, Transform::identity());
        for y in rows {
            for x in columns.clone() {
                let at = y * self.side + x;
                let coverage = mask.data()[at];
                if coverage > 0 {
                    let mut point = tiny_skia::Point::from_xy(x as f32 + 0.5, y as f32 + 0.5);
                    self.to_face.map_point(&mut point);
                    let (colour, opacity) = shade((point.x, point.y));
                    let share = opacity * f32::from(coverage) / 255.0;
                    self.pixels[at] = mix(self.pixels[at], colour, share);
                }
            }
        }
    }
}

/// 1 at the centre of an upright ellipse, smoothly 0 at its rim and beyond.
pub(super) fn falloff(point: Point, centre: Point, radii: Point) -> f32 {
    let (u, v) = ((point.0 - centre.0) / radii.0, (point.1 - centre.1) / radii.1);
    let rest = (1.0 - u * u - v * v).max(0.0);
    rest * rest
}

pub(super) fn oval(centre: Point, radii: Point) -> Path {
    let bounds = tiny_skia::Rect::from_ltrb(
        centre.0 - radii.0,
        centre.1 - radii.1,
        centre.0 + radii.0,
        centre.1 + radii.1,
    );
    PathBuilder::from_oval(bounds.expect("radii are above 0"))
        .expect("an ellipse with radii above 0 has an outline")
}

/// The smooth closed curve through the points (Catmull-Rom).
pub(super) fn blob(points: &[Point]) -> Path {
    spline(points, Ends::Joined)
}

/// The smooth open curve through the points (Catmull-Rom).
pub(super) fn curve(points: &[Point]) -> Path {
    spline(points, Ends::Loose)
}

/// The points, followed by their mirror images across the axis x = 0 in reverse order: the outline
/// of something symmetric from its right half.
pub(super) fn mirrored(half: &[Point]) -> Vec<Point> {
    let left = half.iter().rev().filter(|point| point.0 > 0.0).map(|&(x, y)| (-x, y));
    half.iter().copied().chain(left).collect()
}

/// The point at `share` (0 to 1) of the way from the second to the third of four points along their
/// smooth curve.
pub(super) fn between(points: [Point; 4], share: f32) -> Point {
    let [before, from, to, after] = points;
    let along = |a: f32, b: f32, c: f32, d: f32| {
        let (t, tt) = (share, share * share);
        b + 0.5
            * ((c - a) * t
                + (2.0 * a - 5.0 * b + 4.0 * c - d) * tt
                + (3.0 * (b - c) + d - a) * tt * t)
    };
    (along(before.0, from.0, to.0, after.0), along(before.1, from.1, to.1, after.1))
}

#[derive(Clone, Copy)]
enum Ends {
    Joined,
    Loose,
}

fn spline(points: &[Point], ends: Ends) -> Path {
    let count = points.len();
    let at = |i: usize| match ends {
        // Shifted by one, so that the point before the first is index 0.
        Ends::Joined => points[(i + count - 1) % count],
        Ends::Loose => points[i.saturating_sub(1).min(count - 1)],
    };
    let pieces = match ends {
        Ends::Joined => count,
        Ends::Loose => count - 1,
    };
    let mut builder = PathBuilder::new();
    builder.move_to(points[0].0, points[0].1);
    for i in 1..=pieces {
        let (before, from, to, after) = (at(i - 1), at(i), at(i + 1), at(i + 2));
        let (ax, ay) = (from.0 + (to.0 - before.0) / 6.0, from.1 + (to.1 - before.1) / 6.0);
        let (bx, by) = (to.0 - (after.0 - from.0) / 6.0, to.1 - (after.1 - from.1) / 6.0);
        builder.cubic_to(ax, ay, bx, by, to.0, to.1);
    }
    if matches!(ends, Ends::Joined) {
        builder.close();
    }
    builder.finish().expect("two finite points or more make a path")
}
