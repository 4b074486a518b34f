//! Limits of a run: beyond them the input is unreasonable.

/// A run has at most so many trials.
pub(crate) const MAX_TRIALS: usize = 10_000;

/// The configs of all trials of a run, as JSON, have at most so many bytes.
pub(crate) const MAX_CONFIGS: usize = 64 << 20;
