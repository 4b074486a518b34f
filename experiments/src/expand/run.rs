//! An experiment under one profile, and the resolution of its trials.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::command::{check_templates, has_names};
use super::config::Origin;
use super::key::key;
use super::names::check_name;
use super::overrides::Override;
use super::trial::{ResolvedTrial, TrialSpec, Weight};
use crate::protocol::check::{Reply, Request};
use crate::protocol::trial_id::TrialId;
use crate::schema::executor::{Executor, Slurm};
use crate::schema::file::{Retry, Stall};
use crate::schema::keep::Keep;
use crate::schema::notify::Notify;
use crate::schema::report::Report;
use crate::schema::resources::Resources;
use crate::schema::system::System;
use crate::schema::worker::Worker;
use crate::yaml::pointer::escape;
use crate::yaml::source::{FileError, Finding, Source};

/// The settings of an experiment under one profile, every default filled in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunConfig {
    /// The experiment's name.
    pub experiment: String,
    /// The file's description.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// The profile's name; `None` if the file has no profiles.
    pub profile: Option<String>,
    /// The profile's text below every table and figure.
    pub caption: String,
    /// The overrides of `--set`, as `KEY.PATH=VALUE`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub set: Vec<String>,
    /// The absolute path of the experiment file's folder: relative paths of `worker` start there.
    pub folder: PathBuf,
    /// The program that runs trials.
    pub worker: Worker,
    /// Resources of one attempt.
    pub resources: Resources,
    /// The executor of attempts.
    #[serde(default)]
    pub executor: Executor,
    /// Settings of submission, used where the executor is Slurm.
    #[serde(default)]
    pub slurm: Slurm,
    /// The policy after a failure.
    pub retry: Retry,
    /// The policy for an attempt that stalls.
    #[serde(default)]
    pub stall: Stall,
    /// The interval between samples of CPU, memory and GPUs.
    #[serde(default)]
    pub system: System,
    /// The checkpoints that `orch gc` keeps; all of them if `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep: Option<Keep>,
    /// Programs that are told what happens in the run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notify: Vec<Notify>,
    /// Name and label of every row, in table order.
    pub rows: Vec<Row>,
    /// The table, figures and claims of `orch report`.
    pub report: Report,
}

impl RunConfig {
    /// The working directory of `worker.check`, where also programs are that the file names by a path:
    /// the worker's, or the file's folder where the worker's differs from trial to trial.
    pub fn shared_directory(&self) -> PathBuf {
        match &self.worker.directory {
            Some(directory) if !has_names(directory) => self.folder.join(directory),
            _ => self.folder.clone(),
        }
    }
}

/// One row of the table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// The variant's name.
    pub name: String,
    /// Its name in the table.
    pub label: String,
    /// True if its results do not depend on the seed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub deterministic: bool,
}

/// An experiment under one profile, its configs not yet checked by the worker.
#[derive(Debug, Clone)]
pub struct Run {
    /// Settings shared by all trials.
    pub config: RunConfig,
    /// Every trial, variant by variant.
    pub trials: Vec<TrialSpec>,
    /// Start order by variant.
    pub(super) weights: BTreeMap<String, Weight>,
    pub(super) overrides: Vec<Override>,
    pub(super) source: Source,
    /// What the file says and hardly means.
    pub warnings: Vec<Finding>,
}

impl Run {
    /// The name of the run's folder: `table1.demo`, or `table1` if the file has no profiles.
    pub fn name(&self) -> String {
        let RunConfig { experiment, profile, .. } = &self.config;
        match profile {
            Some(profile) => format!("{experiment}.{profile}"),
            None => experiment.clone(),
        }
    }

    /// An error unless every one of `names` is a variant.
    pub fn check_rows(&self, names: &[String]) -> Result<(), FileError> {
        let known = self.config.rows.iter().map(|row| row.name.as_str());
        for name in names {
            check_name("variant", name, known.clone())
                .map_err(|error| error.at(format!("--only {name}")).into_error())?;
        }
        Ok(())
    }

    /// The requests to `worker.check`, one per trial.
    pub fn requests(&self) -> Vec<Request> {
        self.trials.iter().map(|spec| spec.request(self.config.resources.cpus)).collect()
    }

