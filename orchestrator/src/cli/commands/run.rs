//! `orch run FILE`: prints the plan, and runs every trial until it ends.

use super::any_run::is_bundle;
use super::detach;
use super::error::Result;
use super::run_bundle;
use super::run_validated::run_validated;
use super::validated_run::ValidatedRun;
use crate::cli::args::{self, Global};

/// An experiment file has no records that could be left out.
#[derive(Debug, thiserror::Error)]
#[error(
    "`--from-scratch` is for bundles; to run an experiment file from scratch, name another folder with \
     `--runs`"
)]
pub(super) struct FromScratch;

/// Runs the verb.
pub(super) async fn run(arguments: &args::Run, global: &Global) -> Result<u8> {
    if global.background {
        detach::detach()?;
    }
    if is_bundle(&arguments.file) {
        return Box::pin(run_bundle::run(arguments, global)).await;
    }
    if arguments.from_scratch {
        return Err(FromScratch.into());
    }
    run_validated(ValidatedRun::new(arguments, None, global)?, arguments, global).await
}
