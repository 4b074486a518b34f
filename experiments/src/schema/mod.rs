//! The experiment file as written, section by section.

pub(crate) mod better;
pub mod claim;
pub mod executor;
pub(crate) mod figure;
pub mod file;
pub mod grid;
pub mod keep;
pub mod metric_use;
pub mod report;
pub mod resources;
pub mod step;
pub mod worker;
