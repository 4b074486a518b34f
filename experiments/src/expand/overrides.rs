//! `--set [VARIANT:]key.path=VALUE`, and the rule that keeps it from flattening an ablation.

use serde_json::Value;

use crate::expand::config::{self, Config, Origin, Setting};
use crate::yaml::parse;
use crate::yaml::positions;
use crate::yaml::source::{FileError, Finding};

/// One `--set`.
#[derive(Debug, Clone, PartialEq)]
pub struct Override {
    /// The variant it is for; all if absent.
    pub variant: Option<String>,
    /// What it sets.
    pub setting: Setting,
    /// As it was given.
    pub(crate) text: String,
}

impl Override {
    /// Reads `[VARIANT:]key.path=VALUE`; the value is YAML.
    pub fn parse(text: &str) -> Result<Self, FileError> {
        let wrong = |message: &str| {
            Finding { place: format!("--set {text}"), message: message.to_owned(), hint: None }
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
        let read = positions::read(value).and_then(|_| parse::parse(value));
        let value = read.map_err(|e| wrong(&format!("the value: {e}")))?;
        let origin = Origin::CommandLine(text.to_owned());
        Ok(Self { variant, setting: Setting { path, value, origin }, text: text.to_owned() })
    }

    /// A finding about this override.
    pub(crate) fn finding(&self, message: String) -> Finding {
        Finding { place: format!("--set {}", self.text), message, hint: None }
    }

    /// Lays the override over the configs of the variants it is for. One for all variants is
    /// refused where they differ in that key: it would make different rows the same.
    pub(crate) fn apply(&self, configs: &mut [(String, Config)]) -> Result<(), FileError> {
        let path = &self.setting.path;
        if self.variant.is_none()
            && let Some(((first, a), (second, b))) = differing(configs, path)
        {
            let key = path.join(".");
            let show = |v: Option<&Value>| v.map_or("nothing".to_owned(), Value::to_string);
            let message = format!(
                "variants differ in `{key}` (`{first}`: {}, `{second}`: {}), and this would make \
                 them the same",
                show(a),
                show(b)
            );
            let hint = format!("name the variant: `--set {second}:{}`", self.text);
            return Err(self.finding(message).hint(Some(hint)).into_error());
        }
        for (name, config) in configs {
            if self.variant.as_ref().is_none_or(|variant| variant == name) {
                config.apply(&self.setting);
            }
        }
        Ok(())
    }
}

type Side<'a> = (&'a str, Option<&'a Value>);

/// The first variant, and the first other that has a different value at `path`.
fn differing<'a>(configs: &'a [(String, Config)], path: &[String]) -> Option<(Side<'a>, Side<'a>)> {
    let mut sides = configs.iter().map(|(name, config)| (name.as_str(), config.get(path)));
    let first = sides.next()?;
    let second = sides.find(|side| side.1 != first.1)?;
    Some((first, second))
}
