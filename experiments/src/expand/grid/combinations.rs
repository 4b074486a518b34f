//! The combinations that a grid spans, each with the position of every setting in the file.

use serde_json::{Map, Value};

use crate::schema::grid::Grid;
use crate::yaml::pointer::escape;

/// A setting, and its place in the file.
#[derive(Debug, Clone)]
pub(super) struct Choice<'a> {
    pub(super) key: &'a str,
    pub(super) value: &'a Value,
    pub(super) pointer: String,
}

impl<'a> Choice<'a> {
    fn new(above: &str, key: &'a str, value: &'a Value) -> Self {
        Self { key, value, pointer: format!("{above}/{}", escape(key)) }
    }

    fn nth(above: &str, key: &'a str, values: &'a [Value], n: usize) -> Self {
        let pointer = format!("{above}/{}/{n}", escape(key));
        Self { key, value: &values[n], pointer }
    }
}

/// What one variant sets.
pub(super) type Point<'a> = Vec<Choice<'a>>;

/// Whether a combination has all of a pattern's values.
pub(super) fn agrees(point: &Point, pattern: &Map<String, Value>) -> bool {
    pattern.iter().all(|(key, value)| point.iter().any(|c| c.key == key && c.value == value))
}

impl Grid {
    /// What is combined: the alternatives that each axis and each group of axes has.
    pub(super) fn steps(&self) -> Vec<Vec<Point<'_>>> {
        let product = self.product.iter().map(|(key, values)| {
            let choice = |n| vec![Choice::nth("/grid/product", key, values, n)];
            (0..values.len()).map(choice).collect()
        });
        let zipped = self.zip.iter().enumerate().map(|(i, group)| {
            let above = format!("/grid/zip/{i}");
            let length = group.values().map(Vec::len).min().unwrap_or(0);
            let choices =
                |n| group.iter().map(|(key, values)| Choice::nth(&above, key, values, n)).collect();
            (0..length).map(choices).collect()
        });
        product.chain(zipped).collect()
    }

    /// Every combination of the axes.
    pub(super) fn combinations(&self) -> Vec<Point<'_>> {
        let steps = self.steps();
        if steps.is_empty() {
            return Vec::new();
        }
        steps.iter().fold(vec![Vec::new()], |points, step| {
            let mut longer = Vec::new();
            for point in &points {
                longer.extend(step.iter().map(|next| [point.as_slice(), next].concat()));
            }
            longer
        })
    }

    /// What each variant sets, in order.
    pub(super) fn points(&self) -> Vec<Point<'_>> {
        let mut points = self.combinations();
        points.retain(|point| !self.exclude.iter().any(|pattern| agrees(point, pattern)));
        points.extend(self.include.iter().enumerate().map(|(i, settings)| {
            let above = format!("/grid/include/{i}");
            settings.iter().map(|(key, value)| Choice::new(&above, key, value)).collect()
        }));
        points
    }
}
