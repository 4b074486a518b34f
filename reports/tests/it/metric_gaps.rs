//! Metrics that a report is made from and that trials do not report.

use std::collections::BTreeSet;

use experiments::schema::report::Report;
use reports::metric_gaps::{MetricGaps, ReportedMetrics};
use reports::records::Trial;
use serde_json::json;

use crate::fixtures::{records, series, trial, variant};

fn report(value: serde_json::Value) -> Report {
    serde_json::from_value(value).unwrap()
}

fn reported(trial: &str, finals: &[&str], by_step: &[&str]) -> ReportedMetrics {
    let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let variant = trial.split('-').next().unwrap().to_owned();
    ReportedMetrics { trial: trial.to_owned(), variant, finals: set(finals), by_step: set(by_step) }
}

fn gaps(report: &Report, trials: &[ReportedMetrics], by_step: &[&str]) -> MetricGaps {
    let by_step: BTreeSet<_> = by_step.iter().map(|name| (*name).to_owned()).collect();
    MetricGaps::new(report, trials, &by_step)
}

#[test]
fn a_metric_that_no_trial_reports_is_named_with_the_nearest_that_is() {
    let report = report(json!({
        "table": {"name": "t", "columns": [{"metric": "acuracy"}, {"metric": "loss"}, {"metric": "speed"}]},
        "claims": [{"claim": "c", "compare": "a.acuracy > b.acuracy"}],
        "figures": [
            {"bars": {"name": "bars", "metric": "acuracy"}},
            {"curve": {"name": "curve", "metric": "val/los"}},
            {"curve": {"name": "final", "metric": "accuracy"}},
        ],
    }));
    let trials =
        [reported("a-s0", &["accuracy", "loss"], &[]), reported("b-s0", &["accuracy"], &[])];
    let gaps = gaps(&report, &trials, &["val/loss", "speed"]);
    assert_eq!(
        gaps.problems(),
        [
            "table, claim `a.acuracy > b.acuracy`, figure `bars`: `acuracy`: no trial reports it; \
             reported are `accuracy`, `loss`. Did you mean `accuracy`?",
            "table: `speed`: no trial reports it in its `result`, only by step, in `metrics`",
            "figure `curve`: `val/los`: no trial reports it; reported are `speed`, `val/loss`. Did you \
             mean `val/loss`?",
            "figure `final`: `accuracy`: no trial reports it by step, in `metrics`, only in its `result`",
        ]
    );
    assert_eq!(gaps.notes(), ["`loss`: 1 trial has succeeded without it: b-s0"]);
    assert!(gaps.is_incomplete());
}

#[test]
fn a_trial_without_a_result_is_named_where_the_report_needs_one() {
    let table = report(json!({"table": {"name": "t", "columns": [{"metric": "psnr"}]}}));
    let trials = [reported("a-s0", &["psnr"], &[]), reported("b-s0", &[], &["loss"])];
    let gaps_of_table = gaps(&table, &trials, &["loss"]);
    assert_eq!(gaps_of_table.problems(), ["1 trial has succeeded and reported no result: b-s0"]);
    assert!(gaps_of_table.is_incomplete() && gaps_of_table.notes().is_empty());
    let none = gaps(&table, &trials[1..], &["loss"]);
    let words = "table: `psnr`: no trial reports it, nor any other in `result`";
    assert_eq!(none.problems()[0], words);
    // A figure of those that have it needs nothing of the others; nothing is missing of nothing.
    let bars = report(json!({"figures": [{"bars": {"name": "b", "metric": "psnr"}}]}));
    assert_eq!(gaps(&bars, &trials, &[]), MetricGaps::default());
    assert_eq!(gaps(&table, &[], &[]), MetricGaps::default());
}

#[test]
fn a_report_without_a_metric_is_incomplete_and_its_table_says_so() {
    let report = report(json!({
        "table": {"name": "t", "columns": [{"metric": "psnr"}, {"metric": "snr"}]},
        "figures": [{"curve": {"name": "c", "metric": "loss"}}],
    }));
    let points = [(1, 0.5), (2, 0.25)];
    let trial = Trial {
        series: [("loss".to_owned(), series(&points, &[]))].into(),
        ..trial(0, &[("psnr", 20.0)])
    };
    let records = records(vec![variant("a", "A", vec![trial])]);
    let out = tempfile::tempdir().unwrap();
    let written = reports::write(&report, &records, out.path()).unwrap();
    let words = "`snr`: no trial reports it; reported is `psnr`. Did you mean `psnr`?";
    assert!(written.is_incomplete());
    assert_eq!(written.metric_gaps.problems(), [format!("table: {words}")]);
    for name in ["t.md", "t.json", "report.html"] {
        let text = std::fs::read_to_string(out.path().join(name)).unwrap();
        // In Markdown a backtick is escaped.
        assert!(text.replace("\\`", "`").contains(words), "no `{words}` in {text}");
    }
}
