//! The table of trials, the same while a run goes on and in `orch status`.

use std::time::Duration;

use experiments::protocol::trial_id::TrialId;
use experiments::schema::report::Report;

use super::progress::Progress;
use super::style;
use super::table::{Column, Row, Table};
use super::text::{bar, duration, values};
use crate::run_dir::snapshot;

/// Cells of a bar.
const BAR: usize = 16;

/// The metric that is shown beside the progress.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Headline {
    /// The metric's name.
    pub metric: String,
    /// Digits after the point, by the column of the report's table; `None` for as many as its values ask
    /// for.
    pub decimals: Option<usize>,
}

impl Headline {
    /// The metric of the first curve; `None` without curves.
    pub(crate) fn of(report: &Report) -> Option<Self> {
        let metric = snapshot::headline(report)?;
        Some(Self { metric: metric.to_owned(), decimals: snapshot::decimals(report, metric) })
    }
}

/// A trial as a line of the table.
#[derive(Debug, Clone)]
pub(crate) struct TrialLine<'a> {
    pub(crate) id: &'a TrialId,
    /// A word.
    pub(crate) state: &'a str,
    /// True if an attempt is running, so that its progress is shown.
    pub(crate) is_active: bool,
    pub(crate) progress: Option<&'a Progress>,
    /// The newest value of the headline metric.
    pub(crate) value: Option<f64>,
    pub(crate) spent: Option<Duration>,
    pub(crate) left: Option<Duration>,
    /// `None` to leave the column empty.
    pub(crate) attempts: Option<u32>,
    pub(crate) reason: String,
}

/// The choice to draw progress as bars.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bars {
    /// Beside the steps.
    Drawn,
    /// Steps alone.
    Omitted,
}

/// The table of these trials.
pub(crate) fn table(lines: &[TrialLine], headline: Option<&Headline>, bars: Bars) -> Table {
    let decimals = headline.and_then(|headline| headline.decimals);
    let known: Vec<f64> = lines.iter().filter_map(|line| line.value).collect();
    let mut shown = values(&known, decimals).into_iter();
    let rows = lines.iter().map(|line| {
        let value = line.value.and_then(|_| shown.next());
        row(line, value.unwrap_or_default(), bars)
    });
    let column = |heading: &str, weight| Column { heading: heading.to_owned(), weight };
    let metric = headline.map_or("", |headline| headline.metric.as_str());
    Table {
        name: "trial",
        columns: vec![
            column("state", None),
            column("phase", Some(2)),
            column("", Some(1)),
            column("step", Some(6)),
            column("rate", Some(4)),
            column("time", Some(3)),
            column("left", Some(7)),
            column(metric, Some(5)),
            column("attempts", Some(0)),
        ],
        remark: "reason",
        rows: rows.collect(),
    }
}

fn row(line: &TrialLine, value: String, bars: Bars) -> Row {
    let progress = line.progress.filter(|_| line.is_active);
    let (mut phase, mut drawn, mut step) = (String::new(), String::new(), String::new());
    if let Some((name, done, of)) = progress.and_then(|progress| progress.phase.as_ref()) {
        if bars == Bars::Drawn {
            drawn = bar(*done as f64 / (*of).max(1) as f64, BAR);
        }
        step = format!("{done}/{of}");
        phase.clone_from(name);
    } else if let Some(done) = progress.and_then(|progress| progress.step) {
        step = done.to_string();
    }
    let stalled = progress.is_some_and(|progress| progress.stalled);
    let state = if stalled { "stalled" } else { line.state };
    let rate = progress.and_then(Progress::rate).map_or(String::new(), rate);
    let time = |time: Option<Duration>| time.map_or(String::new(), duration);
    Row {
        name: line.id.0.clone(),
        style: style::of_state(state),
        cells: vec![
            state.to_owned(),
            phase,
            drawn,
            step,
            rate,
            time(line.spent),
            time(line.left),
            value,
            line.attempts.map_or(String::new(), |attempts| attempts.to_string()),
        ],
        remark: line.reason.lines().next().unwrap_or_default().to_owned(),
        cells_first: line.is_active || line.state == "succeeded",
    }
}

/// Units of progress in a time that leaves a digit before the point: `12/s`, `3.4/min`.
pub(crate) fn rate(per_second: f64) -> String {
    let (rate, unit) = match per_second {
        rate if rate >= 1.0 => (rate, "s"),
        rate if rate >= 1.0 / 60.0 => (rate * 60.0, "min"),
        rate => (rate * 3600.0, "h"),
    };
    if rate < 100.0 { format!("{rate:.1}/{unit}") } else { format!("{rate:.0}/{unit}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_have_a_digit_before_the_point() {
        let rates = [250.4, 99.94, 1.0, 0.5, 0.01, 0.0001].map(rate);
        assert_eq!(rates, ["250/s", "99.9/s", "1.0/s", "30.0/min", "36.0/h", "0.4/h"]);
    }
}
