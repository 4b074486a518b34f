//! The data that pages show, read from the records of a run as plain values.

pub(super) mod machine;
pub(super) mod report;
pub(super) mod run;
pub(super) mod trial;
mod trial_curves;
