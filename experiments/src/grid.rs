//! Variants by the axes that they lie on, instead of one by one: all combinations of some values,
//! less what is left out, and what is added. They become variants like any other before anything
//! else looks at the file, with names and in an order that follow from the file alone.

mod check;
mod name;

use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::file::{File, Variant};
use crate::source::{FileError, Source, escape};

/// The values on each axis, by its key in the config, which may be a dotted path.
pub type Axes = IndexMap<String, Vec<Value>>;

/// Axes, and which of their combinations are variants.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Grid {
    /// Every value with every value; the last axis changes fastest.
    pub product: Axes,
    /// Groups of axes that move together: their first values, their second ones, and so on. A group
    /// is combined with everything before it, as one more axis.
    pub zip: Vec<Axes>,
    /// Left out are all combinations that agree with one of these.
    pub exclude: Vec<Map<String, Value>>,
    /// Added is one variant for each of these, which sets just that.
    pub include: Vec<Map<String, Value>>,
}

/// A setting, and its place in the file.
#[derive(Debug, Clone)]
struct Choice<'a> {
    key: &'a str,
    value: &'a Value,
    pointer: String,
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
type Point<'a> = Vec<Choice<'a>>;

/// Adds the grid's variants to those that the file lists.
pub(crate) fn lay_out(source: &mut Source, file: &mut File) -> Result<(), FileError> {
    let Some(grid) = &file.grid else { return Ok(()) };
    check::grid(source, grid)?;
    let names = name::Names::new(grid);
    for point in grid.points() {
        let name = names.name(&point);
        let at = &point.last().expect("a variant of a grid sets something").pointer;
        if file.variants.contains_key(&name) {
            let message = format!("two variants are called `{name}`");
            let hint = "remove one, or list it below `variants` by another name";
            return Err(source.finding(at, message).hint(Some(hint)).into_error());
        }
        let variant = format!("/variants/{}", escape(&name));
        source.stands_at(variant.clone(), at);
        for choice in &point {
            source.stands_at(format!("{variant}/set/{}", escape(choice.key)), &choice.pointer);
        }
        let set = point.iter().map(|choice| (choice.key.to_owned(), choice.value.clone()));
        let (label, set) = (Some(names.label(&point)), set.collect());
        file.variants.insert(name, Variant { label, set, ..Variant::default() });
    }
    Ok(())
}

impl Grid {
    /// What is combined: the alternatives that each axis and each group of axes has.
    fn steps(&self) -> Vec<Vec<Point<'_>>> {
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
    fn combinations(&self) -> Vec<Point<'_>> {
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
    fn points(&self) -> Vec<Point<'_>> {
        let mut points = self.combinations();
        points.retain(|point| !self.exclude.iter().any(|pattern| agrees(point, pattern)));
        points.extend(self.include.iter().enumerate().map(|(i, settings)| {
            let above = format!("/grid/include/{i}");
            settings.iter().map(|(key, value)| Choice::new(&above, key, value)).collect()
        }));
        points
    }
}

/// Whether a combination has all of a pattern's values.
fn agrees(point: &Point, pattern: &Map<String, Value>) -> bool {
    pattern.iter().all(|(key, value)| point.iter().any(|c| c.key == key && c.value == value))
}
