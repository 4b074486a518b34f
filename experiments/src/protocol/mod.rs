//! The protocol between the orchestrator and a worker, which may be any program: requests to check
//! configs ([`check`]), the trial it reads ([`trial`]), the events it appends ([`events`]) and its
//! exit codes ([`exit`]).

pub mod check;
pub mod events;
pub mod exit;
pub mod failure;
pub mod number;
pub mod trial;
pub mod trial_id;
