//! `orch plan FILE`: the seeds that each claim will need, from the variances of what has run.

use std::time::Duration;

use experiments::expand::Experiment;
use experiments::protocol::exit;
use reports::claims::{self, ClaimPower, PairPower, PowerPlan};
use serde_json::json;

use super::error::Result;
use super::output::{print, print_json, print_message};
use super::report::{self, ReportRequest};
use crate::cli::args::{self, Global};
use crate::display::text::{columns, duration};

/// A file without claims has nothing to plan.
#[derive(Debug, thiserror::Error)]
#[error("{file} makes no claims; add some to `report.claims`")]
pub(super) struct NothingToPlan {
    file: String,
}

/// Runs the verb.
pub(super) async fn run(arguments: &args::Plan, global: &Global) -> Result<u8> {
    let experiment = Experiment::load(&arguments.file)?;
    let run = experiment.expand(arguments.profile.as_deref(), &[])?;
    let file = arguments.file.display().to_string();
    if run.config.report.claims.is_empty() {
        return Err(NothingToPlan { file }.into());
    }
    let of = arguments.from.as_deref().unwrap_or(&experiment.file.name);
    let mut pilot = ReportRequest::new(Some(of), None, global)?;
    pilot.report = run.config.report;
    let spool_folder = tempfile::tempdir()?;
    let records =
        report::records_of(&mut pilot, arguments.accept_code_change, spool_folder.path()).await?;
    let plan = claims::power(&pilot.report, &records)?;
    if arguments.json {
        print_json(&json!({
            "schema": 1, "pilot": pilot.dir.name(), "powers": claims::POWERS, "plan": plan,
        }))?;
        return Ok(exit::OK);
    }
    print(&text(&plan))?;
    print_message(&format!(
        "\nSeeds of every row for a verdict with a chance of 80 % and of 95 %, if the effects and the variances are \
         those of {pilot} and each claim is judged at {alpha:.4}; in parentheses the mean until a verdict. \
         One test: of a number of seeds that is fixed beforehand. Looks: after {looks} seeds. An effect of a few seeds is \
         uncertain, and so is what follows from it. The time is that of the one test at 80 %, at the \
         speed of {pilot}.",
        pilot = pilot.dir.name(),
        alpha = plan.alpha,
        looks = plan.looks.iter().map(usize::to_string).collect::<Vec<_>>().join(", "),
    ));
    Ok(exit::OK)
}

fn text(plan: &PowerPlan) -> String {
    let heading = ["claim", "against", "found", "one test", "looks", "anytime", "time"];
    let mut rows = vec![heading.map(str::to_owned).to_vec()];
    let last_look = plan.looks.last().copied().unwrap_or(0);
    rows.extend(plan.claims.iter().map(|claim| row(claim, last_look)));
    let lines = columns(&rows);
    lines.iter().map(|line| line.trim_end()).collect::<Vec<_>>().join("\n") + "\n"
}

fn row(claim: &ClaimPower, last_look: usize) -> Vec<String> {
    let Some(pair) = &claim.pair else {
        let unknown = "too few seeds, or no variance, to plan by";
        return vec![claim.compare.clone(), String::new(), unknown.to_owned()];
    };
    let PairPower { against, effect, is_against, .. } = pair;
    // Zero, without the sign that a rounded number may have.
    let effect = if effect.abs() < 0.0005 { 0.0 } else { *effect };
    let found = if *is_against { format!("{effect:.3} (against)") } else { format!("{effect:.3}") };
    let beyond = |limit: usize| format!("> {limit}");
    let both = |seeds: [Option<usize>; 2], limit: usize| {
        seeds.map(|n| n.map_or_else(|| beyond(limit), |n| n.to_string())).join(" / ")
    };
    let one_test = match pair.items {
        Some(items) => format!("{items} items"),
        None => both(pair.one_test, 1_000),
    };
    let seconds = pair.seconds.map(|s| duration(Duration::from_secs_f64(s)));
    vec![
        claim.compare.clone(),
        against.clone(),
        found,
        one_test,
        format!("{} ({:.1})", both(pair.group_sequential, last_look), pair.group_sequential_mean),
        format!("{} ({:.1})", both(pair.anytime, 60), pair.anytime_mean),
        seconds.unwrap_or_default(),
    ]
}
