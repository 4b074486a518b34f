//! The `orch` command against real processes: a module per command or story, each test in a folder
//! of its own.

#![expect(clippy::unwrap_used, reason = "a test's helpers fail the test")]

/// The shared helpers, as far as this program uses them.
mod common {
    pub(crate) mod browser;
    pub(crate) mod bundles;
    pub(crate) mod default_file;
    pub(crate) mod local;
    pub(crate) mod observe;
    pub(crate) mod processes;
    pub(crate) mod server;
    pub(crate) mod signals;
    pub(crate) mod test_run;
    pub(crate) mod wait;
}

mod commands {
    mod background;
    mod bundle;
    mod bundled_runs;
    mod claim_history;
    mod code;
    mod compare;
    mod completions;
    mod copied_run;
    mod crash_recovery;
    mod damaged_files;
    mod damaged_records;
    mod database;
    mod default_report;
    mod doctor;
    mod documentation;
    mod durability;
    mod edited_file;
    mod example;
    mod export;
    mod failures;
    mod gallery;
    mod gc;
    mod gpus;
    mod help;
    mod hostile_bundles;
    mod hostile_files;
    mod hostile_worker;
    mod import;
    mod init;
    mod inspect;
    mod interrupts;
    mod kept_file;
    mod ls_and_rm;
    mod metric_sources;
    mod notify;
    mod provenance;
    mod query;
    mod real_worker;
    mod report_check;
    mod requests;
    mod serve;
    mod serve_access;
    mod serve_browser;
    mod stale_results;
    mod stall;
    mod start_order;
    mod strict;
    mod success;
    mod supervisor_crash;
    mod system;
    mod terminal;
    mod unchanged_scripts;
    mod until_resolved;
    mod usage;
    mod validate;
    mod verify;
    mod verify_execute;
    mod watch;
}

use common::local as executor;
