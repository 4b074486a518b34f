//! What makes a line of many points readable: a moving mean, and for drawing only, fewer points.

use std::collections::VecDeque;
use std::io;

use super::mark::Mark;

/// Marks of which each stands at the mean of so many around it, of fewer towards the ends of its stretch:
/// as many on either side. The edges of a band are smoothed alike.
pub(super) struct Smoothed<I> {
    marks: I,
    /// Marks on either side of each.
    side: usize,
    stretch: Stretch,
    ready: VecDeque<io::Result<Option<Mark>>>,
}

/// Neighbouring marks, as many as still count.
#[derive(Default)]
struct Stretch {
    /// Those that are not smoothed yet.
    waiting: VecDeque<Mark>,
    /// Sums of height and edges over the first `dropped`, `dropped` + 1, … marks.
    sums: VecDeque<[f64; 3]>,
    dropped: usize,
    /// How many are smoothed, and how many there are.
    done: usize,
    count: usize,
}

impl<I: Iterator<Item = io::Result<Option<Mark>>>> Smoothed<I> {
    /// The mean is over `points` of `marks`.
    pub(super) fn new(marks: I, points: usize) -> Self {
        Self { marks, side: points / 2, stretch: Stretch::new(), ready: VecDeque::new() }
    }

    /// Smooths what is left of a stretch that has ended.
    fn end(&mut self) {
        while let Some(mark) = self.stretch.next(self.side) {
            self.ready.push_back(Ok(Some(mark)));
        }
        self.stretch = Stretch::new();
    }
}

impl<I: Iterator<Item = io::Result<Option<Mark>>>> Iterator for Smoothed<I> {
    type Item = io::Result<Option<Mark>>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.ready.is_empty() {
            match self.marks.next() {
                Some(Ok(Some(mark))) => {
                    self.stretch.push(mark);
                    if self.stretch.count > self.stretch.done + self.side {
                        self.ready.extend(self.stretch.next(self.side).map(|mark| Ok(Some(mark))));
                    }
                }
                Some(other) => {
                    self.end();
                    self.ready.push_back(other);
                }
                None => {
                    self.end();
                    return self.ready.pop_front();
                }
            }
        }
        self.ready.pop_front()
    }
}

impl Stretch {
    fn new() -> Self {
        Self { sums: VecDeque::from([[0.0; 3]]), ..Self::default() }
    }

    fn push(&mut self, mark: Mark) {
        let (low, high) = mark.band.unwrap_or((mark.y, mark.y));
        let so_far = self.sums.back().copied().unwrap_or_default();
        self.sums.push_back([so_far[0] + mark.y, so_far[1] + low, so_far[2] + high]);
        self.waiting.push_back(mark);
        self.count += 1;
    }

    /// The next mark smoothed, with no more on either side than there are by now.
    fn next(&mut self, side: usize) -> Option<Mark> {
        let mark = self.waiting.pop_front()?;
        let at = self.done;
        let side_here = side.min(at).min(self.count - 1 - at);
        let sum = |first: usize| self.sums[first - self.dropped];
        let (before, through) = (sum(at - side_here), sum(at + side_here + 1));
        let mean = |i: usize| (through[i] - before[i]) / (2 * side_here + 1) as f64;
        let smooth = Mark { x: mark.x, y: mean(0), band: mark.band.map(|_| (mean(1), mean(2))) };
        self.done += 1;
        while self.dropped + side < self.done {
            self.sums.pop_front();
            self.dropped += 1;
        }
        Some(smooth)
    }
}

/// Of every column of `width` along a path from left to right, the first, lowest, highest and last
/// point: the same picture from fewer points.
pub(super) fn thinned(path: &[(i32, i32)], width: i32) -> Vec<(i32, i32)> {
    let mut kept = Vec::new();
    for column in path.chunk_by(|a, b| a.0.div_euclid(width) == b.0.div_euclid(width)) {
        let by_height = |i: &usize| column[*i].1;
        let lowest = (0..column.len()).min_by_key(by_height).unwrap_or(0);
        let highest = (0..column.len()).max_by_key(by_height).unwrap_or(0);
        let mut indices = [0, lowest, highest, column.len() - 1];
        indices.sort_unstable();
        let mut last = None;
        for index in indices {
            if last != Some(index) {
                kept.push(column[index]);
            }
            last = Some(index);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Smooths heights; a break where there is none.
    fn smoothed(heights: &[Option<f64>], points: usize) -> Vec<Option<f64>> {
        let mark = |y: f64| Mark { x: 0.0, y, band: Some((y - 1.0, y + 1.0)) };
        let marks = heights.iter().map(|y| Ok(y.map(mark)));
        let smooth = Smoothed::new(marks, points).map(|mark| mark.unwrap());
        let heights = smooth.map(|mark| {
            let Mark { y, band, .. } = mark?;
            let (low, high) = band.unwrap();
            assert!((low + 1.0 - y).abs() < 1e-12 && (high - 1.0 - y).abs() < 1e-12);
            Some(y)
        });
        heights.collect()
    }

    #[test]
    fn the_mean_is_centred_and_narrows_towards_the_ends() {
        let smoothed = |heights: &[f64], points| -> Vec<f64> {
            let heights: Vec<_> = heights.iter().copied().map(Some).collect();
            smoothed(&heights, points).into_iter().flatten().collect()
        };
        // (1 + 2 + 6) / 3 and (2 + 6 + 7) / 3; the ends stand for themselves.
        assert_eq!(smoothed(&[1.0, 2.0, 6.0, 7.0], 3), [1.0, 3.0, 5.0, 7.0]);
        // Five fit only around the third value of five.
        assert_eq!(smoothed(&[0.0, 3.0, 0.0, 3.0, 9.0], 5), [0.0, 1.0, 3.0, 4.0, 9.0]);
        assert_eq!(smoothed(&[], 3), [0.0; 0]);
        assert_eq!(smoothed(&[4.0, 8.0], 1), [4.0, 8.0]);
        let line: Vec<f64> = (0..50).map(f64::from).collect();
        for points in [3, 11, 49, 1000] {
            assert_eq!(smoothed(&line, points), line, "a straight line stays what it is");
        }
    }

    #[test]
    fn each_stretch_is_smoothed_by_itself() {
        let heights = [Some(1.0), Some(2.0), Some(6.0), None, None, Some(9.0), Some(0.0)];
        let smooth = [Some(1.0), Some(3.0), Some(6.0), None, None, Some(9.0), Some(0.0)];
        assert_eq!(smoothed(&heights, 3), smooth);
    }

    #[test]
    fn each_column_keeps_its_ends_and_extremes_in_their_order() {
        let path = [(0, 5), (1, 9), (2, 1), (3, 6), (3, 4), (4, 7), (9, 2)];
        assert_eq!(thinned(&path, 4), [(0, 5), (1, 9), (2, 1), (3, 4), (4, 7), (9, 2)]);
        assert_eq!(thinned(&path, 1), path, "columns that hold few points lose none");
    }
}
