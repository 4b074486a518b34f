//! The operating system: clock, host, file systems, locks of files, shell.

pub mod atomic_file;
pub mod clock;
pub(crate) mod disk_space;
pub(crate) mod error_chain;
pub mod file_seal;
pub(crate) mod file_stamp;
pub(crate) mod filesystem;
pub(crate) mod hash;
pub mod host;
pub(crate) mod line_reader;
pub(crate) mod parallel;
pub(crate) mod process_tree;
pub(crate) mod shell;
pub(crate) mod state_dir;
