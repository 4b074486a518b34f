//! The decisions of a run: values in, actions out. No clock, no files, no tokio, no SQL.
//!
//! The supervisor tells the core what happened as an [`Input`] and performs the [`Action`]s that
//! come back, in order. Everything that the core decides about a trial's state goes through
//! [`State::apply`].

mod history;
mod messages;
mod priority;
mod retry;
mod state_machine;
#[cfg(test)]
mod tests;
mod trial;
mod trial_state;

pub use history::{History, PastAttempt};
pub use messages::{Action, Input, Liveness, StopCause};
pub use priority::{Weight, order};
pub use retry::{Ending, Verdict, judge};
pub use state_machine::{Core, Policy, StopRequest};
pub use trial::{RecoveredTrial, Role};
pub use trial_state::{Change, IllegalTransition, State};
