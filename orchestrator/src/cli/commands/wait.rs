//! `orch wait [RUN]`: waits until a run has ended, and tells its end by the exit code.

use std::time::{Duration, Instant};

use experiments::protocol::exit;

use super::damage::open_records;
use super::error::Result;
use super::metric_gaps::{metric_gaps, print_metric_gaps};
use super::output::print_message;
use super::summary::Summary;
use super::until_resolved::code_with_open_claims;
use crate::cli::args::{self, Global};
use crate::run_dir::RunDir;
use crate::run_dir::snapshot::RunSnapshot;

/// Time between two looks at the supervisor.
const POLL_INTERVAL: Duration = Duration::from_millis(200);

/// Runs the verb.
pub(super) async fn run(arguments: &args::Wait, global: &Global) -> Result<u8> {
    let dir = RunDir::find(&global.runs, arguments.run.as_deref())?;
    let start = Instant::now();
    while let Some(supervisor) = dir.supervisor() {
        if arguments.timeout.is_some_and(|timeout| start.elapsed() >= timeout) {
            print_message(&format!("{} is still being run by {supervisor}", dir.name()));
            return Ok(exit::TIMED_OUT);
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
    let resolved = RunSnapshot::read_settings(&dir.resolved())?;
    let mut store = open_records(&dir).await?;
    let trials = resolved.of_last_run(store.trials().await?);
    let gaps = metric_gaps(&mut store, &resolved.run.report, &trials).await?;
    let summary = Summary::of_records(&dir, &trials, store.stopping().await?, gaps);
    if summary.code() != exit::OK {
        print_metric_gaps(&summary.gaps);
        print_message(&format!("{}: {}", dir.name(), summary.to_text()));
    }
    code_with_open_claims(&dir, &resolved, &mut store, summary.code()).await
}
