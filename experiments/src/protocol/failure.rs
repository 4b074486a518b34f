//! Failures, and the class that decides whether a trial is tried again.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The reason of a failure. Workers report the first six in a `failed` event, or a class of their
/// own; the supervisor finds the others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum FailureClass {
    /// The config is wrong. Never retried.
    Config,
    /// The data cannot be used. Never retried.
    Data,
    /// The loss is not finite any more. Never retried.
    Diverged,
    /// The GPU's memory is full. Retried once with a whole GPU where trials share GPUs.
    CudaOom,
    /// The machine's memory is full. Retried like a crash.
    CpuOom,
    /// The machine failed, not the trial. Retried without using up an attempt.
    Infrastructure,
    /// The worker ended by a signal or with a non-zero exit code and reported no reason.
    Crashed,
    /// The worker's program could not be started. Never retried.
    NotStarted,
    /// Interrupted again and again without a new checkpoint, and then never retried; or without one at
    /// the time limit, which is retried like a crash.
    NoProgress,
    /// A class of the worker's own. Retried like a crash.
    Other(String),
}

/// A failure as the worker reported it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Decides whether the trial is tried again.
    pub class: FailureClass,
    /// The cause, and what to do, for people.
    pub message: String,
}

impl FailureClass {
    const KNOWN: [Self; 9] = [
        Self::Config,
        Self::Data,
        Self::Diverged,
        Self::CudaOom,
        Self::CpuOom,
        Self::Infrastructure,
        Self::Crashed,
        Self::NotStarted,
        Self::NoProgress,
    ];

    /// The name in events, in the journal and on the screen.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Config => "config",
            Self::Data => "data",
            Self::Diverged => "diverged",
            Self::CudaOom => "cuda-oom",
            Self::CpuOom => "cpu-oom",
            Self::Infrastructure => "infrastructure",
            Self::Crashed => "crashed",
            Self::NotStarted => "not-started",
            Self::NoProgress => "no-progress",
            Self::Other(name) => name,
        }
    }
}

impl From<String> for FailureClass {
    fn from(name: String) -> Self {
        let known = Self::KNOWN.into_iter().find(|class| class.as_str() == name);
        known.unwrap_or(Self::Other(name))
    }
}

impl From<FailureClass> for String {
    fn from(class: FailureClass) -> Self {
        class.as_str().to_owned()
    }
}

impl fmt::Display for FailureClass {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_survive_a_round_trip_and_unknown_ones_are_kept() {
        for class in FailureClass::KNOWN.into_iter().chain([FailureClass::Other("flu".into())]) {
            let json = serde_json::to_string(&class).unwrap();
            assert_eq!(json, format!("\"{class}\""));
            assert_eq!(serde_json::from_str::<FailureClass>(&json).unwrap(), class);
        }
    }
}
