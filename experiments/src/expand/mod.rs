//! From a file to the trials of one run: profile, overrides, variants × seeds, the worker's
//! defaults, and each trial's key. Everything is checked before anything runs.

pub mod command;
pub mod config;
pub mod interpreter;
pub mod overrides;

mod experiment;
mod findings;
mod grid;
mod key;
mod limits;
mod names;
mod resource_overrides;
mod run;
mod trial;
mod typos;
mod validate;
mod warnings;

pub use self::experiment::Experiment;
pub use self::key::key;
pub use self::resource_overrides::override_resources;
pub use self::run::{Row, Run, RunConfig};
pub use self::trial::{ResolvedTrial, TrialSpec, Weight};
