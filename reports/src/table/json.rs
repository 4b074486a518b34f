//! The table for programs: every seed's value at full precision and in the metric's own unit.

use std::collections::BTreeMap;

use experiments::number::Number;
use experiments::report::Better;
use serde::Serialize;

use super::{Cell, Column, Row, Table, Value};
use crate::records::{Trial, TrialState};

/// Version of the JSON. Raise it when an old reader would misunderstand a new file; adding a
/// field does not need it.
const SCHEMA: u32 = 1;

#[derive(Serialize)]
struct Document<'a> {
    schema: u32,
    name: &'a str,
    experiment: &'a str,
    profile: Option<&'a str>,
    caption: &'a str,
    columns: Vec<ColumnJson<'a>>,
    rows: Vec<RowJson<'a>>,
    notes: &'a [String],
}

#[derive(Serialize)]
struct ColumnJson<'a> {
    metric: &'a str,
    label: &'a str,
    description: &'a str,
    better: Option<Better>,
    decimals: usize,
    scale: f64,
    shown_unit: Option<&'a str>,
}

#[derive(Serialize)]
struct RowJson<'a> {
    variant: &'a str,
    label: &'a str,
    complete: bool,
    cells: BTreeMap<&'a str, CellJson>,
    trials: Vec<TrialJson<'a>>,
}

#[derive(Serialize)]
struct CellJson {
    mean: Option<Number>,
    sd: Option<Number>,
    n: usize,
    best: bool,
    paper: Option<Number>,
}

#[derive(Serialize)]
struct TrialJson<'a> {
    id: &'a str,
    seed: u64,
    state: &'a str,
    results: BTreeMap<&'a str, Number>,
}

impl Table {
    /// One object with `schema: 1`; values that are no numbers are written as in the events.
    pub fn json(&self) -> String {
        let document = Document {
            schema: SCHEMA,
            name: &self.name,
            experiment: &self.experiment,
            profile: self.profile.as_deref(),
            caption: &self.caption,
            columns: self.columns.iter().map(ColumnJson::new).collect(),
            rows: self.rows.iter().map(|row| self.row_json(row)).collect(),
            notes: &self.notes,
        };
        let text = serde_json::to_string_pretty(&document);
        text.expect("plain data with string keys") + "\n"
    }

    fn row_json<'a>(&'a self, row: &'a Row) -> RowJson<'a> {
        let metrics = self.columns.iter().map(|c| c.spec.metric.as_str());
        RowJson {
            variant: &row.variant.name,
            label: &row.variant.label,
            complete: row.variant.is_complete(),
            cells: metrics.zip(row.cells.iter().map(CellJson::new)).collect(),
            trials: row.variant.trials.iter().map(TrialJson::new).collect(),
        }
    }
}

impl<'a> ColumnJson<'a> {
    fn new(column: &'a Column) -> Self {
        Self {
            metric: &column.spec.metric,
            label: &column.label,
            description: &column.description,
            better: column.spec.better,
            decimals: column.spec.decimals,
            scale: column.spec.scale,
            shown_unit: column.unit.as_deref(),
        }
    }
}

impl CellJson {
    fn new(cell: &Cell) -> Self {
        let (mean, sd, n) = match cell.value {
            Value::Absent => (None, None, 0),
            Value::NonFinite(v) => (Some(v), None, 0),
            Value::Finite(s) => (Some(s.mean), s.sd, s.n),
        };
        let number = |v: Option<f64>| v.map(Number);
        Self { mean: number(mean), sd: number(sd), n, best: cell.best, paper: number(cell.paper) }
    }
}

impl<'a> TrialJson<'a> {
    fn new(trial: &'a Trial) -> Self {
        let state = match &trial.state {
            TrialState::Succeeded => "succeeded",
            TrialState::Unfinished(why) => why,
        };
        let results = trial.results.iter().map(|(name, v)| (name.as_str(), Number(*v)));
        Self { id: &trial.id, seed: trial.seed, state, results: results.collect() }
    }
}
