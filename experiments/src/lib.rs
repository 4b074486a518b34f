//! What an experiment is and what a worker may say.
//!
//! One YAML file ([`mod@file`]) names a paper's variants, seeds and report; [`expand`] turns it into
//! trials under one profile. [`check`], [`trial`], [`events`] and [`exit`] are the whole language
//! between the orchestrator and a worker, which may be any program. Nothing here runs, draws or
//! stores anything.

pub mod check;
pub mod claim;
pub mod config;
pub mod events;
pub mod executor;
pub mod exit;
pub mod expand;
pub mod file;
pub mod grid;
pub mod keep;
mod marks;
pub mod number;
pub mod overrides;
pub mod report;
pub mod resources;
pub mod source;
pub mod trial;
mod validate;
pub mod yaml;
