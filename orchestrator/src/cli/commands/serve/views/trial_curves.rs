//! The curves of one trial: of its metrics, and of its use of CPU, memory and GPUs.

use std::collections::{BTreeMap, BTreeSet};

use experiments::schema::report::{Curve, Figure, Report};
use reports::live::{self, LiveReport};
use reports::records::{Records, Trial, TrialState, Variant};
use reports::series::{Sample, Series, Spool};
use serde_json::{Map, Value};

use crate::cli::commands::error::Result as VerbResult;
use crate::cli::commands::report::records::CollectError;
use crate::cli::commands::show::TrialDetails;
use crate::run_dir::snapshot::RunSnapshot;
use crate::run_dir::system_samples::{self, SystemSample};
use crate::slots::short_uuid;
use crate::store::{Samples, Times};

/// Curves that are drawn.
const MOST_CURVES: usize = 12;

/// The trial's curves, those first that the file draws.
pub(super) async fn curves(
    details: &mut TrialDetails,
    snapshot: &RunSnapshot,
) -> VerbResult<LiveReport> {
    let id = details.one.status.trial.id.clone();
    let spool_folder = tempfile::tempdir()?;
    let (mut spool, mut series) = (Spool::new(spool_folder.path()), BTreeMap::new());
    let folder = spool_folder.path().to_owned();
    let spool_error = |source| CollectError::Spool { folder: folder.clone(), source };
    let take = |metric: String, samples: &mut Samples| {
        let mut count = 0;
        let counted =
            samples.inspect(|_| count += 1).map(|sample| sample.map_err(CollectError::from));
        let points: Series = spool.put(counted, spool_error)?;
        if count > 1 {
            series.insert(metric, points);
        }
        Ok::<_, CollectError>(())
    };
    details.one.store.each_series_of(&id, Times::Read, take).await?;
    let report = Report { figures: figures(&snapshot.run.report, &series), ..Report::default() };
    let metrics = details.one.store.metrics().await?;
    let planned = snapshot.trials.iter().find(|planned| planned.id == id);
    let config = planned.map(|planned| planned.config.clone()).unwrap_or_default();
    let records = Records {
        variants: vec![row(details, details.label.clone(), series, config)],
        metrics,
        ..Records::default()
    };
    Ok(live::draw(&report, &records)?)
}

/// The trial as the only one of the only row.
fn row(
    details: &TrialDetails,
    label: Option<String>,
    series: BTreeMap<String, Series>,
    config: Map<String, Value>,
) -> Variant {
    let trial = &details.one.status.trial;
    Variant {
        name: trial.variant.clone(),
        label: label.unwrap_or_else(|| trial.variant.clone()),
        trials: vec![Trial {
            id: trial.id.0.clone(),
            seed: trial.seed,
            state: TrialState::Succeeded,
            results: BTreeMap::new(),
            items: BTreeMap::new(),
            series,
            seconds: None,
            config,
            artifacts: Vec::new(),
        }],
        ..Variant::default()
    }
}

/// A curve of every metric, as the run's report draws it first if it does.
fn figures(report: &Report, series: &BTreeMap<String, Series>) -> Vec<Figure> {
    let drawn = report.figures.iter().filter_map(|figure| match figure {
        Figure::Curve(curve) => Some(curve.clone()),
        _ => None,
    });
    let others = series.keys().map(|metric| Curve {
        metric: metric.clone(),
        title: metric.clone(),
        ..Curve::default()
    });
    let mut seen = BTreeSet::new();
    let curves = drawn
        .chain(others)
        .filter(|curve| series.contains_key(&curve.metric) && seen.insert(curve.metric.clone()));
    numbered("curve", curves)
}

/// The curves by names of their own, each of the only trial.
fn numbered(name: &str, curves: impl Iterator<Item = Curve>) -> Vec<Figure> {
    let named = curves.take(MOST_CURVES).zip(1..).map(|(curve, number)| {
        let name = format!("{name}-{number}");
        Figure::Curve(Curve { name, variants: Vec::new(), reference: None, ..curve })
    });
    named.collect()
}

/// Curves of the last attempt's use of CPU, memory and GPUs; none if it was sampled less than twice.
pub(super) fn system_curves(details: &TrialDetails) -> VerbResult<LiveReport> {
    let Some(last) = details.attempts.last() else { return Ok(LiveReport::default()) };
    let samples = system_samples::read(&details.one.attempt(last.detail.number).system())?;
    let start = last.detail.started_ms as f64 / 1e3;
    let mut series = BTreeMap::<String, Vec<Sample>>::new();
    let mut last_step = None;
    for sample in &samples {
        let step = (sample.time - start).max(0.0) as u64;
        // The clock may have been set back.
        if last_step.is_some_and(|last| step <= last) {
            continue;
        }
        last_step = Some(step);
        for (name, value) in values(sample) {
            series.entry(name).or_default().push(Sample { step, value, seconds: f64::NAN });
        }
    }
    series.retain(|_, samples| samples.len() > 1);
    let curves = series.keys().map(|name| Curve {
        metric: name.clone(),
        title: name.clone(),
        x_label: Some("seconds since the attempt's start".to_owned()),
        ..Curve::default()
    });
    let report = Report { figures: numbered("system", curves), ..Report::default() };
    let series = series.iter().map(|(name, samples)| (name.clone(), Series::new(samples)));
    let label = Some(format!("attempt {}", last.detail.number));
    let records = Records {
        variants: vec![row(details, label, series.collect(), Map::new())],
        ..Records::default()
    };
    Ok(live::draw(&report, &records)?)
}

/// The values of a sample that are drawn, by their name and unit.
fn values(sample: &SystemSample) -> Vec<(String, f64)> {
    let gib = |bytes: u64| bytes as f64 / (1u64 << 30) as f64;
    let mut values = vec![
        ("busy cores".to_owned(), sample.cpu),
        ("memory (GiB)".to_owned(), gib(sample.memory)),
    ];
    for gpu in &sample.gpus {
        let name = short_uuid(&gpu.uuid);
        values.extend(gpu.utilization.map(|busy| (format!("{name}: busy (%)"), f64::from(busy))));
        values.push((format!("{name}: memory (GiB)"), gib(gpu.memory)));
    }
    values
}
