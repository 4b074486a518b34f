//! From a file to the trials of one run: profile, overrides, variants × seeds, the worker's
//! defaults, and each trial's key. Everything is checked before anything runs.

pub mod config;
mod grid;
mod key;
mod limits;
mod names;
pub mod overrides;
mod validate;

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use self::config::{Config, Origin};
use self::key::key;
use self::limits::{MAX_CONFIGS, MAX_TRIALS};
use self::names::check_name;
use self::overrides::Override;
use crate::protocol::check::{Reply, Request};
use crate::protocol::trial_id::TrialId;
use crate::schema::executor::{Executor, Slurm};
use crate::schema::file::{File, Profile, Retry, Stall, VERSION, Variant, Worker};
use crate::schema::keep::Keep;
use crate::schema::report::Report;
use crate::schema::resources::Resources;
use crate::yaml::pointer::escape;
use crate::yaml::source::{FileError, Finding, Source};

/// An experiment file that has been read and makes sense by itself.
#[derive(Debug, Clone)]
pub struct Experiment {
    /// The text and where everything stands in it.
    pub source: Source,
    /// The file as written.
    pub file: File,
}

/// The settings of an experiment under one profile, every default filled in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunConfig {
    /// The experiment's name.
    pub experiment: String,
    /// The profile; `None` where the file has no profiles.
    pub profile: Option<String>,
    /// The profile's caption.
    pub caption: String,
    /// The overrides of `--set`, as `KEY.PATH=VALUE`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub set: Vec<String>,
    /// The program that runs trials.
    pub worker: Worker,
    /// The resources of one attempt.
    pub resources: Resources,
    /// Where attempts run.
    #[serde(default)]
    pub executor: Executor,
    /// Submission settings, used where the executor is Slurm.
    #[serde(default)]
    pub slurm: Slurm,
    /// The policy after a failure.
    pub retry: Retry,
    /// The policy for an attempt that stalls.
    #[serde(default)]
    pub stall: Stall,
    /// The checkpoints that `orch gc` keeps; all of them if `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep: Option<Keep>,
    /// Name and label of every row, in table order.
    pub rows: Vec<Row>,
    /// The table and figures that come out.
    pub report: Report,
}

/// An experiment under one profile, its configs not yet checked by the worker.
#[derive(Debug, Clone)]
pub struct Run {
    /// Its settings.
    pub config: RunConfig,
    /// Every trial, variant by variant.
    pub trials: Vec<TrialSpec>,
    /// Start order by variant.
    weights: BTreeMap<String, Weight>,
    source: Source,
}

/// One row of the table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// The variant's name.
    pub name: String,
    /// What the table calls it.
    pub label: String,
}

/// What decides when a variant's trials start; see [`crate::schema::file::Variant`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Weight {
    /// Higher ones start first.
    pub priority: i64,
    /// How long a trial takes compared with the others.
    pub cost: f64,
}

impl Default for Weight {
    fn default() -> Self {
        Self { priority: 0, cost: 1.0 }
    }
}

/// A variant with a seed, as the file says it.
#[derive(Debug, Clone)]
pub struct TrialSpec {
    /// The variant's name.
    pub variant: String,
    /// The seed.
    pub seed: u64,
    /// The config and where each value was written.
    pub config: Config,
}

/// A trial with every default filled in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ResolvedTrial {
    /// Its id.
    pub id: TrialId,
    /// Hash of config, seed and command, in hexadecimal.
    pub key: String,
    /// The variant's name.
    pub variant: String,
    /// The seed.
    pub seed: u64,
    /// The config that the worker gets.
    pub config: Map<String, Value>,
    /// Decides when it starts.
    #[serde(default)]
    pub weight: Weight,
    /// The worker's build, where it reports one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub build: Option<String>,
    /// The data's fingerprint, where the worker reports one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
}

impl Experiment {
    /// Reads and checks the file at `path`.
    pub fn load(path: &Path) -> Result<Self, FileError> {
        Self::from_source(Source::read(path)?)
    }

    /// Checks a source that was read before.
    pub fn from_source(mut source: Source) -> Result<Self, FileError> {
        if let Some(version) = source.value.get("orch")
            && version.as_u64() != Some(u64::from(VERSION))
        {
            let message =
                format!("this program reads version {VERSION} of the file, not {version}");
            return Err(source.finding("/orch", message).into_error());
        }
        let mut file: File = source.decode()?;
        grid::lay_out(&mut source, &mut file)?;
        validate::file(&source, &file)?;
        Ok(Self { source, file })
    }

    /// The profile that is used when none is named: the first.
    pub fn default_profile(&self) -> Option<&str> {
        self.file.profiles.keys().next().map(String::as_str)
    }

