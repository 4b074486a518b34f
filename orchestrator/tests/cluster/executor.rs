//! The executor of these tests: a Slurm cluster of two nodes.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::fixture::Cluster;
use crate::common::default_file::FILE;
use crate::common::test_run::TestRun;

/// Appended to every experiment file.
pub(crate) const SETTINGS: &str = "executor: slurm\nslurm: {poll: 200ms}\n";

/// The cluster that tests share which do not damage it; ended with the last of them.
static SHARED: Mutex<Weak<Cluster>> = Mutex::new(Weak::new());

/// A cluster.
pub(crate) struct Executor {
    /// Added to the environment of `orch`.
    pub(crate) environment: Vec<(String, String)>,
    pub(crate) cluster: Arc<Cluster>,
}

impl Executor {
    /// The shared cluster.
    pub(crate) fn new() -> Self {
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        let cluster = shared.upgrade().unwrap_or_else(|| Arc::new(Cluster::up(&[])));
        *shared = Arc::downgrade(&cluster);
        Self::on(cluster)
    }

    /// A cluster for one test, with these settings of `scripts/slurm.sh`.
    pub(crate) fn exclusive(settings: &[(&str, &str)]) -> Self {
        Self::on(Arc::new(Cluster::up(settings)))
    }

    fn on(cluster: Arc<Cluster>) -> Self {
        Self { environment: vec![("SLURM_CONF".to_owned(), cluster.config())], cluster }
    }
}

impl TestRun {
    /// A folder with the default file, whose trials run on `executor`.
    pub(crate) fn new_on(executor: Executor) -> Self {
        Self::at(executor, FILE)
    }
}
