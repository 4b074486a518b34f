//! The formats of other programs, read and written.

pub(crate) mod import;
pub(crate) mod parquet;