    /// The trials under `profile` (the default one if `None`) with `overrides` laid over.
    pub fn expand(&self, profile: Option<&str>, overrides: &[Override]) -> Result<Run, FileError> {
        let profile = self.profile(profile)?;
        let (name, settings) = profile.unzip();
        let settings = settings.cloned().unwrap_or_default();
        self.check_size(&settings)?;
        let mut configs = self.layers(name, &settings)?;
        for each in overrides {
            if let Some(variant) = &each.variant {
                let known = self.file.variants.keys().map(String::as_str);
                check_name("variant", variant, known)
                    .map_err(|(message, hint)| each.finding(message).hint(hint).into_error())?;
            }
            each.apply(&mut configs)?;
        }
        let file = &self.file;
        let rows = file.variants.iter().map(|(name, variant)| Row {
            name: name.clone(),
            label: variant.label.clone().unwrap_or_else(|| name.clone()),
        });
        let weights = file.variants.iter().map(|(name, variant)| {
            let changed = settings.variants.get(name);
            let priority = changed.and_then(|v| v.priority).unwrap_or(variant.priority);
            let cost = changed.and_then(|v| v.cost).unwrap_or(variant.cost);
            (name.clone(), Weight { priority, cost })
        });
        let trials = configs.into_iter().flat_map(|(variant, config)| {
            let seeds = self.seeds(&file.variants[&variant], &settings).to_vec();
            seeds.into_iter().map(move |seed| TrialSpec {
                variant: variant.clone(),
                seed,
                config: config.clone(),
            })
        });
        let config = RunConfig {
            experiment: file.name.clone(),
            profile: name.map(str::to_owned),
            caption: settings.caption.clone(),
            set: overrides.iter().map(|each| each.text.clone()).collect(),
            worker: file.worker.clone(),
            resources: settings.resources.clone().unwrap_or_else(|| file.resources.clone()),
            executor: settings.executor.unwrap_or(file.executor),
            slurm: settings.slurm.clone().unwrap_or_else(|| file.slurm.clone()),
            retry: file.retry.clone(),
            stall: file.stall.clone(),
            keep: file.keep.clone(),
            report: file.report.clone(),
            rows: rows.collect(),
        };
        Ok(Run {
            config,
            trials: trials.collect(),
            weights: weights.collect(),
            source: self.source.clone(),
        })
    }

    fn profile(&self, wanted: Option<&str>) -> Result<Option<(&str, &Profile)>, FileError> {
        let Some(wanted) = wanted.or(self.default_profile()) else { return Ok(None) };
        let known = self.file.profiles.keys().map(String::as_str);
        check_name("profile", wanted, known).map_err(|(message, hint)| {
            let place = format!("--profile {wanted}");
            Finding { place, message, hint: None }.hint(hint).into_error()
        })?;
        Ok(self.file.profiles.get_key_value(wanted).map(|(name, p)| (name.as_str(), p)))
    }

    fn seeds<'a>(&'a self, variant: &'a Variant, profile: &'a Profile) -> &'a [u64] {
        variant.seeds.as_ref().or(profile.seeds.as_ref()).unwrap_or(&self.file.seeds)
    }

    /// Refuses what is too large to be meant, before any of it is made.
    fn check_size(&self, profile: &Profile) -> Result<(), FileError> {
        let length =
            |config: &Map<String, Value>| serde_json::to_string(config).map_or(0, |s| s.len());
        let shared = length(&self.file.config) + length(&profile.config);
        let (mut trials, mut bytes) = (0, 0);
        for (name, variant) in &self.file.variants {
            let seeds = self.seeds(variant, profile).len();
            let changed = profile.variants.get(name).map_or(0, |changed| length(&changed.set));
            trials += seeds;
            bytes += seeds * (shared + length(&variant.set) + changed);
        }
        let (message, hint) = if trials > MAX_TRIALS {
            let message = format!("these are {trials} trials, and a run has {MAX_TRIALS} at most");
            (message, "let several files share them")
        } else if bytes > MAX_CONFIGS {
            let message =
                format!("the configs of all trials come to more than {} MiB", MAX_CONFIGS >> 20);
            (message, "put what is large into files that the worker reads")
        } else {
            return Ok(());
        };
        Err(self.source.finding("/variants", message).hint(Some(hint)).into_error())
    }

    /// Every variant's config: shared, the profile's, the variant's own, the profile's for it.
    fn layers(
        &self,
        name: Option<&str>,
        profile: &Profile,
    ) -> Result<Vec<(String, Config)>, FileError> {
        let layer = |mapping: &Map<String, Value>, pointer: String| {
            config::settings(mapping, &pointer)
                .map_err(|e| self.source.finding(&e.pointer, e.message).into_error())
        };
        let at = format!("/profiles/{}", escape(name.unwrap_or_default()));
        let mut shared = layer(&self.file.config, "/config".to_owned())?;
        shared.extend(layer(&profile.config, format!("{at}/config"))?);
        let mut configs = Vec::new();
        for (variant, own) in &self.file.variants {
            let key = escape(variant);
            let mut all = shared.clone();
            all.extend(layer(&own.set, format!("/variants/{key}/set"))?);
            if let Some(mine) = profile.variants.get(variant) {
                all.extend(layer(&mine.set, format!("{at}/variants/{key}/set"))?);
            }
            let mut config = Config::default();
            for setting in &all {
                config.apply(setting);
            }
            configs.push((variant.clone(), config));
        }
        Ok(configs)
    }
}

