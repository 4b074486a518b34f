//! The decisions of a run: values in, actions out. No clock, no files, no tokio, no SQL.
//!
//! The supervisor passes what happened to the [`Scheduler`] as an [`Input`] and performs the
//! [`Action`]s that it returns, in order. A trial's state changes through `State::apply` alone.

#![deny(clippy::disallowed_methods)]

mod attempt_end;
mod early_failures;
mod history;
mod input_handlers;
mod messages;
mod policy;
mod queue;
mod replay;
mod retry;
mod state_machine;
#[cfg(test)]
mod tests;
mod trial;
mod trial_state;

use self::history::History;

pub use self::attempt_end::AttemptEnd;
pub use self::early_failures::SameFailure;
pub use self::history::AttemptSummary;
pub use self::messages::{Action, Input, Liveness, StopCause};
pub use self::policy::{Policy, StopRequest};
pub(crate) use self::queue::Weight;
pub use self::state_machine::Scheduler;
pub use self::trial::RecoveredTrial;
pub(crate) use self::trial::Role;
pub(crate) use self::trial_state::Change;
pub use self::trial_state::{IllegalTransition, State};
