//! Runs an experiment that was found to be able to run here, until every trial has ended.

use experiments::protocol::exit;

use super::error::Result;
use super::idle::Idle;
use super::notify::Notifier;
use super::plan_text::dry_run;
use super::supervise::{lock, start_in_background, supervise};
use super::until_resolved;
use super::validated_run::ValidatedRun;
use crate::cli::args::{self, Global};

/// Runs what is missing of an experiment that can run here.
pub(super) async fn run_validated(
    validated: ValidatedRun,
    arguments: &args::Run,
    global: &Global,
) -> Result<u8> {
    if arguments.until_resolved {
        return Box::pin(until_resolved::run(validated, arguments, global)).await;
    }
    let dir = &validated.dir;
    if arguments.dry_run {
        let plan = validated.plan(arguments).await?;
        return dry_run(&validated, &plan, arguments.json).map(|()| exit::OK);
    }
    if arguments.detach && !global.background {
        drop(dir.create().and_then(|()| dir.lock_for_a_moment())?);
        let plan = validated.plan(arguments).await?;
        if plan.to_run().next().is_some() {
            return start_in_background(&validated, &plan, arguments, global);
        }
    }
    let lock = lock(dir, global)?;
    if let Some(idle) = Idle::of(&validated, &lock, arguments).await? {
        return idle.finish(&validated, arguments.json, global).await;
    }
    // Boxed: it is large, and most calls end before it.
    let mut notifier = Notifier::new(&validated);
    let ended = Box::pin(supervise(&validated, &lock, arguments, &mut notifier, global)).await?;
    let code = ended.finish(&validated, arguments.json, global).await?;
    if ended.has_run() {
        notifier.finish(&ended.counts(), code);
    }
    Ok(code)
}
