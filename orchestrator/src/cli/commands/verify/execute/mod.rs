//! `orch verify --execute`: trains segments of trials again, from the bundle's checkpoints, and compares
//! weights, moments, points and final values.

mod compare;
mod comparison;
mod relocate;
mod replay;
mod segment;
mod tensors;

use self::comparison::{Agreement, Comparison};
use self::replay::Replay;
use self::segment::{Segment, segments};
use super::check::{Check, Outcome};
use crate::bundle::Unpacked;
use crate::cli::args;
use crate::cli::commands::error::Result;
use crate::cli::commands::output::print_message;
use crate::store::Store;

/// Trains as many segments again as the arguments say, drawn at random; `None` if they do not say.
pub(super) async fn check(
    bundle: &Unpacked,
    store: &mut Store,
    arguments: &args::Verify,
) -> Result<Option<Check>> {
    let Some(count) = arguments.execute else { return Ok(None) };
    let all = segments(bundle, store).await?;
    let outcome = match all {
        Err(reason) => Outcome::Unverified(vec![format!("nothing was trained again: {reason}")]),
        Ok(all) => {
            let drawn = fastrand::choose_multiple(all.iter(), count as usize);
            let mut compared = Vec::new();
            for segment in drawn {
                compared.push(compare_one(segment, bundle, store, arguments).await?);
            }
            outcome(&compared, all.len(), arguments.tolerance)
        }
    };
    Ok(Some(Check { subject: "execution", outcome }))
}

/// A segment that was trained again; `Err` with the reason why it could not be.
struct Compared {
    name: String,
    result: Result<Comparison, String>,
}

async fn compare_one(
    segment: &Segment,
    bundle: &Unpacked,
    store: &mut Store,
    arguments: &args::Verify,
) -> Result<Compared> {
    let name = segment.to_string();
    if !arguments.json {
        print_message(&format!("training {name} again"));
    }
    let recorded = segment.recorded(store).await?;
    let folder = tempfile::tempdir()?;
    let replay = Replay::run(segment, bundle, folder.path());
    let result = replay.and_then(|replay| compare::compare(segment, &recorded, &replay, bundle));
    Ok(Compared { name, result })
}

/// The outcome of all comparisons, of `drawn` segments out of `of`.
fn outcome(compared: &[Compared], of: usize, tolerance: f64) -> Outcome {
    let (mut differences, mut unknown) = (Vec::new(), Vec::new());
    let (mut points, mut tensors, mut others) = (0, 0, Vec::new());
    for Compared { name, result } in compared {
        let comparison = match result {
            Ok(comparison) => comparison,
            Err(reason) => {
                unknown.push(format!("{name} could not be trained again: {reason}"));
                continue;
            }
        };
        points += comparison.points;
        tensors += comparison.tensors;
        match comparison.agreement(tolerance) {
            Agreement::Identical => {}
            Agreement::Near(place) => others.push(format!(
                "{name} within {:.1e} of the values, as {place}",
                comparison.largest
            )),
            Agreement::Differs(reasons) => {
                differences.extend(reasons.iter().map(|reason| format!("{name}: {reason}")));
            }
        }
    }
    if !differences.is_empty() {
        differences.extend(unknown);
        return Outcome::Differs(differences);
    }
    if !unknown.is_empty() {
        return Outcome::Unverified(unknown);
    }
    let names: Vec<_> = compared.iter().map(|compared| compared.name.as_str()).collect();
    let how = if others.is_empty() {
        "bit for bit the same".to_owned()
    } else {
        format!("the same within the tolerance of {tolerance:.1e}: {}", others.join("; "))
    };
    Outcome::Verified(format!(
        "{} of {of} segments were trained again: {points} values and {tensors} tensors or files are {how} ({})",
        compared.len(),
        names.join(", ")
    ))
}
