//! Resources from the command line, `--resources KEY=VALUE`, in place of the file's.

use std::path::Path;

use serde_json::Value;

use super::findings::Findings;
use super::validate::check_resources;
use crate::schema::resources::Resources;
use crate::yaml::source::{FileError, Finding, Source};

/// `resources` with these `settings`, each `KEY=VALUE` as in the file's `resources`.
///
/// ```
/// use experiments::expand::override_resources;
/// use experiments::schema::resources::Resources;
///
/// let resources = override_resources(&Resources::default(), &["gpus=2", "memory=20GiB"])?;
/// assert_eq!((resources.gpus, resources.cpus), (2, 1));
/// # Ok::<(), experiments::yaml::source::FileError>(())
/// ```
pub fn override_resources(
    resources: &Resources,
    settings: &[impl AsRef<str>],
) -> Result<Resources, FileError> {
    let mut resources = resources.clone();
    for setting in settings {
        let argument = format!("--resources {}", setting.as_ref());
        resources = with(&resources, setting.as_ref()).map_err(|mut error| {
            // Their lines and columns are of no file.
            error.findings.iter_mut().for_each(|finding| finding.position.clone_from(&argument));
            error
        })?;
    }
    Ok(resources)
}

fn with(resources: &Resources, setting: &str) -> Result<Resources, FileError> {
    let (key, value) = setting.split_once('=').ok_or_else(|| {
        let hint = "write `--resources KEY=VALUE`, for example `--resources cpus=2,gpus=0`";
        Finding::new("", "there is no `=`").hint(Some(hint)).into_error()
    })?;
    let mut source = Source::parse(Path::new(""), format!("{key}: {value}"))?;
    // By itself, so that an error is about this setting.
    source.decode::<Resources>()?;
    let mut all = serde_json::to_value(resources).expect("resources are plain data");
    if let (Value::Object(all), Value::Object(own)) = (&mut all, &source.value) {
        all.extend(own.clone());
    }
    source.value = all;
    let resources = source.decode()?;
    let mut findings = Findings::new(&source);
    check_resources("", &resources, &mut findings);
    findings.into_result()?;
    Ok(resources)
}
