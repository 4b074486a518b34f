//! The decisions of a run: values in, actions out. No clock, no files, no tokio, no SQL.
//!
//! The supervisor tells the core what happened as an [`Input`] and performs the [`Action`]s that
//! come back, in order. Everything that the core decides about a trial's state goes through
//! [`State::apply`].

mod decisions;
mod history;
mod input;
mod order;
mod retry;
mod state;
#[cfg(test)]
mod tests;
mod trial;

pub use decisions::{Core, Policy, Stopping};
pub use history::{History, Past};
pub use input::{Action, Cause, Halt, Hearing, Input};
pub use order::{Weight, order};
pub use retry::{Ending, Verdict, judge};
pub use state::{Change, IllegalTransition, State};
pub use trial::{Member, Role, TrialId};
