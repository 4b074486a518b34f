//! Exit codes: the worker's, which the holder records, and the command line's own.

/// A worker finished its trial. Nothing else counts as success.
pub const WORKER_DONE: i32 = 0;
/// A worker rejected its config (`EX_USAGE`). Never retried.
pub const WORKER_CONFIG_WRONG: i32 = 64;
/// A worker was asked to stop and saved a checkpoint first (`EX_TEMPFAIL`).
pub const WORKER_STOPPED: i32 = 75;

/// `orch`: everything requested has succeeded.
pub const OK: u8 = 0;
/// `orch`: some trials failed.
pub const SOME_FAILED: u8 = 1;
/// `orch`: the command line or the experiment file is wrong; nothing was started.
pub const USAGE: u8 = 2;
/// `orch`: the records are incomplete: trials are missing, or a metric that the report needs, or a
/// succeeded trial reported no result; the output names them.
pub const INCOMPLETE: u8 = 3;
/// `orch`: another supervisor holds this run.
pub const LOCKED: u8 = 4;
/// `orch`: records are damaged; the output names them.
pub const DAMAGED: u8 = 5;
/// `orch wait`: the time limit was reached first, as in `timeout`.
pub const TIMED_OUT: u8 = 124;
/// `orch run`: interrupted from the keyboard or by a signal.
pub const INTERRUPTED: u8 = 130;
