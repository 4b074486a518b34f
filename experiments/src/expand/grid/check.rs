//! What a grid must satisfy before a single combination is made.

use std::collections::BTreeSet;

use serde_json::Value;

use super::combinations::{Point, agrees};
use crate::expand::limits::{MAX_CONFIGS, MAX_TRIALS};
use crate::expand::names::check_name;
use crate::schema::grid::{Axes, Grid};
use crate::yaml::pointer::escape;
use crate::yaml::source::{FileError, Source};

type Wrong<'a> = dyn FnMut(&str, String, Option<String>) + 'a;

/// Checks a decoded grid; all findings are reported at once.
pub(super) fn grid(source: &Source, grid: &Grid) -> Result<(), FileError> {
    let mut findings = Vec::new();
    let mut wrong = |pointer: &str, message: String, hint: Option<String>| {
        findings.push(source.finding(pointer, message).hint(hint));
    };
    axes(grid, &mut wrong);
    groups(grid, &mut wrong);
    for (i, _) in grid.include.iter().enumerate().filter(|(_, settings)| settings.is_empty()) {
        wrong(&format!("/grid/include/{i}"), "this sets nothing".to_owned(), None);
    }
    match too_large(&grid.steps()) {
        Some(message) => {
            let hint = "shorten an axis, or let several files share them".to_owned();
            wrong("/grid", message, Some(hint));
        }
        None => exclude(grid, &mut wrong),
    }
    if findings.is_empty() { Ok(()) } else { Err(FileError { findings }) }
}

/// Every axis, with the pointer to it.
fn every_axis(grid: &Grid) -> impl Iterator<Item = (String, &str, &[Value])> {
    let zipped = grid.zip.iter().enumerate().map(|(i, group)| (format!("/grid/zip/{i}"), group));
    let all = std::iter::once(("/grid/product".to_owned(), &grid.product)).chain(zipped);
    all.flat_map(|(above, axes): (String, &Axes)| {
        let axis = move |(key, values)| (format!("{above}/{}", escape(key)), key, values);
        axes.iter().map(|(key, values)| (key.as_str(), values.as_slice())).map(axis)
    })
}

fn axes(grid: &Grid, wrong: &mut Wrong) {
    let mut keys = BTreeSet::new();
    for (pointer, key, values) in every_axis(grid) {
        if !keys.insert(key) {
            wrong(&pointer, format!("`{key}` is an axis already"), None);
        }
        if values.is_empty() {
            let hint = "list its values, or remove the axis".to_owned();
            wrong(&pointer, format!("`{key}` has no values"), Some(hint));
        }
        let mut seen = BTreeSet::new();
        for (i, value) in values.iter().enumerate() {
            if !seen.insert(value.to_string()) {
                wrong(&format!("{pointer}/{i}"), format!("`{value}` is listed twice"), None);
            }
        }
    }
}

/// Axes that move together have equally many values.
fn groups(grid: &Grid, wrong: &mut Wrong) {
    for (i, group) in grid.zip.iter().enumerate() {
        let Some((first, values)) = group.first() else {
            wrong(&format!("/grid/zip/{i}"), "this group has no axes".to_owned(), None);
            continue;
        };
        for (key, others) in group.iter().filter(|(_, others)| others.len() != values.len()) {
            let message = format!(
                "`{key}` and `{first}` move together, and have {} and {} values",
                others.len(),
                values.len()
            );
            let hint = "give them equally many, or make them axes of `product`".to_owned();
            wrong(&format!("/grid/zip/{i}/{}", escape(key)), message, Some(hint));
        }
    }
}

/// What is left out must be there: a slip would train what nobody wants.
fn exclude(grid: &Grid, wrong: &mut Wrong) {
    let points = grid.combinations();
    if every_axis(grid).next().is_none() && !grid.exclude.is_empty() {
        wrong("/grid/exclude", "there are no axes to leave anything out of".to_owned(), None);
        return;
    }
    for (i, pattern) in grid.exclude.iter().enumerate() {
        let at = format!("/grid/exclude/{i}");
        let mut keys_are_known = true;
        for key in pattern.keys() {
            let known = every_axis(grid).map(|(_, key, _)| key).collect::<Vec<_>>();
            if let Err((message, hint)) = check_name("axis", key, known.iter().copied()) {
                keys_are_known = false;
                wrong(&format!("{at}/{}", escape(key)), message, hint);
            }
        }
        if pattern.is_empty() {
            wrong(&at, "this would leave out everything".to_owned(), None);
        } else if keys_are_known && !points.iter().any(|point| agrees(point, pattern)) {
            let hint = "write its values as the axes have them".to_owned();
            wrong(&at, "no combination is like this".to_owned(), Some(hint));
        }
    }
}

/// Why combinations of this many and this large values cannot be meant.
fn too_large(steps: &[Vec<Point>]) -> Option<String> {
    let count = steps.iter().fold(1, |count: usize, step| count.saturating_mul(step.len()));
    if count > MAX_TRIALS {
        return Some(format!(
            "these are {count} combinations, and a run has {MAX_TRIALS} trials at most"
        ));
    }
    let length = |point: &Point| -> usize {
        point.iter().map(|choice| choice.key.len() + choice.value.to_string().len()).sum()
    };
    // Each alternative of a step is in as many combinations as all other steps have.
    let of_step = |step: &Vec<Point>| {
        let once: usize = step.iter().map(length).sum();
        once.saturating_mul(count / step.len().max(1))
    };
    let bytes = steps.iter().map(of_step).fold(0, usize::saturating_add);
    (bytes > MAX_CONFIGS)
        .then(|| format!("what they set comes to more than {} MiB", MAX_CONFIGS >> 20))
}
