//! `orch export [RUN]`: writes every point that counts to files for other programs.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use experiments::protocol::exit;
use experiments::protocol::number::Number;
use experiments::protocol::trial_id::TrialId;
use futures_util::TryStreamExt;
use reports::table::record;
use serde::Serialize;
use serde_json::json;

use super::error::Result;
use super::output::{print_json, print_message};
use crate::cli::args::{self, ExportFormat, Global};
use crate::interop::parquet::ParquetFile;
use crate::platform::atomic_file::{FileError, TemporaryFile};
use crate::run_dir::RunDir;
use crate::store::sync;
use crate::store::{Point, Store, TrialRecord};
use crate::tensorboard::EventFile;

/// A point with its trial, in the order of the columns.
#[derive(Serialize)]
struct Line<'a> {
    trial: &'a TrialId,
    variant: &'a str,
    seed: u64,
    metric: &'a str,
    item: &'a str,
    step: u64,
    value: Number,
    time: Option<f64>,
}

/// The files that were written.
#[derive(Default)]
struct Exported {
    files: Vec<PathBuf>,
    points: u64,
}

/// Runs the verb.
pub(super) async fn run(arguments: &args::Export, global: &Global) -> Result<u8> {
    let dir = RunDir::find(&global.runs, arguments.run.as_deref())?;
    let mut store = sync::for_reading(&dir).await?;
    let mut trials = store.trials().await?;
    trials.retain(|trial| !trial.retired);
    let (format, out) = (arguments.format, &arguments.out);
    let exported = match format {
        ExportFormat::Tensorboard => event_files(&mut store, &trials, out).await?,
        ExportFormat::Csv | ExportFormat::Jsonl => lines(&mut store, &trials, format, out).await?,
        ExportFormat::Parquet => columns(&mut store, &trials, out).await?,
    };
    if arguments.json {
        print_json(&json!({
            "schema": 1,
            "run": dir.name(),
            "points": exported.points,
            "files": exported.files,
        }))?;
    } else if !global.quiet {
        let (points, trials) = (exported.points, trials.len());
        print_message(&format!("{points} points of {trials} trials are in `{}`", out.display()));
    }
    Ok(exit::OK)
}

/// All trials in one file, a line for each point.
async fn lines(
    store: &mut Store,
    trials: &[TrialRecord],
    format: ExportFormat,
    out: &Path,
) -> Result<Exported> {
    let mut exported = Exported { files: vec![out.to_owned()], points: 0 };
    let mut file = TemporaryFile::create(out)?;
    if format == ExportFormat::Csv {
        file.append(b"trial,variant,seed,metric,item,step,value,time\n")?;
    }
    for trial in trials {
        let mut points = store.points(&trial.id);
        while let Some(point) = points.try_next().await? {
            let line = Line::new(trial, &point);
            let text = if format == ExportFormat::Csv { line.csv() } else { line.json()? };
            file.append(text.as_bytes())?;
            exported.points += 1;
        }
    }
    file.persist()?;
    Ok(exported)
}

/// All trials in one Parquet file.
async fn columns(store: &mut Store, trials: &[TrialRecord], out: &Path) -> Result<Exported> {
    let mut exported = Exported { files: vec![out.to_owned()], points: 0 };
    let mut columns =
        ParquetFile::new(TemporaryFile::create(out)?).map_err(|source| failed(out, source))?;
    for trial in trials {
        let mut points = store.points(&trial.id);
        while let Some(point) = points.try_next().await? {
            columns.point(trial, &point).map_err(|source| failed(out, source))?;
            exported.points += 1;
        }
    }
    columns.finish().map_err(|source| failed(out, source))?.persist()?;
    Ok(exported)
}

/// A folder for each trial, with one file in it.
async fn event_files(store: &mut Store, trials: &[TrialRecord], out: &Path) -> Result<Exported> {
    let mut exported = Exported::default();
    for trial in trials {
        let mut points = store.points(&trial.id);
        let Some(mut point) = points.try_next().await? else { continue };
        let folder = out.join(&trial.id.0);
        fs::create_dir_all(&folder)
            .map_err(|source| FileError::Write { path: folder.clone(), source })?;
        // Always the same name: TensorBoard would show an older export beside a newer one.
        let path = folder.join("events.out.tfevents.0.orch");
        let mut file = TemporaryFile::create(&path)?;
        let mut events = EventFile::default();
        file.append(&events.head(point.time))?;
        loop {
            let tag = match point.item.as_str() {
                "" => point.metric.clone(),
                item => format!("{}/{item}", point.metric),
            };
            file.append(&events.scalar(&tag, point.step, point.value, point.time))?;
            exported.points += 1;
            let Some(next) = points.try_next().await? else { break };
            point = next;
        }
        file.persist()?;
        exported.files.push(path);
    }
    Ok(exported)
}

impl<'a> Line<'a> {
    fn new(trial: &'a TrialRecord, point: &'a Point) -> Self {
        Self {
            trial: &trial.id,
            variant: &trial.variant,
            seed: trial.seed,
            metric: &point.metric,
            item: &point.item,
            step: point.step,
            value: Number(point.value),
            time: point.time,
        }
    }

    fn csv(&self) -> String {
        record(&[
            self.trial.0.clone(),
            self.variant.to_owned(),
            self.seed.to_string(),
            self.metric.to_owned(),
            self.item.to_owned(),
            self.step.to_string(),
            self.value.0.to_string(),
            self.time.map(|time| time.to_string()).unwrap_or_default(),
        ])
    }

    fn json(&self) -> serde_json::Result<String> {
        Ok(serde_json::to_string(self)? + "\n")
    }
}

fn failed(path: &Path, source: io::Error) -> FileError {
    FileError::Write { path: path.to_owned(), source }
}
