//! `orch wait [RUN]`: nothing but waiting, and the truth as an exit code.

use std::time::{Duration, Instant};

use experiments::protocol::exit;

use super::say;
use super::summary::Summary;
use crate::cli::args::{self, Global};
use crate::run_dir::RunDir;
use crate::run_dir::snapshot::RunSnapshot;
use crate::store::sync;

/// How long to wait before the supervisor is looked for again.
const MOMENT: Duration = Duration::from_millis(200);

/// Runs the verb.
pub async fn run(arguments: &args::Wait, global: &Global) -> anyhow::Result<u8> {
    let dir = RunDir::find(&global.runs, arguments.run.as_deref())?;
    let start = Instant::now();
    while let Some(supervisor) = dir.supervisor() {
        if arguments.timeout.is_some_and(|timeout| start.elapsed() >= timeout) {
            say(&format!("{} is still being run by {supervisor}", dir.name()));
            return Ok(exit::TIMED_OUT);
        }
        tokio::time::sleep(MOMENT).await;
    }
    let resolved = RunSnapshot::read(&dir.experiment())?;
    let mut store = sync::for_reading(&dir).await?;
    let trials = resolved.of_last_run(store.trials().await?);
    let summary = Summary::of_records(&dir, &trials, store.stopping().await?);
    if summary.code() != exit::OK {
        say(&format!("{}: {}", dir.name(), summary.to_text()));
    }
    Ok(summary.code())
}
