//! The report of a run that may still go on, for a page that shows it.

use std::path::Path;

use experiments::schema::report::Report;
use reports::records::Records;

use super::mixed_builds::{MixedBuilds, ReportOrigins};
use super::{ReportRequest, values};
use crate::cli::commands::error::Result;
use crate::run_dir::RunDir;
use crate::store::Store;

/// The report of the run's newest plan, and what its records have of it by now. Results of different
/// builds are noted below the table; the origins of single trials are left out. Points that are too many for
/// memory are in a temporary file in `spool_folder`.
pub(crate) async fn so_far(
    dir: &RunDir,
    store: &mut Store,
    spool_folder: &Path,
) -> Result<(Report, Records)> {
    let mut request = ReportRequest::of_run(dir.clone())?;
    let ReportOrigins { mixed, notes } = ReportOrigins::read(store).await?;
    let notes = mixed.as_ref().map(MixedBuilds::note).into_iter().chain(notes);
    let records = values(&mut request, store, notes, spool_folder).await?;
    Ok((request.report, records))
}
