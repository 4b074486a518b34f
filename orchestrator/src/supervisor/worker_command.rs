//! The worker of one attempt, every template of the file filled in.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;

use experiments::expand::command::{Folders, Values};
use experiments::expand::{ResolvedTrial, RunConfig};
use experiments::schema::metrics::MetricSource;

use crate::run_dir::RunDir;
use crate::run_dir::trial;

/// A worker's command, and what belongs to it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct WorkerCommand {
    /// Program and arguments.
    pub(crate) argv: Vec<String>,
    /// Its working directory, absolute.
    pub(crate) directory: PathBuf,
    /// The file's variables.
    pub(crate) env: BTreeMap<String, String>,
    /// Sources of its metrics; paths are relative to the directory.
    pub(crate) metrics: Vec<MetricSource>,
}

impl WorkerCommand {
    /// The worker of attempt `number` of `trial`, with its `own` folders, in the run's folder `dir`.
    pub(crate) fn new(
        run: &RunConfig,
        dir: &RunDir,
        trial: &ResolvedTrial,
        number: u32,
        own: &trial::Folders,
    ) -> io::Result<Self> {
        let folder = std::path::absolute(dir.trial(&trial.id))?;
        let trial::Folders { checkpoints, artifacts } = own;
        let folders = Folders {
            file: run.folder.clone(),
            attempt: std::path::absolute(dir.attempt(&trial.id, number).path())?,
            checkpoints: folder.join(checkpoints),
            artifacts: folder.join(artifacts),
            trial: folder,
        };
        let values = Values { trial, cpus: run.resources.cpus, folders: &folders };
        let env = run.worker.env.iter();
        let metrics = run.worker.metrics.iter().cloned().map(|source| {
            let path = source.is_path().then(|| values.fill(&source.text));
            MetricSource { text: path.unwrap_or(source.text), ..source }
        });
        Ok(Self {
            argv: values.command(&run.worker),
            directory: values.directory(&run.worker),
            env: env.map(|(name, value)| (name.clone(), values.fill(value))).collect(),
            metrics: metrics.collect(),
        })
    }
}
