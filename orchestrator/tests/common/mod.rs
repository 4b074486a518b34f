//! What several test programs share: folders with experiments, `orch` at work in them, and the
//! processes that this starts. Only what all of them use, so that none has a dead line.

pub(crate) mod lab;
pub(crate) mod processes;
pub(crate) mod wait;
