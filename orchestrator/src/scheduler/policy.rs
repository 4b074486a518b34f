//! The rules of one run, and the request that ends it.

use experiments::schema::file::{AfterStall, Retry};
use serde::{Deserialize, Serialize};

use crate::run_dir::attempt::StopMode;

/// The rules of one run.
#[derive(Debug, Clone)]
pub struct Policy {
    /// Limits and waits after failures.
    pub retry: Retry,
    /// Largest number of active trials.
    pub jobs: usize,
    /// The run stops once so many trials have failed; `None` to never stop for that.
    pub max_fails: Option<u32>,
    /// The run goes on when its first trials all fail the same way before their first event.
    pub keep_going: bool,
    /// The consequence of a stall.
    pub after_stall: AfterStall,
    /// Trials get shares of GPUs, not whole ones.
    pub shares_gpu: bool,
}

/// A stop of the whole run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StopRequest {
    /// Requested by a signal or by `orch stop`.
    ByUser(StopMode),
    /// [`Policy::max_fails`] was reached.
    TooManyFailures,
    /// The first trials failed the same way before their first event: [`super::SameFailure`].
    SameFailure,
}
