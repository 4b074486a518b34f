//! The code, the program and the machine that an attempt ran with.

use experiments::protocol::events::Code;
use serde_json::{Value, json};

use crate::platform::atomic_file::FileError;
use crate::platform::error_chain::chain;
use crate::platform::hash::{self, sha256};
use crate::run_dir::attempt::{AttemptDir, Environment};
use crate::run_dir::provenance::{Imported, Provenance};

/// The records of supervisor and holder about an attempt; `None` where a file does not exist or is
/// damaged.
pub(super) struct RanWith {
    provenance: Option<Provenance>,
    imported: Option<Imported>,
    environment: Option<Environment>,
    code: Option<Code>,
}

/// Digits of a hash that are printed.
pub(super) const SHORT: usize = 12;

impl RanWith {
    /// Reads the records of `attempt`.
    pub(super) fn read(attempt: &AttemptDir) -> Result<Self, FileError> {
        let command = undamaged(attempt.read_command())?;
        Ok(Self {
            provenance: command.map(|command| command.provenance),
            imported: undamaged(attempt.read_imported())?,
            environment: undamaged(attempt.read_env())?,
            code: undamaged(attempt.read_code())?,
        })
    }

    /// The name of the machine that the attempt ran on.
    pub(super) fn host(&self) -> Option<&str> {
        self.environment.as_ref().map(|environment| environment.host.name.as_str())
    }

    /// The GPUs that the attempt was given: product and id.
    pub(super) fn gpus(&self) -> Vec<String> {
        let gpus = self.provenance.iter().flat_map(|provenance| &provenance.gpus);
        gpus.map(|gpu| format!("{} ({})", gpu.name, gpu.uuid)).collect()
    }

    /// True if the points were imported and nothing was run.
    pub(super) fn is_imported(&self) -> bool {
        self.imported.is_some()
    }

    /// A line for each known fact.
    pub(super) fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        let mut row = |name: &str, value: String| lines.push(format!("  {name:<11}  {value}"));
        if let Some(provenance) = &self.provenance {
            row("orch", provenance.orch.clone());
            if let Some(worker) = &provenance.worker {
                let hash = short(&worker.sha256);
                row("worker", format!("{} (sha256 {hash})", worker.path.display()));
            }
            let mock = if provenance.mock.is_some() { " (mock)" } else { "" };
            for gpu in &provenance.gpus {
                row("GPU", format!("{} {}{mock}", gpu.uuid, gpu.name));
            }
            let driver = provenance.driver.clone().filter(|_| !provenance.gpus.is_empty());
            if let Some(driver) = driver {
                row("driver", driver);
            }
        }
        if let Some(imported) = &self.imported {
            row("orch", imported.orch.clone());
            for file in &imported.files {
                let hash = short(&file.sha256);
                row("imported", format!("{} (sha256 {hash})", file.path.display()));
            }
        }
        if let Some(code) = &self.code {
            if let Some(commit) = &code.commit {
                let dirty = if code.dirty { ", with changes (code.diff)" } else { "" };
                row("git commit", format!("{}{dirty}", short(commit)));
            }
            let n = code.files.len();
            if n > 0 {
                let hash = sha256(serde_json::to_string(&code.files).unwrap_or_default());
                let files = if n == 1 { "file" } else { "files" };
                row("code", format!("{} ({n} {files} in {})", short(&hash), code.root));
            }
        }
        if let Some(environment) = &self.environment {
            row("kernel", environment.kernel.clone());
            if let Some(model) = &environment.cpu_model {
                row("CPU", model.clone());
            }
            let (recorded, others) = (environment.variables.len(), environment.unrecorded.len());
            row("environment", format!("{recorded} variables in env.json, {others} more by name"));
        }
        lines
    }

    /// All of it, without the environment's variables.
    pub(super) fn to_json(&self) -> Value {
        let environment = self.environment.as_ref();
        json!({
            "provenance": self.provenance,
            "imported": self.imported,
            "code": self.code,
            "host": environment.map(|e| &e.host),
            "kernel": environment.map(|e| &e.kernel),
            "cpu_model": environment.and_then(|e| e.cpu_model.as_ref()),
            "cwd": environment.map(|e| &e.cwd),
        })
    }
}

/// The record; `None`, with a warning that names the file, if that is damaged.
pub(super) fn undamaged<T>(record: Result<Option<T>, FileError>) -> Result<Option<T>, FileError> {
    match record {
        Err(error) if error.is_damage() => {
            tracing::warn!("skipped a record: {}", chain(&error));
            Ok(None)
        }
        record => record,
    }
}

fn short(hash: &str) -> &str {
    hash::short(hash, SHORT)
}
