//! `experiment.yaml` in the run's folder: the file as it was resolved when it was run last.

use std::path::Path;

use experiments::executor::{Executor, Slurm};
use experiments::expand::{Row, Run, Weight};
use experiments::file::{Retry, Stall, Worker};
use experiments::keep::Keep;
use experiments::report::Report;
use experiments::resources::Resources;
use experiments::{source, yaml};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::by_hand;
use crate::core::State;
use crate::durable::{self, FileError};
use crate::plan::Plan;
use crate::shown::Shown;
use crate::store::TrialRow;

/// An experiment under one profile, everything filled in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Resolved {
    /// The experiment's name.
    pub experiment: String,
    /// The profile.
    pub profile: Option<String>,
    /// The profile's caption.
    pub caption: String,
    /// The words of the command line that ran it last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
    /// What `--set` changed of the file when it was run last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub set: Vec<String>,
    /// SHA-256 of the file that it was resolved from.
    pub file_hash: String,
    /// The program that carries trials out.
    pub worker: Worker,
    /// What one attempt holds.
    pub resources: Resources,
    /// Where attempts run.
    #[serde(default)]
    pub executor: Executor,
    /// How they are submitted, where that is Slurm.
    #[serde(default)]
    pub slurm: Slurm,
    /// What happens after a failure.
    pub retry: Retry,
    /// The variants that the last `orch run` was confined to; all if empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub only: Vec<String>,
    /// What happens to an attempt of which nothing is heard.
    #[serde(default)]
    pub stall: Stall,
    /// What `orch gc` leaves; everything if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep: Option<Keep>,
    /// Name and label of every row.
    pub rows: Vec<Row>,
    /// Every trial with its config.
    pub trials: Vec<ResolvedTrial>,
    /// The table and figures that come out.
    pub report: Report,
}

/// One trial.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ResolvedTrial {
    /// Its id.
    pub id: String,
    /// The variant's name.
    pub variant: String,
    /// The seed.
    pub seed: u64,
    /// The config with every default.
    pub config: Map<String, Value>,
    /// What decides when it starts.
    #[serde(default)]
    pub weight: Weight,
}

impl Resolved {
    /// What running `plan` of `run` resolves `text` to.
    pub fn new(run: &Run, plan: &Plan, only: &[String], command: Vec<String>, text: &str) -> Self {
        Self {
            command,
            experiment: run.experiment.clone(),
            profile: run.profile.clone(),
            caption: run.caption.clone(),
            set: run.set.clone(),
            file_hash: hash(text),
            worker: run.worker.clone(),
            resources: run.resources.clone(),
            executor: run.executor,
            slurm: run.slurm.clone(),
            retry: run.retry.clone(),
            only: only.to_vec(),
            stall: run.stall.clone(),
            keep: run.keep.clone(),
            rows: run.rows.clone(),
            trials: plan
                .trials
                .iter()
                .map(|trial| ResolvedTrial {
                    id: trial.id.0.clone(),
                    variant: trial.frozen.variant.clone(),
                    seed: trial.frozen.seed,
                    config: trial.frozen.config.clone(),
                    weight: run.weights.get(&trial.frozen.variant).copied().unwrap_or_default(),
                })
                .collect(),
            report: run.report.clone(),
        }
    }

    /// A caption of the profile, and how the last `orch run` departed from what it tells.
    pub fn with_set(&self, of_profile: &str) -> String {
        if self.set.is_empty() {
            return of_profile.to_owned();
        }
        format!("{of_profile} Run with --set {}.", self.set.join(", ")).trim_start().to_owned()
    }

    /// The command that goes on with it, as one types it.
    pub fn command_line(&self) -> String {
        if self.command.is_empty() {
            // It was last run by a version that did not record it.
            return "orch run FILE".to_owned();
        }
        self.command.iter().map(|word| by_hand::quoted(word)).collect::<Vec<_>>().join(" ")
    }

    /// Those of the recorded trials that the last `orch run` was to carry out, or had done before.
    pub fn of_last_run(&self, recorded: Vec<TrialRow>) -> Vec<TrialRow> {
        let meant = |trial: &TrialRow| !trial.retired && !self.leaves_out(trial);
        recorded.into_iter().filter(meant).collect()
    }

    /// Whether the last `orch run` was confined to other variants.
    pub fn leaves_out(&self, trial: &TrialRow) -> bool {
        !self.only.is_empty() && !self.only.contains(&trial.variant)
    }

    /// Why a trial is in its state; of one that waits because it was left out, just that.
    pub fn reason(&self, shown: &Shown) -> String {
        match shown.trial.state {
            State::Queued { .. } if self.leaves_out(&shown.trial) => {
                "left out by `--only`".to_owned()
            }
            _ => shown.reason(),
        }
    }

    /// Reads the file at `path`.
    pub fn read(path: &Path) -> Result<Self, source::FileError> {
        source::Source::read_record(path)?.decode()
    }

    /// Writes the file at `path`, whole or not at all.
    pub fn write(&self, path: &Path) -> Result<(), FileError> {
        durable::write(path, yaml::to_string(self).as_bytes())
    }
}

/// SHA-256 of an experiment file's text, in hexadecimal.
pub fn hash(text: &str) -> String {
    base16ct::lower::encode_string(&Sha256::digest(text))
}

/// The metric to show beside a trial's progress: that of the first curve.
pub fn headline(report: &Report) -> Option<&str> {
    report.figures.iter().find_map(|figure| match figure {
        experiments::report::Figure::Curve(curve) => Some(curve.metric.as_str()),
        _ => None,
    })
}
