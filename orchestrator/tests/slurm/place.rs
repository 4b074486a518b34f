//! Where trials run in these tests: on the two nodes of a cluster that all tests share.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use crate::cluster::Cluster;

/// What a file needs besides for its trials to run here.
pub(crate) const SETTINGS: &str = "executor: slurm\nslurm: {poll: 200ms}\n";

/// The cluster of those tests that do it no harm; ended with the last of them.
static SHARED: Mutex<Weak<Cluster>> = Mutex::new(Weak::new());

/// A cluster.
pub(crate) struct Place {
    /// What `orch` needs in its environment.
    pub(crate) environment: Vec<(String, String)>,
    pub(crate) cluster: Arc<Cluster>,
}

impl Place {
    pub(crate) fn new() -> Self {
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        let cluster = shared.upgrade().unwrap_or_else(|| Arc::new(Cluster::up(&[])));
        *shared = Arc::downgrade(&cluster);
        Self::on(cluster)
    }

    /// A cluster for a test alone, with these settings of `scripts/slurm.sh`.
    pub(crate) fn alone(settings: &[(&str, &str)]) -> Self {
        Self::on(Arc::new(Cluster::up(settings)))
    }

    fn on(cluster: Arc<Cluster>) -> Self {
        Self { environment: vec![("SLURM_CONF".to_owned(), cluster.config())], cluster }
    }
}