impl TrialSpec {
    /// Variant and seed, for messages.
    pub fn name(&self) -> String {
        format!("{}-s{}", self.variant, self.seed)
    }

    /// The question to `worker.check`.
    pub fn request(&self, cpus: u32) -> Request {
        let config = self.config.values.clone();
        Request { trial: self.name(), seed: self.seed, cpus, config }
    }
}

impl Run {
    /// `table1.demo`, or `table1` where the file has no profiles: the name of the run's folder.
    pub fn name(&self) -> String {
        let RunConfig { experiment, profile, .. } = &self.config;
        match profile {
            Some(profile) => format!("{experiment}.{profile}"),
            None => experiment.clone(),
        }
    }

    /// An error unless every one of `names` is a variant.
    pub fn check_rows(&self, names: &[String]) -> Result<(), FileError> {
        for name in names {
            let known = self.config.rows.iter().map(|row| row.name.as_str());
            check_name("variant", name, known).map_err(|(message, hint)| {
                let place = format!("--only {name}");
                Finding { place, message, hint: None }.hint(hint).into_error()
            })?;
        }
        Ok(())
    }

    /// The questions to `worker.check`, one per trial.
    pub fn requests(&self) -> Vec<Request> {
        self.trials.iter().map(|spec| spec.request(self.config.resources.cpus)).collect()
    }

    /// The answers that a worker without `check` would give: every config as it is written.
    pub fn unchecked(&self) -> Vec<Reply> {
        let reply = |r: Request| Reply {
            trial: r.trial,
            config: r.config,
            build: None,
            data: None,
            problems: Vec::new(),
        };
        self.requests().into_iter().map(reply).collect()
    }

    /// The final trials, with one reply per trial in order. Problems are placed in the file;
    /// variants that turn out the same are one.
    pub fn resolve(&self, replies: Vec<Reply>) -> Result<Vec<ResolvedTrial>, FileError> {
        let mut findings = Vec::new();
        for (spec, reply) in self.trials.iter().zip(&replies) {
            for problem in &reply.problems {
                let message = format!("{} (variant `{}`)", problem.message, spec.variant);
                let finding = self.config_finding(spec, &problem.pointer, message);
                // One key that is shared by all variants and seeds is wrong once.
                if !findings.iter().any(|f: &Finding| f.place == finding.place) {
                    findings.push(finding);
                }
            }
        }
        if !findings.is_empty() {
            return Err(FileError { findings });
        }
        let resolved: Vec<ResolvedTrial> = self
            .trials
            .iter()
            .zip(replies)
            .map(|(spec, reply)| {
                let key = key(&self.config.worker.command, &reply.config, spec.seed);
                ResolvedTrial {
                    id: TrialId::new(&spec.variant, spec.seed, &key),
                    key,
                    variant: spec.variant.clone(),
                    seed: spec.seed,
                    config: reply.config,
                    weight: self.weights.get(&spec.variant).copied().unwrap_or_default(),
                    build: reply.build,
                    data: reply.data,
                }
            })
            .collect();
        let mut first = HashMap::new();
        for trial in &resolved {
            if let Some(twin) = first.insert(&trial.key, trial) {
                let at = format!("/variants/{}", escape(&trial.variant));
                let message = format!(
                    "variants `{}` and `{}` have the same config",
                    twin.variant, trial.variant
                );
                let hint = "let them differ, or remove one";
                return Err(self.source.finding(&at, message).hint(Some(hint)).into_error());
            }
        }
        Ok(resolved)
    }

    fn config_finding(&self, spec: &TrialSpec, pointer: &str, message: String) -> Finding {
        match spec.config.origin(pointer) {
            Some(Origin::CommandLine(text)) => {
                Finding { place: format!("--set {text}"), message, hint: None }
            }
            Some(Origin::File(at)) => self.source.finding(at, message),
            None => self.source.finding("/config", format!("{message} at `{pointer}`")),
        }
    }
}
