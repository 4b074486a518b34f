//! From the files, journal and events, to rows.

mod events;
mod journal;
mod metric_names;

pub use events::Read;
