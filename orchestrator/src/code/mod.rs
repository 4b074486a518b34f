//! The code of a worker: the files that it is, as far as they can be known from outside, by content.

mod attempt_code;
mod cache;
mod content;
mod difference;
mod error;
mod git;
mod named;
mod project;
mod snapshot;
mod source;

pub use self::attempt_code::AttemptCode;
pub(crate) use self::cache::{CodeAndDiff, CodeCache};
pub(crate) use self::content::hash as content_hash;
pub(crate) use self::difference::{Difference, narrowed};
pub use self::error::CodeError;
pub use self::snapshot::{Snapshot, SnapshotError};
pub use self::source::CodeSource;
