//! `command.json`: the command of an attempt's worker, and what it is started with.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use experiments::protocol::trial::ENV_EVENTS;
use experiments::schema::metrics::{MetricSource, ResultRule};
use serde::{Deserialize, Serialize};

use crate::code::AttemptCode;
use crate::platform::filesystem;
use crate::run_dir::provenance::Provenance;

/// The command to run, and the limits after which it is stopped.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Command {
    /// The program and its arguments. A bare name is looked up in `PATH`.
    pub argv: Vec<String>,
    /// Its working directory.
    pub cwd: PathBuf,
    /// Set over the holder's own environment.
    pub env: BTreeMap<String, String>,
    /// Its code, recorded by the holder; `None` if it is not recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<AttemptCode>,
    /// Seconds between SIGTERM and SIGKILL when it is stopped.
    pub grace_secs: f64,
    /// Seconds after which it is stopped; `None` if it has no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_limit_secs: Option<f64>,
    /// Seconds between samples of its use of CPU, memory and GPUs; `None` if none are taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sample_secs: Option<f64>,
    /// Sources of metrics that the holder reads; paths are relative to `cwd`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub metrics: Vec<MetricSource>,
    /// The rule for final values if the worker reports none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<ResultRule>,
    /// The program and the GPUs that it is started with.
    pub provenance: Provenance,
}

impl Command {
    /// The attempt's folder that it was written for, if that is another than `folder`, which is then a
    /// copy: the processes and the job of the one are not the other's. `None` where that folder is gone,
    /// as of a run that was moved.
    pub(crate) fn original(&self, folder: &Path) -> Option<&Path> {
        let named = Path::new(self.env.get(ENV_EVENTS)?).parent()?;
        let (then, now) = (named.metadata().ok()?, folder.metadata().ok()?);
        (filesystem::id(&then) != filesystem::id(&now)).then_some(named)
    }
}
