//! What an experiment is and what a worker may say.
//!
//! One YAML file ([`schema`]) names a paper's variants, seeds and report; [`expand`] turns it into
//! trials under one profile. [`protocol`] is the whole language between the orchestrator and a worker,
//! which may be any program. Nothing here runs, draws or stores anything.

pub mod expand;
pub mod protocol;
pub mod schema;
pub mod yaml;
