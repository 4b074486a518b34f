//! Limits of a run: beyond them the input is unreasonable.

/// Trials of a run.
pub(crate) const MAX_TRIALS: usize = 100_000;

/// Bytes of all configs of a run, as JSON.
pub(crate) const MAX_CONFIGS: usize = 64 << 20;
