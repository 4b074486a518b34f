//! The two ways to stop a worker.

use serde::{Deserialize, Serialize};

/// The way in which a worker is stopped; the later variant is the harder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StopMode {
    /// It saves a checkpoint first, within its grace period.
    Graceful,
    /// It is killed without waiting.
    Immediate,
}
