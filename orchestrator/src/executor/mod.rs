//! Executors: how a holder gets started for a prepared attempt. Stopping is the same for all:
//! [`crate::attempt::AttemptDir::request_stop`].

mod local;

pub use local::{Local, StartError};
