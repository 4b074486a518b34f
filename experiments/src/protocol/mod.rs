//! The protocol between the orchestrator and a worker, which may be any program: what it is asked
//! ([`check`]), what it reads ([`trial`]), what it appends ([`events`]) and how it exits ([`exit`]).

pub mod check;
pub mod events;
pub mod exit;
pub mod failure;
pub mod number;
pub mod trial;
pub mod trial_id;
