//! The executor of these tests: this machine.

/// Appended to every experiment file.
pub(crate) const SETTINGS: &str = "";

/// This machine.
pub(crate) struct Executor {
    /// Added to the environment of `orch`.
    pub(crate) environment: Vec<(String, String)>,
}

impl Executor {
    pub(crate) fn new() -> Self {
        Self { environment: Vec::new() }
    }
}
