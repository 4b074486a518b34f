//! `exit.json`: the end of an attempt, as its holder saw it.

use std::fmt::{self, Display, Formatter};

use serde::{Deserialize, Serialize};

use crate::platform::file_seal::Seals;

/// The end of an attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exit {
    /// The worker's own end.
    pub outcome: Outcome,
    /// The source of the stop that the holder passed on to the worker; `None` if it did not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop: Option<StopSource>,
    /// True if the worker outlasted its grace period and was killed by the holder. A SIGKILL without
    /// this came from elsewhere: from a person, or from a kernel that is out of memory.
    #[serde(default)]
    pub killed: bool,
    /// True if the worker was stopped and exited with 0, but had not reported a result: its 0 means that
    /// it stopped well, not that it is done.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub stopped_early: bool,
    /// Processes that the worker left behind and the holder killed.
    #[serde(default)]
    pub orphans: u32,
    /// True if next to nothing was free on the disk when the worker had ended, or its last complaint
    /// was a full disk.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub disk_full: bool,
    /// Names of logs that were empty and have been removed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub empty_logs: Vec<String>,
    /// The attempt's files, and those of the trial that it has read or written, as they were when they were
    /// written: one that was changed while the worker ran does not agree with its seal.
    #[serde(default, skip_serializing_if = "Seals::is_empty")]
    pub files: Seals,
    /// When the holder started the attempt, in milliseconds since the Unix epoch.
    pub started_ms: i64,
    /// When the last process of the attempt had ended, in milliseconds since the Unix epoch.
    pub ended_ms: i64,
    /// Random, in hexadecimal: only the attempt's holder knows it before it writes this record
    /// ([`Owner::nonce_sha256`](crate::run_dir::ownership::Owner::nonce_sha256)).
    pub nonce: String,
}

impl Exit {
    /// Seconds that the attempt took, 0 if the clock was set back meanwhile.
    pub(crate) fn seconds(&self) -> f64 {
        (self.ended_ms - self.started_ms).max(0) as f64 / 1e3
    }
}

/// The end of a worker's process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It ended by itself; the codes are in [`experiments::protocol::exit`].
    Exited {
        /// Its exit code.
        code: i32,
    },
    /// A signal ended it.
    Signalled {
        /// The signal's number.
        signal: i32,
    },
    /// It never ran.
    NotStarted {
        /// The step that failed, and the reason.
        message: String,
        /// True if the machine lacked something for the moment, or the program was being written.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        transient: bool,
    },
}

impl Display for Exit {
    /// In a few words, for tables.
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        match &self.outcome {
            Outcome::Exited { code } => write!(f, "exit {code}")?,
            Outcome::Signalled { signal } => write!(f, "signal {signal}")?,
            Outcome::NotStarted { .. } => f.write_str("not started")?,
        }
        match self.stop {
            Some(StopSource::Requested) => f.write_str(", stop requested"),
            Some(StopSource::TimeLimit) => f.write_str(", time limit"),
            None => Ok(()),
        }
    }
}

/// The source of a stop that a holder passed on to its worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StopSource {
    /// The `stop` file, or a signal to the holder.
    Requested,
    /// The end of [`Command::time_limit_secs`](super::Command::time_limit_secs).
    TimeLimit,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_keep_their_form_on_disk() {
        // Supervisors and holders of different builds may meet in one folder.
        let exit = Exit {
            outcome: Outcome::Exited { code: 75 },
            stop: Some(StopSource::TimeLimit),
            killed: false,
            stopped_early: false,
            orphans: 0,
            disk_full: false,
            empty_logs: Vec::new(),
            files: Seals::new(),
            started_ms: 1,
            ended_ms: 2,
            nonce: "00ff".to_owned(),
        };
        let text = r#"{"outcome":{"exited":{"code":75}},"stop":"time-limit",
            "killed":false,"orphans":0,"started_ms":1,"ended_ms":2,"nonce":"00ff"}"#;
        assert_eq!(serde_json::from_str::<Exit>(text).unwrap(), exit);
        assert_eq!(
            serde_json::to_value(&exit).unwrap(),
            serde_json::from_str::<serde_json::Value>(text).unwrap()
        );
    }
}
