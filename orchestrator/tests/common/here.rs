//! Where trials run in these tests: on this machine.

/// What a file needs besides for its trials to run here.
pub(crate) const SETTINGS: &str = "";

/// This machine.
pub(crate) struct Place {
    /// What `orch` needs in its environment.
    pub(crate) environment: Vec<(String, String)>,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self { environment: Vec::new() }
    }
}
