//! A trial's config: layers of settings, each applied over the ones before, with the origin of every
//! value.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::yaml::pointer::{escape, segments};

/// The origin of a setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// The file, at this JSON pointer.
    File(String),
    /// An argument of `--set`, as typed.
    CommandLine(String),
}

/// A value at a path of the config.
#[derive(Debug, Clone, PartialEq)]
pub struct Setting {
    /// Keys from the config's top to the value.
    pub path: Vec<String>,
    /// Never a mapping with entries.
    pub value: Value,
    /// For messages about the value.
    pub origin: Origin,
}

/// Keys of a path.
pub(crate) const MAX_DEPTH: usize = 64;

/// A mapping that cannot be read as settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SettingError {
    /// JSON pointer into the file.
    pub(super) pointer: String,
    pub(super) message: &'static str,
}

/// The settings of the file's mapping at `pointer`, in written order. Keys may be dotted paths; a
/// path that is set twice is an error at the second position.
pub(super) fn settings(
    mapping: &Map<String, Value>,
    pointer: &str,
) -> Result<Vec<Setting>, SettingError> {
    let mut found: Vec<Setting> = Vec::new();
    collect(mapping, &[], pointer, &mut found)?;
    let mut seen: BTreeSet<&[String]> = BTreeSet::new();
    for Setting { path, origin, .. } in &found {
        let below = seen.range(path.as_slice()..).next();
        let clashes = below.is_some_and(|earlier| earlier.starts_with(path))
            || (1..path.len()).any(|length| seen.contains(&path[..length]));
        if let (true, Origin::File(pointer)) = (clashes, origin) {
            return Err(SettingError {
                pointer: pointer.clone(),
                message: "this key is set twice",
            });
        }
        seen.insert(path);
    }
    Ok(found)
}

fn collect(
    mapping: &Map<String, Value>,
    above: &[String],
    pointer: &str,
    into: &mut Vec<Setting>,
) -> Result<(), SettingError> {
    for (key, value) in mapping {
        let mut path = above.to_vec();
        path.extend(key.split('.').map(str::to_owned));
        let pointer = format!("{pointer}/{}", escape(key));
        if path.len() > MAX_DEPTH {
            return Err(SettingError { pointer, message: "this key is nested too deep" });
        }
        match value {
            Value::Object(inner) if !inner.is_empty() => collect(inner, &path, &pointer, into)?,
            _ => into.push(Setting { path, value: value.clone(), origin: Origin::File(pointer) }),
        }
    }
    Ok(())
}

/// The values of a trial, and the origin of each.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Config {
    /// As the worker gets them, before its defaults.
    pub values: Map<String, Value>,
    origins: BTreeMap<Vec<String>, Origin>,
}

impl Config {
    /// Applies a setting over the earlier ones. Mappings are merged; anything else is replaced.
    pub(super) fn apply(&mut self, setting: &Setting) {
        let (last, above) = setting.path.split_last().expect("a path has at least one key");
        let mut parent = &mut self.values;
        for key in above {
            let next = parent.entry(key.clone()).or_insert_with(|| Value::Object(Map::new()));
            if !next.is_object() {
                *next = Value::Object(Map::new());
            }
            parent = next.as_object_mut().expect("made a mapping above");
        }
        let merges_nothing = setting.value.as_object().is_some_and(Map::is_empty)
            && parent.get(last).is_some_and(Value::is_object);
        if !merges_nothing {
            parent.insert(last.clone(), setting.value.clone());
        }
        self.origins.insert(setting.path.clone(), setting.origin.clone());
    }

    /// The value at a path.
    pub(super) fn get(&self, path: &[String]) -> Option<&Value> {
        let (first, rest) = path.split_first()?;
        rest.iter().try_fold(self.values.get(first)?, |value, key| value.get(key))
    }

    /// The origin of the value at a JSON pointer: its own, that of an ancestor, or that of its first
    /// descendant.
    pub(super) fn origin(&self, pointer: &str) -> Option<&Origin> {
        let path: Vec<String> = segments(pointer).collect();
        let at_or_above = (1..=path.len()).rev().find_map(|n| self.origins.get(&path[..n]));
        at_or_above.or_else(|| {
            let below = self.origins.range(path.clone()..).next();
            below.filter(|(key, _)| key.starts_with(&path)).map(|(_, origin)| origin)
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn layer(value: &Value, pointer: &str) -> Vec<Setting> {
        settings(value.as_object().unwrap(), pointer).unwrap()
    }

    #[test]
    fn layers_merge_and_remember_their_origin() {
        let mut config = Config::default();
        for setting in layer(&json!({"a": {"b": 1, "c": [1]}, "d": 2}), "/config")
            .iter()
            .chain(&layer(&json!({"a.b": 5, "a.e.f": 6}), "/variants/x/set"))
        {
            config.apply(setting);
        }
        assert_eq!(
            Value::Object(config.values.clone()),
            json!({"a": {"b": 5, "c": [1], "e": {"f": 6}}, "d": 2})
        );
        let origin = |p: &str| config.origin(p).cloned();
        let file = |p: &str| Some(Origin::File(p.to_owned()));
        assert_eq!(origin("/a/b"), file("/variants/x/set/a.b"));
        assert_eq!(origin("/a/c/0"), file("/config/a/c"));
        assert_eq!(origin("/a/e"), file("/variants/x/set/a.e.f"));
        assert_eq!(origin("/z"), None);
    }

    #[test]
    fn a_path_set_twice_is_found() {
        let twice = |v: Value| settings(v.as_object().unwrap(), "").map_err(|error| error.pointer);
        assert_eq!(twice(json!({"a": {"b": 1}, "a.b": 2})), Err("/a.b".to_owned()));
        assert_eq!(twice(json!({"a": 1, "a.b": 2})), Err("/a.b".to_owned()));
        assert!(twice(json!({"a": {"b": 1}, "a.c": 2})).is_ok());
    }
}
