//! Unlikely intentions of a file: keys that look misspelt, and values that are not what they look
//! like. With `strict: true` they are errors.

use serde_json::{Map, Value};

use super::command;
use super::config::{self, Origin, Setting};
use super::experiment::Experiment;
use super::names::check_name;
use super::overrides::Override;
use super::typos::{Layer, Typo, typos};
use crate::schema::file::Profile;
use crate::schema::metrics::MetricSource;
use crate::yaml::pointer::{escape, parent, segments};
use crate::yaml::source::Finding;

impl Experiment {
    /// Every warning about the configs under a profile, given with its name.
    pub(super) fn warnings(
        &self,
        profile: Option<(&str, &Profile)>,
        overrides: &[Override],
    ) -> Vec<Finding> {
        let mut warnings = self.lookalikes(profile.map(|(name, _)| name));
        warnings.extend(overrides.iter().flat_map(|each| each.lookalikes.clone()));
        // A worker that checks its config knows its keys.
        if self.file.worker.check.is_none() {
            let layers = self.layers(profile, overrides);
            warnings.extend(typos(&layers).iter().map(|typo| self.typo_finding(typo)));
        }
        warnings.extend(self.unused_seed(profile.map(|(_, profile)| profile)));
        warnings.extend(self.unused_config());
        warnings.extend(self.unknown_metrics());
        warnings
    }

    /// The metrics of the report that no line of output can have, where all metrics are found by patterns.
    fn unknown_metrics(&self) -> Vec<Finding> {
        let sources = &self.file.worker.metrics;
        let found: Option<Vec<_>> = sources.iter().map(MetricSource::pattern_metrics).collect();
        let Some(found) = found.filter(|found| !found.is_empty()) else { return Vec::new() };
        let found: Vec<_> = found.iter().flatten().map(String::as_str).collect();
        let mut uses = self.file.report.metric_uses();
        uses.dedup_by(|a, b| (&a.pointer, a.metric) == (&b.pointer, b.metric));
        let unknown = uses.iter().filter_map(|used| {
            let hint = check_name("metric", used.metric, found.iter().copied()).err()?.hint;
            let message =
                format!("no pattern of `worker.metrics` finds a metric `{}`", used.metric);
            Some(self.source.finding(&used.pointer, message).hint(Some(hint)))
        });
        unknown.collect()
    }

    /// A script that is given no seed gives the same numbers for each. One that appends events is a
    /// worker of its own and reads its seed there.
    fn unused_seed(&self, profile: Option<&Profile>) -> Option<Finding> {
        let worker = &self.file.worker;
        let none = Profile::default();
        let profile = profile.unwrap_or(&none);
        let has_several = self.file.variants.values().any(|v| self.seeds(v, profile).len() > 1);
        let mut texts = worker.command.iter().chain(worker.env.values()).chain(&worker.directory);
        let is_unused = !worker.metrics.is_empty() && !texts.any(|text| text.contains("{seed}"));
        let hint = "pass it on, for example `--seed, \"{seed}\"`, or by `worker.env`";
        (has_several && is_unused).then(|| {
            let message = "there are several seeds, and the command does not get them";
            self.source.finding("/worker/command", message).hint(Some(hint))
        })
    }

    /// A script that is given nothing of its config gives the same numbers for each variant.
    fn unused_config(&self) -> Option<Finding> {
        let worker = &self.file.worker;
        let has_settings = self.file.variants.values().any(|variant| !variant.set.is_empty());
        let is_unused = !worker.metrics.is_empty() && !command::uses_trial(worker);
        let hint = "pass them on, for example all by `\"{args}\"`, or one by `--lr, \"{lr}\"`";
        (has_settings && is_unused).then(|| {
            let message = "variants have settings, and the command does not get them";
            self.source.finding("/worker/command", message).hint(Some(hint))
        })
    }

    /// The values of configs that are text and do not look like it.
    fn lookalikes(&self, profile: Option<&str>) -> Vec<Finding> {
        let is_of_config = |pointer: &str| {
            let mut keys = segments(pointer);
            match keys.next().as_deref() {
                Some("config" | "grid") => true,
                Some("variants") => keys.nth(1).is_some_and(|key| key == "set"),
                Some("profiles") if keys.next().as_deref() == profile => {
                    match keys.next().as_deref() {
                        Some("config") => true,
                        Some("variants") => keys.nth(1).is_some_and(|key| key == "set"),
                        _ => false,
                    }
                }
                _ => false,
            }
        };
        self.source.lookalikes(is_of_config)
    }

    /// The places that set keys, in the order in which later ones override earlier ones.
    fn layers(&self, profile: Option<(&str, &Profile)>, overrides: &[Override]) -> Vec<Layer> {
        let mut layers = vec![layer(&self.file.config, "/config")];
        let written = self.source.value.get("variants").and_then(Value::as_object);
        for (name, variant) in &self.file.variants {
            if written.is_some_and(|written| written.contains_key(name)) {
                layers.push(layer(&variant.set, &format!("/variants/{}/set", escape(name))));
            }
        }
        layers.push(self.axes());
        if let Some((name, profile)) = profile {
            let pointer = format!("/profiles/{}", escape(name));
            layers.push(layer(&profile.config, &format!("{pointer}/config")));
            for (name, variant) in &profile.variants {
                let pointer = format!("{pointer}/variants/{}/set", escape(name));
                layers.push(layer(&variant.set, &pointer));
            }
        }
        layers.extend(overrides.iter().map(|each| vec![each.setting.clone()]));
        layers
    }

    /// The keys of the grid, each once.
    fn axes(&self) -> Layer {
        let Some(grid) = &self.file.grid else { return Vec::new() };
        let product = grid.product.keys().map(|key| ("/grid/product".to_owned(), key));
        let zip = grid
            .zip
            .iter()
            .enumerate()
            .flat_map(|(i, axes)| axes.keys().map(move |key| (format!("/grid/zip/{i}"), key)));
        let include = grid.include.iter().enumerate().flat_map(|(i, settings)| {
            settings.keys().map(move |key| (format!("/grid/include/{i}"), key))
        });
        let axes = product.chain(zip).chain(include).map(|(pointer, key)| Setting {
            path: key.split('.').map(str::to_owned).collect(),
            value: Value::Null,
            origin: Origin::File(format!("{pointer}/{}", escape(key))),
        });
        axes.collect()
    }

    fn typo_finding(&self, typo: &Typo) -> Finding {
        let Typo { origin, below, key, known } = typo;
        let message = format!("only this sets `{key}`; did you mean `{known}`?");
        match origin {
            Origin::CommandLine(text) => Finding::new(format!("--set {text}"), message),
            Origin::File(pointer) => self.source.finding(parent(pointer, *below), message),
        }
    }
}

/// The settings of a mapping. A mistake in it is an error elsewhere.
fn layer(mapping: &Map<String, Value>, pointer: &str) -> Layer {
    config::settings(mapping, pointer).unwrap_or_default()
}
