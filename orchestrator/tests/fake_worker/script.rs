//! The behaviours that a trial's config can ask of the fake worker.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// The config, with its defaults. Steps count from 1; 0 means never.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[expect(clippy::struct_excessive_bools, reason = "each switches one misbehaviour on")]
pub(crate) struct Script {
    /// Steps to a finished trial.
    pub(crate) steps: u64,
    /// Time that each step takes.
    pub(crate) sleep_ms: u64,
    /// Steps between checkpoints.
    pub(crate) checkpoint_every: u64,
    /// Added to every metric, so that variants can differ.
    pub(crate) offset: f64,
    /// Abort at this step …
    pub(crate) crash_at: u64,
    /// … in so many of the first attempts.
    pub(crate) crash_attempts: u64,
    /// Sleep for ever at this step.
    pub(crate) hang_at: u64,
    /// Wait before the last step until this file is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) wait_for: Option<PathBuf>,
    /// Report a loss of NaN at this step.
    pub(crate) nan_at: u64,
    /// Say that the training is deterministic.
    pub(crate) deterministic: bool,
    /// Print and append lines that are not events.
    pub(crate) garbage: bool,
    /// Ignore SIGTERM.
    pub(crate) ignore_term: bool,
    /// Start a process in a session of its own that outlives the worker and ignores SIGTERM, and append
    /// its id to `children` among the artifacts.
    pub(crate) fork_child: bool,
    /// Start another in the worker's process group.
    pub(crate) fork_sibling: bool,
    /// Report `failed` and exit, once the steps are done.
    pub(crate) fail: Option<Failure>,
    /// Exit code instead of 0, once the steps are done; no result is reported then.
    pub(crate) exit: u8,
}

/// A `failed` event.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Failure {
    /// Its class.
    pub(crate) class: String,
    /// Its message.
    pub(crate) message: String,
}

impl Default for Script {
    fn default() -> Self {
        Self {
            steps: 10,
            sleep_ms: 0,
            checkpoint_every: 5,
            offset: 0.0,
            crash_at: 0,
            crash_attempts: u64::MAX,
            hang_at: 0,
            wait_for: None,
            nan_at: 0,
            deterministic: false,
            garbage: false,
            ignore_term: false,
            fork_child: false,
            fork_sibling: false,
            fail: None,
            exit: 0,
        }
    }
}
