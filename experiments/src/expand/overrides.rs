//! Overrides from the command line, `--set [VARIANT:]key.path=VALUE`, and the rule that keeps them
//! from flattening an ablation.

use serde_json::Value;

use super::config::{self, Config, Origin, Setting};
use crate::yaml::source::{FileError, Finding};
use crate::yaml::{parse, positions};

/// One `--set`.
#[derive(Debug, Clone, PartialEq)]
pub struct Override {
    /// The variant it applies to; all if `None`.
    pub variant: Option<String>,
    /// Path and value.
    pub setting: Setting,
    /// The variants that `--only` keeps; all if empty.
    only: Vec<String>,
    /// As typed.
    pub(super) text: String,
    /// Warnings about texts in the value that do not look like it.
    pub(super) lookalikes: Vec<Finding>,
}

impl Override {
    /// Parses `[VARIANT:]key.path=VALUE`; the value is YAML.
    pub fn parse(text: &str) -> Result<Self, FileError> {
        let wrong = |message: &str| {
            Finding::new(format!("--set {text}"), message)
                .hint(Some("write `--set key.path=VALUE` or `--set VARIANT:key.path=VALUE`"))
                .into_error()
        };
        let (target, value) = text.split_once('=').ok_or_else(|| wrong("there is no `=`"))?;
        let (variant, path) = match target.split_once(':') {
            Some((variant, path)) => (Some(variant.trim().to_owned()), path),
            None => (None, target),
        };
        let path: Vec<String> = path.trim().split('.').map(str::to_owned).collect();
        if path.len() > config::MAX_DEPTH {
            return Err(wrong("the key has too many parts"));
        }
        if path.iter().any(String::is_empty) {
            return Err(wrong("the key has an empty part"));
        }
        let (scan, value) = positions::read(value)
            .and_then(|scan| Ok((scan, parse::parse(value)?)))
            .map_err(|error| wrong(&format!("the value: {error}")))?;
        let lookalikes = scan.ambiguous.iter().map(|ambiguous| {
            Finding::new(format!("--set {text}"), ambiguous.looks_like.message(&ambiguous.word))
        });
        let lookalikes = lookalikes.collect();
        let origin = Origin::CommandLine(text.to_owned());
        let setting = Setting { path, value, origin };
        Ok(Self { variant, setting, only: Vec::new(), text: text.to_owned(), lookalikes })
    }

    /// The same where `--only` keeps just these variants; all if empty.
    #[must_use]
    pub fn among(self, only: &[String]) -> Self {
        Self { only: only.to_vec(), ..self }
    }

    /// The argument of the command line, in place of a position in messages.
    pub(super) fn argument(&self) -> String {
        format!("--set {}", self.text)
    }

    /// Applies the override to the configs of its variants. One for all variants is refused if those
    /// that are kept differ in that key: it would make different rows the same. If only others differ in
    /// it, these keep theirs.
    pub(super) fn apply(&self, configs: &mut [(String, Config)]) -> Result<(), FileError> {
        let path = &self.setting.path;
        let all_differ = differing(configs.iter(), path).is_some();
        let kept = configs.iter().filter(|(name, _)| self.keeps(name));
        if self.variant.is_none()
            && let Some(((first, a), (second, b))) = differing(kept, path)
        {
            let key = path.join(".");
            let message = format!(
                "variants differ in `{key}` (`{first}`: {}, `{second}`: {}), and this would make \
                 them the same",
                a.map_or("nothing".to_owned(), Value::to_string),
                b.map_or("nothing".to_owned(), Value::to_string)
            );
            let hint = format!("name the variant: `--set {second}:{}`", self.text);
            return Err(Finding::new(self.argument(), message).hint(Some(hint)).into_error());
        }
        for (name, config) in configs {
            let applies = match &self.variant {
                Some(variant) => variant == name,
                None => !all_differ || self.keeps(name),
            };
            if applies {
                config.apply(&self.setting);
            }
        }
        Ok(())
    }

    /// True if it is for all variants, and `--only` leaves this one out.
    pub(super) fn leaves_out(&self, variant: &String) -> bool {
        self.variant.is_none() && !self.keeps(variant)
    }

    fn keeps(&self, variant: &String) -> bool {
        self.only.is_empty() || self.only.contains(variant)
    }
}

/// A variant's name and its value.
type VariantValue<'a> = (&'a str, Option<&'a Value>);

/// The first variant, and the first other that has a different value at `path`.
fn differing<'a>(
    configs: impl Iterator<Item = &'a (String, Config)>,
    path: &[String],
) -> Option<(VariantValue<'a>, VariantValue<'a>)> {
    let mut values = configs.map(|(name, config)| (name.as_str(), config.get(path)));
    let first = values.next()?;
    let second = values.find(|(_, value)| *value != first.1)?;
    Some((first, second))
}
