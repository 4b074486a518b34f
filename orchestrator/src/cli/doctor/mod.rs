//! The checks of `orch doctor`: everything that trials and their records need on this machine. Each
//! check makes one finding or more, changes nothing and leaves nothing behind. `--fix` fetches, before them, what
//! can be fetched.

mod libtorch;
mod machine;
mod storage;
mod worker;

use serde::Serialize;

pub(crate) use machine::{machine, programs};
pub(crate) use storage::{records, state, storage};
pub(crate) use worker::{fix, installed_worker, worker};

/// The result of a check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    /// The check's name, as it is printed.
    pub(crate) check: String,
    /// The severity.
    pub(crate) level: Level,
    /// The fact that was found.
    pub(crate) found: String,
    /// The remedy; empty if none is needed or known.
    pub(crate) advice: String,
}

/// The severity of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Level {
    /// As it should be.
    Ok,
    /// Runs work, but perhaps not as expected.
    Warning,
    /// Runs fail, or lose what they should keep.
    Problem,
}

impl Level {
    /// The word that is printed.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Problem => "problem",
        }
    }
}

impl Finding {
    fn ok(check: &str, found: impl Into<String>) -> Self {
        Self::new(check, Level::Ok, found.into(), "")
    }

    fn warning(check: &str, found: impl Into<String>, advice: &str) -> Self {
        Self::new(check, Level::Warning, found.into(), advice)
    }

    fn problem(check: &str, found: impl Into<String>, advice: &str) -> Self {
        Self::new(check, Level::Problem, found.into(), advice)
    }

    fn new(check: &str, level: Level, found: String, advice: &str) -> Self {
        Self { check: check.to_owned(), level, found, advice: advice.to_owned() }
    }
}
