//! `orch` with a real Slurm as executor: the same tests as on one machine, and those of what can
//! only happen on a cluster. `scripts/slurm.sh` brings the cluster up.

#![expect(clippy::unwrap_used, reason = "a test's helpers fail the test")]

/// The shared helpers, as far as this program uses them.
mod common {
    pub(crate) mod default_file;
    pub(crate) mod observe;
    pub(crate) mod processes;
    pub(crate) mod signals;
    pub(crate) mod test_run;
    pub(crate) mod wait;
}

/// The tests of `--test cli` that hold under every executor, compiled again for this one.
mod commands {
    mod background;
    mod crash_recovery;
    mod edited_file;
    mod failures;
    mod hostile_worker;
    mod interrupts;
    mod real_worker;
    mod requests;
    mod stale_results;
    mod stall;
    mod success;
    mod supervisor_crash;
}

mod cluster {
    mod arrays;
    mod daemons;
    pub(crate) mod executor;
    mod fixture;
    mod gpus;
    mod job_ends;
}

use cluster::executor;
