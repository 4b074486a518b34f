//! `orch export [RUN]`: writes every point that counts to files for other programs.

mod system;

use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use experiments::protocol::exit;
use experiments::protocol::number::Number;
use experiments::protocol::trial_id::TrialId;
use futures_util::TryStreamExt;
use reports::table::{record, text_field};
use serde::Serialize;
use serde_json::json;

use crate::cli::args::{self, ExportFormat, Global};
use crate::cli::commands::damage::open_records;
use crate::cli::commands::error::{Result, VerbError};
use crate::cli::commands::output::{print_json, print_message};
use crate::interop::parquet::ParquetFile;
use crate::platform::atomic_file::{self, FileError, TemporaryFile};
use crate::run_dir::RunDir;
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

/// Standard output cannot be what the arguments ask of it.
#[derive(Debug, thiserror::Error)]
pub(in crate::cli::commands) enum ExportRequestError {
    /// The format is not a stream of text.
    #[error(
        "only CSV and JSON lines can be written to standard output\n\n\
         hint: name a file or a folder with `--out`"
    )]
    NotText,
    /// The points and the JSON object would be mixed.
    #[error(
        "`--out -` and `--json` would both print on standard output\n\n\
         hint: leave one of them out"
    )]
    TwoOutputs,
    /// Samples of the machine have no such format.
    #[error(
        "samples of CPU, memory and GPUs are written as CSV and JSON lines only\n\n\
         hint: `--format csv`"
    )]
    SystemFormat,
}

/// The records that are exported.
struct Source<'a> {
    dir: &'a RunDir,
    store: Store,
    trials: Vec<TrialRecord>,
    /// True if the samples of the machine are, in place of the points.
    is_system: bool,
}

/// The files that were written.
#[derive(Default)]
struct Exported {
    files: Vec<PathBuf>,
    points: u64,
}

/// Runs the verb.
pub(in crate::cli::commands) async fn run(arguments: &args::Export, global: &Global) -> Result<u8> {
    let dir = RunDir::find(&global.runs, arguments.run.as_deref())?;
    let mut store = open_records(&dir).await?;
    let mut trials = store.trials().await?;
    trials.retain(|trial| !trial.retired);
    let (format, out) = (arguments.format, &arguments.out);
    let mut source = Source { dir: &dir, store, trials, is_system: arguments.system };
    if out == Path::new("-") {
        return print_lines(&mut source, arguments).await;
    }
    let exported = match format {
        ExportFormat::Csv | ExportFormat::Jsonl => lines(&mut source, format, out).await?,
        _ if arguments.system => return Err(ExportRequestError::SystemFormat.into()),
        ExportFormat::Tensorboard => event_files(&mut source, out).await?,
        ExportFormat::Parquet => columns(&mut source, out).await?,
    };
    if arguments.json {
        print_json(&json!({
            "schema": 1,
            "run": dir.name(),
            "points": exported.points,
            "files": exported.files,
        }))?;
    } else if !global.quiet {
        let (points, trials) = (exported.points, source.trials.len());
        let what = if arguments.system { "sampled values" } else { "points" };
        print_message(&format!("{points} {what} of {trials} trials are in `{}`", out.display()));
    }
    Ok(exit::OK)
}

/// All trials in one file, a line for each point.
async fn lines(source: &mut Source<'_>, format: ExportFormat, out: &Path) -> Result<Exported> {
    let mut file = create(out)?;
    let points = write_lines(source, format, |text| file.append(text.as_bytes())).await?;
    file.persist()?;
    Ok(Exported { files: vec![out.to_owned()], points })
}

/// The same on standard output. A reader that leaves early (`| head`) is not an error.
async fn print_lines(source: &mut Source<'_>, arguments: &args::Export) -> Result<u8> {
    match arguments.format {
        ExportFormat::Parquet | ExportFormat::Tensorboard => {
            return Err(ExportRequestError::NotText.into());
        }
        _ if arguments.json => return Err(ExportRequestError::TwoOutputs.into()),
        ExportFormat::Csv | ExportFormat::Jsonl => {}
    }
    let mut stdout = BufWriter::new(io::stdout().lock());
    let print = |text: &str| stdout.write_all(text.as_bytes());
    let printed = write_lines(source, arguments.format, print).await;
    match printed.and_then(|_| Ok(stdout.flush()?)) {
        Err(error) if error.is_closed_pipe() => Ok(exit::OK),
        printed => printed.map(|()| exit::OK),
    }
}

/// Gives every line to `write`, and returns the number of points.
async fn write_lines<E>(
    source: &mut Source<'_>,
    format: ExportFormat,
    mut write: impl FnMut(&str) -> Result<(), E>,
) -> Result<u64>
where
    VerbError: From<E>,
{
    let Source { dir, store, trials, is_system } = source;
    if *is_system {
        return system::write_lines(dir, store, trials, format, write).await;
    }
    let mut count = 0;
    if format == ExportFormat::Csv {
        write("trial,variant,seed,metric,item,step,value,time\n")?;
    }
    for trial in &*trials {
        let mut points = store.points(&trial.id);
        while let Some(point) = points.try_next().await? {
            let line = Line::new(trial, &point);
            write(&if format == ExportFormat::Csv { line.csv() } else { line.json()? })?;
            count += 1;
        }
    }
    Ok(count)
}

/// All trials in one Parquet file.
async fn columns(source: &mut Source<'_>, out: &Path) -> Result<Exported> {
    let mut exported = Exported { files: vec![out.to_owned()], points: 0 };
    let mut columns = ParquetFile::new(create(out)?).map_err(|source| failed(out, source))?;
    for trial in &source.trials {
        let mut points = source.store.points(&trial.id);
        while let Some(point) = points.try_next().await? {
            columns.point(trial, &point).map_err(|source| failed(out, source))?;
            exported.points += 1;
        }
    }
    columns.finish().map_err(|source| failed(out, source))?.persist()?;
    Ok(exported)
}

/// A folder for each trial, with one file in it.
async fn event_files(source: &mut Source<'_>, out: &Path) -> Result<Exported> {
    let mut exported = Exported::default();
    for trial in &source.trials {
        let mut points = source.store.points(&trial.id);
        let Some(mut point) = points.try_next().await? else { continue };
        let folder = out.join(&trial.id.0);
        fs::create_dir_all(&folder)
            .map_err(|source| FileError::Write { path: folder.clone(), source })?;
        // Always the same name: TensorBoard would show an older export beside a newer one.
        let path = folder.join("events.out.tfevents.0.orch");
        let mut file = create(&path)?;
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
            text_field(self.metric).into_owned(),
            text_field(self.item).into_owned(),
            self.step.to_string(),
            self.value.0.to_string(),
            self.time.map(|time| time.to_string()).unwrap_or_default(),
        ])
    }

    fn json(&self) -> serde_json::Result<String> {
        Ok(serde_json::to_string(self)? + "\n")
    }
}

/// A file that is to become `path`; what killed exports left beside it is removed.
fn create(path: &Path) -> Result<TemporaryFile, FileError> {
    atomic_file::clean_up_beside(path);
    TemporaryFile::create(path)
}

fn failed(path: &Path, source: io::Error) -> FileError {
    FileError::Write { path: path.to_owned(), source }
}
