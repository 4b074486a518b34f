//! The experiment file as written, section by section.

pub mod arguments;
pub mod better;
pub mod claim;
pub(crate) mod curve;
pub mod design;
pub mod executor;
pub(crate) mod figure;
pub(crate) mod figure_size;
pub mod file;
pub(crate) mod file_name;
pub mod grid;
pub mod json_schema;
pub mod keep;
pub mod latex_table;
pub mod metric_use;
pub mod metrics;
pub mod notify;
pub mod report;
pub mod resources;
mod seeds;
pub mod step;
pub mod system;
pub mod worker;
