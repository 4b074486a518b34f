//! `orch run FILE --until-resolved`: the seeds of a design, look by look, until its claims are resolved.
//!
//! Every round follows from the records alone, so that the verb can be interrupted and repeated at any
//! moment: the trials that have begun, and where all of them have succeeded the next look of the claims that
//! are open.

mod round;

use std::mem;

use experiments::protocol::exit;
use reports::claims;
use serde_json::json;

use self::round::{Round, Seeds};
use super::damage::open_records;
use super::error::Result;
use super::idle::Idle;
use super::notify::Notifier;
use super::output::{print_json, print_message};
use super::plan_text::dry_run;
use super::report::{self, Mixed, ReportRequest};
use super::supervise::{Supervised, lock, start_in_background, supervise};
use super::validated_run::ValidatedRun;
use crate::cli::args::{self, Global};
use crate::display::text::duration;
use crate::run_dir::RunDir;
use crate::run_dir::snapshot::RunSnapshot;
use crate::store::{Store, sync};

/// A file whose claims have no design to be resolved under.
#[derive(Debug, thiserror::Error)]
#[error(
    "`--until-resolved` needs claims and a design in the file, so that looking again keeps the error rate; \
     for example

report:
  design: {{seeds: {{first: 3, most: 20}}}}"
)]
pub(super) struct NoDesign;

/// Runs the verb.
pub(super) async fn run(
    mut validated: ValidatedRun,
    arguments: &args::Run,
    global: &Global,
) -> Result<u8> {
    let report = &validated.run.config.report;
    if report.design.is_none() || report.claims.is_empty() {
        return Err(NoDesign.into());
    }
    let mut seeds = Seeds::new(mem::take(&mut validated.trials));
    if arguments.dry_run || (arguments.detach && !global.background) {
        if !arguments.dry_run {
            drop(validated.dir.create().and_then(|()| validated.dir.lock_for_a_moment())?);
        }
        let round = next_round(&mut validated, &mut seeds, arguments, true).await?;
        let plan = validated.plan(arguments).await?;
        if arguments.dry_run {
            if !global.quiet {
                print_message(&round.text(&validated));
            }
            return dry_run(&validated, &plan, arguments.json).map(|()| exit::OK);
        }
        if plan.to_run().next().is_some() {
            return start_in_background(&validated, &plan, arguments, global);
        }
    }
    Box::pin(supervise_rounds(validated, seeds, arguments, global)).await
}

/// Supervises the run, round by round, until no round has work.
async fn supervise_rounds(
    mut validated: ValidatedRun,
    mut seeds: Seeds,
    arguments: &args::Run,
    global: &Global,
) -> Result<u8> {
    let lock = lock(&validated.dir, global)?;
    let mut notifier = Notifier::new(&validated);
    let mut ended: Option<Supervised> = None;
    loop {
        let round = next_round(&mut validated, &mut seeds, arguments, ended.is_none()).await?;
        if ended.is_some() {
            notifier.tell_verdicts(round.resolved());
        } else {
            notifier.know_verdicts(round.resolved());
        }
        if !round.has_work {
            let has_run = ended.is_some();
            let code = if let Some(ended) = ended {
                ended.finish(&validated, false, global).await?
            } else if let Some(idle) = Idle::of(&validated, &lock, arguments).await? {
                idle.finish(&validated, false, global).await?
            } else {
                let ended = supervise(&validated, &lock, arguments, &mut notifier, global).await?;
                ended.finish(&validated, false, global).await?
            };
            let code = finish(&validated, &round, code, arguments, global)?;
            if has_run {
                notifier.finish(&round.verdicts(), code);
            }
            return Ok(code);
        }
        if !global.quiet {
            print_message(&round.text(&validated));
        }
        let supervised = supervise(&validated, &lock, arguments, &mut notifier, global).await?;
        let quiet = Global { quiet: true, ..global.clone() };
        let code = supervised.finish(&validated, false, &quiet).await?;
        if code != exit::OK {
            let code = supervised.finish(&validated, arguments.json, global).await?;
            notifier.finish(&supervised.counts(), code);
            return Ok(code);
        }
        validated.is_announced = true;
        ended = Some(supervised);
    }
}

/// The next round by the present records; the trials of `validated` are then those that it wants. The first
/// one repairs damaged records where the arguments say how.
async fn next_round(
    validated: &mut ValidatedRun,
    seeds: &mut Seeds,
    arguments: &args::Run,
    is_first: bool,
) -> Result<Round> {
    let round = if validated.dir.journal().is_file() {
        let repairs = is_first && (arguments.rerun_damaged || arguments.accept_damage);
        // Damage that is repaired does not change the exit code.
        let mut store = if repairs {
            sync::for_reading(&validated.dir).await?
        } else {
            open_records(&validated.dir).await?
        };
        let repairs = repairs && !store.damage.is_empty();
        let needs_plan = is_first && (repairs || arguments.rerun_stale);
        Round::by_records(validated, seeds, &mut store, arguments.budget, is_first, needs_plan)
            .await?
    } else {
        Round::first(&validated.run.config.report, seeds)
    };
    validated.trials = seeds.trials(&round.wanted).cloned().collect();
    Ok(round)
}

/// Prints the claims of a run by `--until-resolved` that are open, and returns the exit code of a verb that
/// has seen it end with `code`.
pub(super) async fn code_with_open_claims(
    dir: &RunDir,
    resolved: &RunSnapshot,
    store: &mut Store,
    code: u8,
) -> Result<u8> {
    if code != exit::OK || !resolved.until_resolved {
        return Ok(code);
    }
    let mut request = ReportRequest::of_run(dir.clone())?;
    let (records, _) = report::collect(&mut request, store, Mixed::Refused, dir.path()).await?;
    let judged = claims::judge(&request.report, &records)?;
    let open: Vec<_> = judged.iter().filter(|claim| !claim.verdict.is_final()).collect();
    for claim in &open {
        print_message(&format!("{}: {}: {}", dir.name(), claim.verdict.words(), claim.text()));
    }
    Ok(if open.is_empty() { exit::OK } else { exit::INCOMPLETE })
}

/// Says what became of the claims, and why no more seeds are added; returns the exit code.
fn finish(
    validated: &ValidatedRun,
    round: &Round,
    code: u8,
    arguments: &args::Run,
    global: &Global,
) -> Result<u8> {
    if arguments.json {
        print_json(&json!({
            "schema": 1,
            "run": validated.run.name(),
            "folder": validated.dir.path(),
            "trials": validated.trials.len(),
            "training_seconds": round.spent,
            "claims": round.json(),
        }))?;
    }
    if !global.quiet {
        print_message(&format!(
            "{} after {} trials and {} of training",
            round.verdicts(),
            validated.trials.len(),
            duration(std::time::Duration::from_secs_f64(round.spent)),
        ));
        for reason in &round.reasons {
            print_message(&format!("  {}: {}", reason.verdict, reason.text));
        }
    }
    let is_open = code == exit::OK && !round.reasons.is_empty();
    Ok(if is_open { exit::INCOMPLETE } else { code })
}
