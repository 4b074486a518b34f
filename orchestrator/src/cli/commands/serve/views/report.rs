//! The report of a run so far.

use reports::live::{self, LiveReport};

use super::super::cache::Source;
use super::super::problem::Problem;
use super::super::stamp::Stamp;
use crate::cli::commands::error::Result as VerbResult;
use crate::cli::commands::report::so_far::so_far;
use crate::cli::commands::runtime::block_on;
use crate::run_dir::RunDir;
use crate::store::sync;

/// The report of a run, as something to read.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct ReportSource(pub(crate) RunDir);

impl Source for ReportSource {
    type Value = LiveReport;

    fn stamp(&self) -> Stamp {
        Stamp::of_run(&self.0)
    }

    fn read(&self) -> Result<LiveReport, Problem> {
        Ok(block_on(draw(&self.0)).map_err(|_| Problem::Internal)??)
    }

    fn changes_by_itself(_: &LiveReport) -> bool {
        false
    }
}

/// Draws what the records have; nothing of damaged ones.
async fn draw(run: &RunDir) -> VerbResult<LiveReport> {
    let mut store = sync::for_reading(run).await?;
    if !store.damage.is_empty() {
        let problems =
            vec!["Records of this run are damaged: nothing is drawn of them.".to_owned()];
        return Ok(LiveReport { problems, ..LiveReport::default() });
    }
    let spool = tempfile::tempdir()?;
    let (report, records) = so_far(run, &mut store, spool.path()).await?;
    // Nothing more is read of the database: its log can be merged while this draws.
    drop(store);
    Ok(live::draw(&report, &records)?)
}