    /// The replies for a worker without `check`: every config as written.
    pub fn unchecked(&self) -> Vec<Reply> {
        self.requests()
            .into_iter()
            .map(|Request { trial, config, .. }| Reply {
                trial,
                config,
                build: None,
                data: None,
                problems: Vec::new(),
            })
            .collect()
    }

    /// The final trials, from one reply per trial in order. Problems that the worker found get their
    /// position in the file, but for those of a `--set` in variants that `--only` leaves out; two variants
    /// with the same config are an error.
    ///
    /// ```
    /// use std::path::Path;
    ///
    /// use experiments::expand::Experiment;
    /// use experiments::protocol::check::Problem;
    ///
    /// let run = Experiment::load(Path::new("table1.yaml"))?.expand(Some("demo"), &[])?;
    /// let trials = run.resolve(run.unchecked())?;
    /// assert!(trials[0].id.0.starts_with("bicubic-s0-"));
    ///
    /// let mut replies = run.unchecked();
    /// replies[0].problems.push(Problem {
    ///     pointer: "/training/batch".to_owned(),
    ///     message: "a batch of 8 images does not fit".to_owned(),
    /// });
    /// // `table1.yaml:LINE:COLUMN: a batch of 8 images does not fit (variant `bicubic`)`
    /// let error = run.resolve(replies).unwrap_err();
    /// assert!(error.findings[0].position.starts_with("table1.yaml:"));
    /// # Ok::<(), experiments::yaml::source::FileError>(())
    /// ```
    pub fn resolve(&self, replies: Vec<Reply>) -> Result<Vec<ResolvedTrial>, FileError> {
        self.refuse_problems(&replies)?;
        let mut resolved = Vec::new();
        for (spec, reply) in self.trials.iter().zip(replies) {
            let key = key(&self.config.worker, &reply.config, spec.seed);
            resolved.push(ResolvedTrial {
                id: TrialId::new(&spec.variant, spec.seed, &key),
                key,
                variant: spec.variant.clone(),
                seed: spec.seed,
                config: reply.config,
                weight: self.weights.get(&spec.variant).copied().unwrap_or_default(),
                build: reply.build,
                data: reply.data,
            });
        }
        self.refuse_twins(&resolved)?;
        check_templates(&self.source, &self.config.worker, &resolved)?;
        Ok(resolved)
    }

    fn refuse_problems(&self, replies: &[Reply]) -> Result<(), FileError> {
        let mut findings = Vec::new();
        let mut positions = HashSet::new();
        for (spec, reply) in self.trials.iter().zip(replies) {
            for problem in &reply.problems {
                if self.is_of_left_out(spec, &problem.pointer) {
                    continue;
                }
                let message = format!("{} (variant `{}`)", problem.message, spec.variant);
                let finding = self.config_finding(spec, &problem.pointer, message);
                // A key that all variants and seeds share is reported once.
                if positions.insert(finding.position.clone()) {
                    findings.push(finding);
                }
            }
        }
        if findings.is_empty() { Ok(()) } else { Err(FileError { findings }) }
    }

    /// True if a `--set` set the value in a variant that `--only` leaves out.
    fn is_of_left_out(&self, spec: &TrialSpec, pointer: &str) -> bool {
        let Some(Origin::CommandLine(text)) = spec.config.origin(pointer) else { return false };
        self.overrides.iter().any(|each| each.text == *text && each.leaves_out(&spec.variant))
    }

    fn refuse_twins(&self, trials: &[ResolvedTrial]) -> Result<(), FileError> {
        let mut by_key = HashMap::new();
        for trial in trials {
            if let Some(twin) = by_key.insert(&trial.key, trial) {
                let pointer = format!("/variants/{}", escape(&trial.variant));
                let message = format!(
                    "variants `{}` and `{}` have the same config",
                    twin.variant, trial.variant
                );
                let hint = "let them differ, or remove one";
                return Err(self.source.finding(&pointer, message).hint(Some(hint)).into_error());
            }
        }
        Ok(())
    }

    /// A finding at the origin of a config's value.
    fn config_finding(&self, spec: &TrialSpec, pointer: &str, message: String) -> Finding {
        match spec.config.origin(pointer) {
            Some(Origin::CommandLine(text)) => Finding::new(format!("--set {text}"), message),
            Some(Origin::File(written)) => self.source.finding(written, message),
            None => self.source.finding("/config", format!("{message} at `{pointer}`")),
        }
    }
}
