//! `orch run FILE --until-resolved`: the seeds of a design, look by look, until its claims are resolved.
//!
//! Every round follows from the records alone, so that the verb can be interrupted and repeated at any
//! moment: the trials that have begun, and where all of them have succeeded the next look of the claims that
//! are open.

mod round;

use std::mem;

use experiments::expand::ResolvedTrial;
use experiments::protocol::exit;
use serde_json::json;

use self::round::{Round, Seeds};
use super::damage::open_records;
use super::error::Result;
use super::idle::Idle;
use super::output::{print_json, print_message};
use super::plan_text::dry_run;
use super::supervise::{Supervised, lock, start_in_background, supervise};
use super::validated_run::ValidatedRun;
use crate::cli::args::{self, Global};
use crate::display::text::duration;

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
    let seeds = Seeds::new(mem::take(&mut validated.trials));
    if arguments.dry_run || (arguments.detach && !global.background) {
        if !arguments.dry_run {
            drop(validated.dir.create().and_then(|()| validated.dir.lock_for_a_moment())?);
        }
        let round = next_round(&mut validated, &seeds, arguments).await?;
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
    let lock = lock(&validated.dir, global)?;
    let mut ended: Option<Supervised> = None;
    loop {
        let round = next_round(&mut validated, &seeds, arguments).await?;
        if !round.has_work {
            let code = if let Some(ended) = ended {
                ended.finish(&validated, false, global).await?
            } else if let Some(idle) = Idle::of(&validated, &lock, arguments).await? {
                idle.finish(&validated, false, global).await?
            } else {
                let ended = supervise(&validated, &lock, arguments, global).await?;
                ended.finish(&validated, false, global).await?
            };
            return finish(&validated, &round, code, arguments, global);
        }
        if !global.quiet {
            print_message(&round.text(&validated));
        }
        let supervised = supervise(&validated, &lock, arguments, global).await?;
        let quiet = Global { quiet: true, ..global.clone() };
        let code = supervised.finish(&validated, false, &quiet).await?;
        if code != exit::OK {
            return supervised.finish(&validated, arguments.json, global).await;
        }
        validated.previous = None;
        ended = Some(supervised);
    }
}

/// The next round by the present records; the trials of `validated` are then those that it wants.
async fn next_round(
    validated: &mut ValidatedRun,
    seeds: &Seeds,
    arguments: &args::Run,
) -> Result<Round> {
    let round = if validated.dir.journal().is_file() {
        let mut store = open_records(&validated.dir).await?;
        Round::by_records(validated, seeds, &mut store, arguments.budget).await?
    } else {
        Round::first(&validated.run.config.report, seeds)
    };
    validated.trials = seeds.trials(&round.wanted).cloned().collect::<Vec<ResolvedTrial>>();
    Ok(round)
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
