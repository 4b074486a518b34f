//! What could keep trials from running here, or their records from being kept: one finding for
//! each thing that was looked at. Nothing is changed, and nothing is left behind.

mod holders;
mod machine;
mod storage;
mod worker;

use serde::Serialize;

pub(crate) use machine::{machine, programs};
pub(crate) use storage::{records, state, storage};
pub(crate) use worker::worker;

/// What was found out about one thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    /// What was looked at.
    pub check: String,
    /// How it is.
    pub level: Level,
    /// What was found.
    pub found: String,
    /// What to do about it; empty where nothing is.
    pub advice: String,
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Level {
    /// As it should be.
    Ok,
    /// Runs go on, but not as one may expect.
    Warning,
    /// Runs fail, or lose what they should keep.
    Problem,
}

impl Level {
    /// One word.
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
