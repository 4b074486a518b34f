//! Experiments and the protocol of their workers.
//!
//! One YAML file ([`schema`]) lists a paper's variants, seeds and report; [`expand`] turns it into
//! trials under one profile. [`protocol`] is the interface between the orchestrator and a worker,
//! which may be any program. Nothing here runs, draws or stores anything; all that it reads, and what
//! others read, it opens by [`regular_file`].

pub mod expand;
pub mod protocol;
pub mod regular_file;
pub mod schema;
pub mod yaml;
