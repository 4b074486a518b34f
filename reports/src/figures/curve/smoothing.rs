//! Smoothing and downsampling: a moving mean for reading a noisy line, and fewer points for drawing
//! a long one.

use std::collections::VecDeque;
use std::io;

use super::plot_point::PlotPoint;

/// Iterator that smooths points by a centred moving mean. Towards the ends of a segment, which is a
/// run of points without a gap, the window narrows and stays centred. Edges of a band are smoothed
/// alike.
pub(super) struct Smoothed<I> {
    points: I,
    /// Points in the window on either side of its centre.
    side: usize,
    segment: Segment,
    ready: VecDeque<io::Result<Option<PlotPoint>>>,
}

/// The part of a segment that later means still need.
#[derive(Default)]
struct Segment {
    /// Points that are not smoothed yet.
    waiting: VecDeque<PlotPoint>,
    /// Cumulative sums of y and of both band edges over the first `dropped`, `dropped` + 1, …
    /// points.
    sums: VecDeque<[f64; 3]>,
    dropped: usize,
    /// Counts of points smoothed and of points read.
    done: usize,
    count: usize,
}

impl<I: Iterator<Item = io::Result<Option<PlotPoint>>>> Smoothed<I> {
    /// Means over `window` points, rounded up to an odd count.
    pub(super) fn new(points: I, window: usize) -> Self {
        Self { points, side: window / 2, segment: Segment::new(), ready: VecDeque::new() }
    }

    /// Smooths the rest of a segment that has ended.
    fn end(&mut self) {
        while let Some(point) = self.segment.next(self.side) {
            self.ready.push_back(Ok(Some(point)));
        }
        self.segment = Segment::new();
    }
}

impl<I: Iterator<Item = io::Result<Option<PlotPoint>>>> Iterator for Smoothed<I> {
    type Item = io::Result<Option<PlotPoint>>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.ready.is_empty() {
            match self.points.next() {
                Some(Ok(Some(point))) => {
                    self.segment.push(point);
                    if self.segment.count > self.segment.done + self.side {
                        self.ready
                            .extend(self.segment.next(self.side).map(|point| Ok(Some(point))));
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

impl Segment {
    fn new() -> Self {
        Self { sums: VecDeque::from([[0.0; 3]]), ..Self::default() }
    }

    fn push(&mut self, point: PlotPoint) {
        let (low, high) = point.band.unwrap_or((point.y, point.y));
        let so_far = self.sums.back().copied().unwrap_or_default();
        self.sums.push_back([so_far[0] + point.y, so_far[1] + low, so_far[2] + high]);
        self.waiting.push_back(point);
        self.count += 1;
    }

    /// The next point smoothed, over no more points on either side than have been read.
    fn next(&mut self, side: usize) -> Option<PlotPoint> {
        let point = self.waiting.pop_front()?;
        let at = self.done;
        let side_here = side.min(at).min(self.count - 1 - at);
        let sum = |first: usize| self.sums[first - self.dropped];
        let (before, through) = (sum(at - side_here), sum(at + side_here + 1));
        let mean = |i: usize| (through[i] - before[i]) / (2 * side_here + 1) as f64;
        let smooth =
            PlotPoint { x: point.x, y: mean(0), band: point.band.map(|_| (mean(1), mean(2))) };
        self.done += 1;
        while self.dropped + side < self.done {
            self.sums.pop_front();
            self.dropped += 1;
        }
        Some(smooth)
    }
}

/// M4 downsampling: of every column of `width` along a path from left to right, the first, lowest,
/// highest and last point, which draw the same picture (Jugel et al., M4: A Visualization-Oriented
/// Time Series Data Aggregation, 2014).
pub(super) fn downsample(path: &[(i32, i32)], width: i32) -> Vec<(i32, i32)> {
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
        let point = |y: f64| PlotPoint { x: 0.0, y, band: Some((y - 1.0, y + 1.0)) };
        let raw = heights.iter().map(|y| Ok(y.map(point)));
        let smooth = Smoothed::new(raw, points).map(|point| point.unwrap());
        let heights = smooth.map(|point| {
            let PlotPoint { y, band, .. } = point?;
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
    fn each_segment_is_smoothed_by_itself() {
        let heights = [Some(1.0), Some(2.0), Some(6.0), None, None, Some(9.0), Some(0.0)];
        let smooth = [Some(1.0), Some(3.0), Some(6.0), None, None, Some(9.0), Some(0.0)];
        assert_eq!(smoothed(&heights, 3), smooth);
    }

    #[test]
    fn each_column_keeps_its_ends_and_extremes_in_their_order() {
        let path = [(0, 5), (1, 9), (2, 1), (3, 6), (3, 4), (4, 7), (9, 2)];
        assert_eq!(downsample(&path, 4), [(0, 5), (1, 9), (2, 1), (3, 4), (4, 7), (9, 2)]);
        assert_eq!(downsample(&path, 1), path, "columns that hold few points lose none");
    }
}
