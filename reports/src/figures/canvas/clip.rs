//! Cuts what is drawn at the edges of the axes, where the file's limits leave data outside.

/// Plotters' pixels.
pub(crate) type Pixel = (i32, i32);

/// The area inside the axes, edges included.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Clip {
    pub(crate) left: i32,
    pub(crate) top: i32,
    pub(crate) right: i32,
    pub(crate) bottom: i32,
}

impl Clip {
    pub(crate) fn contains(&self, (x, y): Pixel) -> bool {
        (self.left..=self.right).contains(&x) && (self.top..=self.bottom).contains(&y)
    }

    /// The parts of a line that are inside.
    pub(crate) fn line(&self, path: &[Pixel]) -> Vec<Vec<Pixel>> {
        if path.iter().all(|at| self.contains(*at)) {
            return vec![path.to_vec()];
        }
        let mut parts: Vec<Vec<Pixel>> = Vec::new();
        for pair in path.windows(2) {
            let Some((from, to)) = self.segment(pair[0], pair[1]) else { continue };
            match parts.last_mut() {
                Some(part) if part.last() == Some(&from) => part.push(to),
                _ => parts.push(vec![from, to]),
            }
        }
        parts
    }

    /// The part of a segment that is inside (Liang and Barsky, 1984).
    fn segment(&self, from: Pixel, to: Pixel) -> Option<(Pixel, Pixel)> {
        let [(x, y), (to_x, to_y)] = [from, to].map(|(x, y)| (f64::from(x), f64::from(y)));
        let (dx, dy) = (to_x - x, to_y - y);
        let (mut enter, mut leave) = (0.0f64, 1.0f64);
        for (step, room) in [
            (-dx, x - f64::from(self.left)),
            (dx, f64::from(self.right) - x),
            (-dy, y - f64::from(self.top)),
            (dy, f64::from(self.bottom) - y),
        ] {
            if step == 0.0 && room < 0.0 {
                return None;
            }
            if step < 0.0 {
                enter = enter.max(room / step);
            } else if step > 0.0 {
                leave = leave.min(room / step);
            }
        }
        let at = |t: f64| ((x + t * dx).round() as i32, (y + t * dy).round() as i32);
        (enter <= leave).then(|| (at(enter), at(leave)))
    }

    /// The part of an area that is inside; empty if none is (Sutherland and Hodgman, 1974).
    pub(crate) fn area(&self, outline: Vec<Pixel>) -> Vec<Pixel> {
        if outline.iter().all(|at| self.contains(*at)) {
            return outline;
        }
        let flip = |(x, y): Pixel| (y, x);
        let cut = half(&half(&outline, self.left, 1), self.right, -1);
        let turned: Vec<Pixel> = cut.into_iter().map(flip).collect();
        half(&half(&turned, self.top, 1), self.bottom, -1).into_iter().map(flip).collect()
    }
}

/// The part of an area on one side of the vertical line at `edge`: to the right of it if `side` is 1, to the
/// left if it is -1.
fn half(outline: &[Pixel], edge: i32, side: i64) -> Vec<Pixel> {
    let depth = |(x, _): Pixel| (i64::from(x) - i64::from(edge)) * side;
    let mut inside = Vec::new();
    let next = outline.iter().cycle().skip(1);
    for (from, to) in outline.iter().zip(next) {
        let (a, b) = (depth(*from), depth(*to));
        if a >= 0 {
            inside.push(*from);
        }
        if (a < 0) != (b < 0) {
            let share = a as f64 / (a - b) as f64;
            let y = f64::from(from.1) + share * (f64::from(to.1) - f64::from(from.1));
            inside.push((edge, y.round() as i32));
        }
    }
    inside
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLIP: Clip = Clip { left: 0, top: 0, right: 100, bottom: 50 };

    #[test]
    fn a_line_is_cut_where_it_leaves_and_begins_again_where_it_returns() {
        let path = [(10, 25), (50, 25), (50, 125), (90, 25), (90, -75)];
        assert_eq!(
            CLIP.line(&path),
            [vec![(10, 25), (50, 25), (50, 50)], vec![(80, 50), (90, 25), (90, 0)]]
        );
        assert_eq!(CLIP.line(&[(-10, -10), (-10, 60), (200, 60)]), Vec::<Vec<Pixel>>::new());
        assert_eq!(CLIP.line(&[(-100, 25), (i32::MAX, 25)]), [[(0, 25), (100, 25)]]);
    }

    #[test]
    fn an_area_keeps_the_part_inside() {
        let mut square = CLIP.area(vec![(-50, -50), (50, -50), (50, 25), (-50, 25)]);
        square.sort_unstable();
        square.dedup();
        assert_eq!(square, [(0, 0), (0, 25), (50, 0), (50, 25)]);
        assert_eq!(CLIP.area(vec![(200, 0), (300, 0), (300, 50)]), Vec::<Pixel>::new());
    }
}
