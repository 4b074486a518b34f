//! An experiment file, checked, and its expansion under one profile.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::{Map, Value};

use super::config::{self, Config, Setting};
use super::limits::{MAX_CONFIGS, MAX_TRIALS};
use super::names::check_name;
use super::overrides::Override;
use super::run::{Row, Run, RunConfig};
use super::trial::{TrialSpec, Weight};
use super::{grid, validate};
use crate::schema::file::{File, Profile, VERSION, Variant};
use crate::yaml::decode::Decoded;
use crate::yaml::pointer::escape;
use crate::yaml::source::{FileError, Source};

/// An experiment file that has been read and makes sense by itself.
#[derive(Debug, Clone)]
pub struct Experiment {
    /// The text and the positions of its keys.
    pub source: Source,
    /// The file's content, the grid's variants among the others.
    pub file: File,
}

impl Experiment {
    /// Reads and checks the file at `path`.
    ///
    /// ```
    /// use std::path::Path;
    ///
    /// use experiments::expand::Experiment;
    ///
    /// let experiment = Experiment::load(Path::new("table1.yaml"))?;
    /// assert_eq!(experiment.file.name, "table1");
    /// assert_eq!(experiment.default_profile(), Some("demo"));
    ///
    /// let error = Experiment::load(Path::new("table2.yaml")).unwrap_err();
    /// assert_eq!(error.to_string(), "table2.yaml: there is no such file");
    /// # Ok::<(), experiments::yaml::source::FileError>(())
    /// ```
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
        let Decoded { value, mut findings } = source.decode_all::<File>();
        let Some(mut file) = value else { return Err(FileError { findings }) };
        let checked =
            grid::expand_grid(&mut source, &mut file).and_then(|()| validate::file(&source, &file));
        if let Err(error) = checked {
            // A value at the position of a mistake follows from its correction.
            let seen: BTreeSet<_> = findings.iter().map(|each| each.position.clone()).collect();
            findings.extend(error.findings.into_iter().filter(|it| !seen.contains(&it.position)));
        }
        if findings.is_empty() { Ok(Self { source, file }) } else { Err(FileError { findings }) }
    }

    /// The first profile, used if none is named.
    pub fn default_profile(&self) -> Option<&str> {
        self.file.profiles.keys().next().map(String::as_str)
    }

    /// The trials under `profile` (the default one if `None`), with `overrides` applied last.
    ///
    /// ```
    /// use std::path::Path;
    ///
    /// use experiments::expand::Experiment;
    /// use experiments::expand::overrides::Override;
    ///
    /// let experiment = Experiment::load(Path::new("table1.yaml"))?;
    /// let run = experiment.expand(Some("seeds"), &[Override::parse("training.batch=4")?])?;
    /// assert_eq!(run.name(), "table1.seeds");
    /// // Seven variants with twenty seeds each, and the untrained one with its own.
    /// assert_eq!(run.trials.len(), 7 * 20 + 1);
    /// assert!(run.trials.iter().all(|trial| trial.config.values["training"]["batch"] == 4));
    /// # Ok::<(), experiments::yaml::source::FileError>(())
    /// ```
    pub fn expand(&self, profile: Option<&str>, overrides: &[Override]) -> Result<Run, FileError> {
        let requested = self.profile(profile)?;
        let warnings = self.warnings(requested, overrides);
        if self.file.strict && !warnings.is_empty() {
            return Err(FileError { findings: warnings });
        }
        let (name, profile) = match requested {
            Some((name, profile)) => (Some(name), profile.clone()),
            None => (None, Profile::default()),
        };
        self.check_size(&profile)?;
        let mut configs = self.configs(name, &profile)?;
        for each in overrides {
            if let Some(variant) = &each.variant {
                check_name("variant", variant, self.file.variants.keys().map(String::as_str))
                    .map_err(|error| error.at(each.argument()).into_error())?;
            }
            each.apply(&mut configs)?;
        }
        let mut trials = Vec::new();
        for (variant, config) in configs {
            for seed in self.seeds(&self.file.variants[&variant], &profile) {
                let config = config.clone();
                trials.push(TrialSpec { variant: variant.clone(), seed: *seed, config });
            }
        }
        Ok(Run {
            trials,
            weights: self.weights(&profile),
            config: self.run_config(name, profile, overrides),
            overrides: overrides.to_vec(),
            source: self.source.clone(),
            warnings,
        })
    }

    fn profile(&self, requested: Option<&str>) -> Result<Option<(&str, &Profile)>, FileError> {
        let Some(name) = requested.or(self.default_profile()) else { return Ok(None) };
        check_name("profile", name, self.file.profiles.keys().map(String::as_str))
            .map_err(|error| error.at(format!("--profile {name}")).into_error())?;
        Ok(self.file.profiles.get_key_value(name).map(|(name, profile)| (name.as_str(), profile)))
    }

    pub(super) fn seeds<'a>(&'a self, variant: &'a Variant, profile: &'a Profile) -> &'a [u64] {
        let seeds = variant.seeds.as_ref().or(profile.seeds.as_ref()).unwrap_or(&self.file.seeds);
        if variant.deterministic { &seeds[..seeds.len().min(1)] } else { seeds }
    }

    fn weights(&self, profile: &Profile) -> BTreeMap<String, Weight> {
        let mut weights = BTreeMap::new();
        for (name, variant) in &self.file.variants {
            let overrides = profile.variants.get(name);
            let priority = overrides.and_then(|v| v.priority).unwrap_or(variant.priority);
            let cost = overrides.and_then(|v| v.cost).unwrap_or(variant.cost);
            weights.insert(name.clone(), Weight { priority, cost });
        }
        weights
    }

    fn run_config(
        &self,
        name: Option<&str>,
        profile: Profile,
        overrides: &[Override],
    ) -> RunConfig {
        let file = self.file.clone();
        let rows = file.variants.into_iter().map(|(name, variant)| {
            let label = variant.label.unwrap_or_else(|| name.clone());
            Row { name, label, deterministic: variant.deterministic }
        });
        RunConfig {
            experiment: file.name,
            description: file.description,
            profile: name.map(str::to_owned),
            caption: profile.caption,
            set: overrides.iter().map(|each| each.text.clone()).collect(),
            folder: self.source.folder(),
            worker: file.worker,
            resources: profile.resources.unwrap_or(file.resources),
            executor: profile.executor.unwrap_or(file.executor),
            slurm: profile.slurm.unwrap_or(file.slurm),
            retry: file.retry,
            stall: file.stall,
            system: file.system,
            keep: file.keep,
            notify: file.notify,
            report: file.report,
            rows: rows.collect(),
        }
    }

    /// Refuses an unreasonable number or size of trials before any is made.
    fn check_size(&self, profile: &Profile) -> Result<(), FileError> {
        let shared = json_len(&self.file.config) + json_len(&profile.config);
        let (mut trials, mut bytes) = (0, 0);
        for (name, variant) in &self.file.variants {
            let seeds = self.seeds(variant, profile).len();
            let overrides = profile.variants.get(name).map_or(0, |own| json_len(&own.set));
            trials += seeds;
            bytes += seeds * (shared + json_len(&variant.set) + overrides);
        }
        let (message, hint) = if trials > MAX_TRIALS {
            let message = format!("these are {trials} trials, and a run has {MAX_TRIALS} at most");
            (message, "let several files share them")
        } else if bytes > MAX_CONFIGS {
            let mebibytes = MAX_CONFIGS >> 20;
            let message = format!("the configs of all trials come to more than {mebibytes} MiB");
            (message, "put large data into files that the worker reads")
        } else {
            return Ok(());
        };
        Err(self.source.finding("/variants", message).hint(Some(hint)).into_error())
    }

    /// Every variant's config from its layers: shared, the profile's, the variant's own, the
    /// profile's for this variant.
    fn configs(
        &self,
        name: Option<&str>,
        profile: &Profile,
    ) -> Result<Vec<(String, Config)>, FileError> {
        let profile_pointer = format!("/profiles/{}", escape(name.unwrap_or_default()));
        let mut shared = self.layer(&self.file.config, "/config")?;
        shared.extend(self.layer(&profile.config, &format!("{profile_pointer}/config"))?);
        let mut configs = Vec::new();
        for (variant, own) in &self.file.variants {
            let pointer = format!("/variants/{}/set", escape(variant));
            let mut settings = shared.clone();
            settings.extend(self.layer(&own.set, &pointer)?);
            if let Some(overrides) = profile.variants.get(variant) {
                settings
                    .extend(self.layer(&overrides.set, &format!("{profile_pointer}{pointer}"))?);
            }
            let mut config = Config::default();
            for setting in &settings {
                config.apply(setting);
            }
            configs.push((variant.clone(), config));
        }
        Ok(configs)
    }

    fn layer(
        &self,
        mapping: &Map<String, Value>,
        pointer: &str,
    ) -> Result<Vec<Setting>, FileError> {
        config::settings(mapping, pointer)
            .map_err(|error| self.source.finding(&error.pointer, error.message).into_error())
    }
}

fn json_len(config: &Map<String, Value>) -> usize {
    serde_json::to_string(config).map_or(0, |json| json.len())
}
