//! The checkpoints worth keeping once a trial is not running: `keep` in the file, the retention
//! policy of `orch gc`.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::schema::better::Better;

/// Retention policy for the files of trials.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Keep {
    /// Applies to each trial separately.
    pub checkpoints: KeepCheckpoints,
}

/// A checkpoint is kept if any of these selects it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct KeepCheckpoints {
    /// Number of the newest ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<u32>,
    /// Those whose step is a multiple of this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub every: Option<u64>,
    /// The best by a metric.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub best: Option<Best>,
}

/// The best checkpoints by a metric's value at exactly their steps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Best {
    /// A metric that the worker reports while it trains.
    pub metric: String,
    /// Direction in which it improves.
    pub better: Better,
    /// Number of checkpoints.
    #[serde(default = "one")]
    pub count: u32,
}

fn one() -> u32 {
    1
}

impl fmt::Display for KeepCheckpoints {
    /// `the last 2, those of every 1000 steps, the best 1 by loss`
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let last = self.last.map(|n| format!("the last {n}"));
        let every = self.every.map(|steps| format!("those of every {steps} steps"));
        let best =
            self.best.as_ref().map(|best| format!("the best {} by {}", best.count, best.metric));
        f.write_str(&[last, every, best].into_iter().flatten().collect::<Vec<_>>().join(", "))
    }
}
