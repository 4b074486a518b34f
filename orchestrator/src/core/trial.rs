//! A trial as the core knows it.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Cause, History, Past, State};

/// A trial's id: `<variant>-s<seed>-<hash8>`, also the name of its folder.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TrialId(pub String);

impl fmt::Display for TrialId {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a supervisor has to do with a trial.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Carries it to its end.
    Carried,
    /// Watches its attempt to the end, if there is one, and starts none.
    LeftOut,
    /// Has its attempt stopped, if there is one: the file no longer names it.
    Retired,
}

/// A trial as its records tell it.
#[derive(Debug, Clone)]
pub struct Member {
    /// Its id.
    pub id: TrialId,
    /// What is to be done with it.
    pub role: Role,
    /// Its state.
    pub state: State,
    /// Its attempts, the first one first.
    pub past: Vec<Past>,
    /// Attempts up to this number no longer count against it.
    pub forgiven: u32,
}

/// What the core remembers of a trial.
#[derive(Debug, Clone)]
pub(super) struct Trial {
    pub(super) role: Role,
    pub(super) state: State,
    /// How many attempts it has had.
    pub(super) attempts: u32,
    pub(super) history: History,
    /// Why the attempt under way was asked to stop.
    pub(super) cause: Option<Cause>,
    /// Not before this time, in milliseconds since the Unix epoch.
    pub(super) ready_ms: i64,
}

impl Trial {
    pub(super) fn new(member: &Member, policy: &super::Policy) -> Self {
        let counting: Vec<_> =
            member.past.iter().filter(|past| past.number > member.forgiven).cloned().collect();
        let under_way = member.state.attempt_under_way();
        let last = member.past.last();
        Self {
            role: member.role,
            state: member.state.clone(),
            attempts: last.map_or(0, |past| past.number),
            history: History::replay(&counting, policy),
            cause: last.filter(|past| under_way == Some(past.number)).and_then(|past| past.cause),
            ready_ms: 0,
        }
    }

    /// Whether it is to be started, sooner or later.
    pub(super) fn waits(&self) -> bool {
        self.role == Role::Carried && matches!(self.state, State::Queued { .. })
    }
}
