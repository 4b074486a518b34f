//! TensorBoard's event files, read and written: records with masked checksums around protobuf messages.

mod checksum;
mod messages;
mod reader;
mod writer;

pub(crate) use reader::{ReadError, Reader, Scalars};
pub(crate) use writer::EventFile;
