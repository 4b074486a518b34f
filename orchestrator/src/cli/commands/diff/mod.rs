//! `orch diff A B [RUN [RUN]]`: the differences between two trials, or between two runs or bundles.

mod runs;
mod text;
mod trials;

use super::any_run::AnyRun;
use super::error::Result;
use crate::cli::args::{self, Global, OneTrialArgs};

/// Runs the verb.
pub(super) async fn run(arguments: &args::Diff, global: &Global) -> Result<u8> {
    let args::Diff { a, b, run, other_run, json } = arguments;
    if run.is_none()
        && let [Some(a), Some(b)] = [AnyRun::named(a, &global.runs), AnyRun::named(b, &global.runs)]
    {
        return runs::compare(a, b, *json).await;
    }
    let other_run = other_run.as_ref().or(run.as_ref());
    let a = OneTrialArgs { trial: a.parse()?, run: run.clone() };
    let b = OneTrialArgs { trial: b.parse()?, run: other_run.cloned() };
    trials::compare(&a, &b, *json, global).await
}
