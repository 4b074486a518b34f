//! The combinations that a grid spans, each with the position of every setting in the file.

use serde_json::{Map, Value};

use crate::schema::grid::Grid;
use crate::yaml::pointer::escape;

/// A setting, and the JSON pointer to it.
#[derive(Debug, Clone)]
pub(super) struct Choice<'a> {
    pub(super) key: &'a str,
    pub(super) value: &'a Value,
    pub(super) pointer: String,
}

impl<'a> Choice<'a> {
    /// A value of the axis `key` below the pointer `parent`.
    fn nth(parent: &str, key: &'a str, values: &'a [Value], n: usize) -> Self {
        Self { key, value: &values[n], pointer: format!("{parent}/{}/{n}", escape(key)) }
    }
}

/// The settings of one variant.
pub(super) type Point<'a> = Vec<Choice<'a>>;

/// True if a combination has all of a pattern's values.
pub(super) fn matches(point: &Point, pattern: &Map<String, Value>) -> bool {
    pattern.iter().all(|(key, value)| point.iter().any(|c| c.key == key && c.value == value))
}

impl Grid {
    /// The alternatives of each axis and each group of axes.
    pub(super) fn alternatives(&self) -> Vec<Vec<Point<'_>>> {
        let mut alternatives = Vec::new();
        for (key, values) in &self.product {
            let choices = (0..values.len()).map(|n| Choice::nth("/grid/product", key, values, n));
            alternatives.push(choices.map(|choice| vec![choice]).collect());
        }
        for (i, group) in self.zip.iter().enumerate() {
            let parent = format!("/grid/zip/{i}");
            let mut points = Vec::new();
            for n in 0..group.values().map(Vec::len).min().unwrap_or(0) {
                let axes = group.iter();
                points
                    .push(axes.map(|(key, values)| Choice::nth(&parent, key, values, n)).collect());
            }
            alternatives.push(points);
        }
        alternatives
    }

    /// Every combination of the axes, before exclusions.
    pub(super) fn combinations(&self) -> Vec<Point<'_>> {
        let alternatives = self.alternatives();
        if alternatives.is_empty() {
            return Vec::new();
        }
        alternatives.iter().fold(vec![Vec::new()], |points, step| {
            let mut longer = Vec::new();
            for point in &points {
                longer.extend(step.iter().map(|next| [point.as_slice(), next].concat()));
            }
            longer
        })
    }

    /// The settings of every variant, in order.
    pub(super) fn points(&self) -> Vec<Point<'_>> {
        let mut points = self.combinations();
        points.retain(|point| !self.exclude.iter().any(|pattern| matches(point, pattern)));
        for (i, settings) in self.include.iter().enumerate() {
            let mut point = Vec::new();
            for (key, value) in settings {
                let pointer = format!("/grid/include/{i}/{}", escape(key));
                point.push(Choice { key, value, pointer });
            }
            points.push(point);
        }
        points
    }
}
