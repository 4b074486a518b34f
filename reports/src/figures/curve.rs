//! A metric against the training step: which points are drawn, and the same points as CSV.

use std::collections::{BTreeMap, BTreeSet};

use experiments::report::{self, Reference};

use super::picture::{PictureError, png};
use super::plot::plot;
use crate::files::Files;
use crate::records::{Records, Trial, Variant};
use crate::statistics::Summary;
use crate::table::record;

/// What a plot shows.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Curves {
    pub(super) title: String,
    /// What a reader must know about the seeds.
    pub(super) subtitle: String,
    pub(super) x_label: String,
    pub(super) y_label: String,
    pub(super) lines: Vec<Line>,
    pub(super) reference: Option<Level>,
}

/// One variant's line.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Line {
    variant: String,
    pub(super) label: String,
    /// Chooses colour and marker; the same in every figure of the run.
    pub(super) index: usize,
    /// In order of step; no summary where a seed's value is missing or not finite.
    pub(super) points: Vec<(u64, Option<Summary>)>,
}

/// A dashed horizontal line.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Level {
    variant: String,
    pub(super) label: String,
    pub(super) value: f64,
}

/// Draws the figure and its data into `files`; says what is missing.
pub(super) fn draw(spec: &report::Curve, records: &Records, files: &mut Files) -> Vec<String> {
    let mut problems = Vec::new();
    let reference = spec.reference.as_ref().and_then(|wanted| {
        let level = level(wanted, records);
        let (variant, metric) = (&wanted.variant, &wanted.metric);
        if level.is_none() {
            problems.push(format!("no value of `{metric}` for the reference `{variant}` yet"));
        }
        level
    });
    let curves = Curves::new(spec, records, reference);
    if curves.lines.is_empty() {
        problems.push(format!("no records of `{}` yet", spec.metric));
        return problems;
    }
    match pictures(&curves) {
        Ok((svg, png)) => {
            files.add(format!("figures/{}.svg", spec.name), svg.into_bytes());
            files.add(format!("figures/{}.png", spec.name), png);
            files.add(format!("data/{}.csv", spec.name), curves.csv().into_bytes());
        }
        Err(e) => problems.push(e.to_string()),
    }
    problems
}

fn pictures(curves: &Curves) -> Result<(String, Vec<u8>), PictureError> {
    let picture = plot(curves)?;
    Ok((picture.svg(), png(&picture.pixmap()?)?))
}

impl Curves {
    pub(super) fn new(spec: &report::Curve, records: &Records, reference: Option<Level>) -> Self {
        let untrained = spec.reference.as_ref().map(|r| r.variant.as_str());
        let trained: Vec<&str> = records
            .variants
            .iter()
            .map(|v| v.name.as_str())
            .filter(|n| Some(*n) != untrained)
            .collect();
        let lines: Vec<Line> = records
            .select(&spec.variants)
            .filter_map(|variant| {
                let index = trained.iter().position(|name| *name == variant.name)?;
                Line::new(variant, &spec.metric, index)
            })
            .collect();
        let unit = records.metrics.get(&spec.metric).and_then(|info| info.unit.as_ref());
        let own_label =
            unit.map_or_else(|| spec.metric.clone(), |u| format!("{} ({u})", spec.metric));
        Self {
            title: spec.title.clone(),
            subtitle: subtitle(&lines),
            x_label: spec.x_label.clone(),
            y_label: spec.y_label.clone().unwrap_or(own_label),
            lines,
            reference,
        }
    }

    /// The points drawn, one a line; the reference has no step.
    pub(super) fn csv(&self) -> String {
        let mut text = record(&["variant", "step", "mean", "sd", "n"].map(str::to_owned));
        let field = |value: Option<f64>| value.map(|v| v.to_string()).unwrap_or_default();
        for line in &self.lines {
            for (step, summary) in &line.points {
                text.push_str(&record(&[
                    line.variant.clone(),
                    step.to_string(),
                    field(summary.map(|s| s.mean)),
                    field(summary.and_then(|s| s.sd)),
                    summary.map_or(0, |s| s.n).to_string(),
                ]));
            }
        }
        if let Some(level) = &self.reference {
            let (variant, value) = (level.variant.clone(), level.value.to_string());
            text.push_str(&record(&[variant, String::new(), value, String::new(), String::new()]));
        }
        text
    }
}

impl Line {
    /// None if no trial has a finite point. Trials under way are drawn only while none has
    /// finished, so that a mean is over the same seeds at every step.
    fn new(variant: &Variant, metric: &str, index: usize) -> Option<Self> {
        let series = |t: &Trial| t.series.get(metric).filter(|points| !points.is_empty()).cloned();
        let mut drawn: Vec<_> = variant.finished().filter_map(series).collect();
        if drawn.is_empty() {
            drawn = variant.trials.iter().filter_map(series).collect();
        }
        let seeds: Vec<BTreeMap<u64, f64>> =
            drawn.into_iter().map(|points| points.into_iter().collect()).collect();
        let steps: BTreeSet<u64> = seeds.iter().flat_map(|s| s.keys().copied()).collect();
        let at = |step: u64| {
            let value =
                |seed: &BTreeMap<u64, f64>| seed.get(&step).copied().filter(|v| v.is_finite());
            let values: Option<Vec<f64>> = seeds.iter().map(value).collect();
            (step, values.and_then(|values| Summary::of(&values)))
        };
        let points: Vec<_> = steps.into_iter().map(at).collect();
        let mark = if variant.is_complete() { "" } else { "†" };
        let label = format!("{}{mark}", variant.label);
        let line = Self { variant: variant.name.clone(), label, index, points };
        line.points.iter().any(|(_, summary)| summary.is_some()).then_some(line)
    }
}

fn subtitle(lines: &[Line]) -> String {
    let summaries = lines.iter().flat_map(|line| &line.points).filter_map(|(_, summary)| *summary);
    let mut facts = Vec::new();
    if let Some(n) = summaries.map(|s| s.n).max().filter(|n| *n > 1) {
        facts.push(format!("mean ± standard deviation of {n} seeds"));
    }
    if lines.iter().any(|line| line.label.ends_with('†')) {
        facts.push("† not all seeds have finished".to_owned());
    }
    facts.join(" · ")
}

fn level(wanted: &Reference, records: &Records) -> Option<Level> {
    let variant = records.variants.iter().find(|v| v.name == wanted.variant)?;
    let values = variant.finished().filter_map(|t| t.results.get(&wanted.metric).copied());
    let values: Vec<f64> = values.filter(|v| v.is_finite()).collect();
    let value = Summary::of(&values)?.mean;
    Some(Level { variant: variant.name.clone(), label: variant.label.clone(), value })
}
