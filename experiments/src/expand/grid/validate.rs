//! The rules for a grid, checked before a single combination is made.

use std::collections::BTreeSet;

use serde_json::Value;

use super::combinations::{Point, matches};
use crate::expand::findings::Findings;
use crate::expand::limits::{MAX_CONFIGS, MAX_TRIALS};
use crate::expand::names::check_name;
use crate::schema::grid::Grid;
use crate::yaml::pointer::escape;
use crate::yaml::source::{FileError, Source};

/// Checks a decoded grid; all findings are reported at once.
pub(super) fn grid(source: &Source, grid: &Grid) -> Result<(), FileError> {
    let mut findings = Findings::new(source);
    let axes = axes(grid);
    check_axes(&axes, &mut findings);
    check_groups(grid, &mut findings);
    for (i, settings) in grid.include.iter().enumerate() {
        if settings.is_empty() {
            findings.add(&format!("/grid/include/{i}"), "this sets nothing");
        }
    }
    match too_large(&grid.alternatives()) {
        Some(message) => {
            findings.advise("/grid", message, "shorten an axis, or let several files share them");
        }
        None => check_exclude(grid, &axes, &mut findings),
    }
    findings.into_result()
}

struct Axis<'a> {
    pointer: String,
    key: &'a str,
    values: &'a [Value],
}

fn axes(grid: &Grid) -> Vec<Axis<'_>> {
    let mut axes = Vec::new();
    for (key, values) in &grid.product {
        axes.push(Axis { pointer: format!("/grid/product/{}", escape(key)), key, values });
    }
    for (i, group) in grid.zip.iter().enumerate() {
        for (key, values) in group {
            axes.push(Axis { pointer: format!("/grid/zip/{i}/{}", escape(key)), key, values });
        }
    }
    axes
}

fn check_axes(axes: &[Axis], findings: &mut Findings) {
    let mut keys = BTreeSet::new();
    for Axis { pointer, key, values } in axes {
        if !keys.insert(key) {
            findings.add(pointer, format!("`{key}` is an axis already"));
        }
        if values.is_empty() {
            let hint = "list its values, or remove the axis";
            findings.advise(pointer, format!("`{key}` has no values"), hint);
        }
        let mut seen = BTreeSet::new();
        for (i, value) in values.iter().enumerate() {
            if !seen.insert(value.to_string()) {
                findings.add(&format!("{pointer}/{i}"), format!("`{value}` is listed twice"));
            }
        }
    }
}

/// Axes that change together must have equally many values.
fn check_groups(grid: &Grid, findings: &mut Findings) {
    for (i, group) in grid.zip.iter().enumerate() {
        let Some((first, values)) = group.first() else {
            findings.add(&format!("/grid/zip/{i}"), "this group has no axes");
            continue;
        };
        for (key, others) in group.iter().filter(|(_, others)| others.len() != values.len()) {
            let message = format!(
                "`{key}` and `{first}` change together, but have {} and {} values",
                others.len(),
                values.len()
            );
            let hint = "give them equally many, or make them axes of `product`";
            findings.advise(&format!("/grid/zip/{i}/{}", escape(key)), message, hint);
        }
    }
}

/// An exclusion must exclude something: a typo would train unwanted variants.
fn check_exclude(grid: &Grid, axes: &[Axis], findings: &mut Findings) {
    if axes.is_empty() && !grid.exclude.is_empty() {
        findings.add("/grid/exclude", "there are no axes to exclude anything from");
        return;
    }
    let points = grid.combinations();
    for (i, pattern) in grid.exclude.iter().enumerate() {
        let pointer = format!("/grid/exclude/{i}");
        for key in pattern.keys() {
            let known = check_name("axis", key, axes.iter().map(|axis| axis.key));
            findings.check(&format!("{pointer}/{}", escape(key)), known);
        }
        if pattern.is_empty() {
            findings.add(&pointer, "this would exclude everything");
        } else if pattern.keys().all(|key| axes.iter().any(|axis| axis.key == key))
            && !points.iter().any(|point| matches(point, pattern))
        {
            let hint = "write its values as the axes have them";
            findings.advise(&pointer, "no combination is like this", hint);
        }
    }
}

/// A message if the combinations are unreasonably many or large.
fn too_large(alternatives: &[Vec<Point>]) -> Option<String> {
    let count = alternatives.iter().fold(1, |count: usize, step| count.saturating_mul(step.len()));
    if count > MAX_TRIALS {
        return Some(format!(
            "these are {count} combinations, and a run has {MAX_TRIALS} trials at most"
        ));
    }
    let mut bytes: usize = 0;
    for step in alternatives {
        let choices = step.iter().flatten();
        let once: usize = choices.map(|c| c.key.len() + c.value.to_string().len()).sum();
        // Each alternative is in as many combinations as all other axes have.
        bytes = bytes.saturating_add(once.saturating_mul(count / step.len().max(1)));
    }
    (bytes > MAX_CONFIGS)
        .then(|| format!("the settings come to more than {} MiB", MAX_CONFIGS >> 20))
}
