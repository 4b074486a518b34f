//! From the files, journal and events, to rows of the database.

mod batch;
mod code;
mod events;
mod journal;
mod metric_names;

pub use events::{EventsRead, UnreadEvents};
