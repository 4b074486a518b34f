//! Why a trial of the file is another one than before: the settings and words that have changed.

use std::collections::{BTreeMap, BTreeSet};

use experiments::schema::worker::Worker;
use serde_json::{Map, Value};

use super::show::{dotted, in_yaml};
use crate::display::text::named;
use crate::run_dir::snapshot::RunSnapshot;
use crate::supervisor::plan::{Plan, PlannedAction};

/// A sentence for each change since `previous` by which trials of `plan` are new and others retired;
/// `worker` is the present one.
pub(super) fn reasons_to_retire(
    previous: &RunSnapshot,
    worker: &Worker,
    plan: &Plan,
) -> Vec<String> {
    let of_worker = changed_parts(&previous.run.worker, worker);
    let mut trials_by_change = BTreeMap::<_, Vec<_>>::new();
    let retired: BTreeSet<_> = plan.retired.iter().collect();
    let retired = previous.trials.iter().filter(|before| retired.contains(&before.id)).rev();
    let retired: BTreeMap<_, _> =
        retired.map(|before| ((&before.variant, before.seed), before)).collect();
    for planned in plan.trials.iter().filter(|planned| planned.action == PlannedAction::New) {
        let trial = &planned.trial;
        let Some(before) = retired.get(&(&trial.variant, trial.seed)) else { continue };
        let mut changes = changed_settings(&before.config, &trial.config);
        changes.extend(of_worker.iter().cloned());
        trials_by_change.entry(changes).or_default().push(trial.id.0.as_str());
    }
    let sentences = trials_by_change.into_iter().filter(|(changes, _)| !changes.is_empty());
    let sentences = sentences.map(|(changes, ids)| {
        let changes = changes.join(", ");
        let are = if ids.len() == 1 { "is" } else { "are" };
        format!("{} {are} new, as {changes}; what ran before is retired", named(ids.into_iter()))
    });
    sentences.collect()
}

/// `lr was 0.1 and is 0.2`, for each key.
fn changed_settings(before: &Map<String, Value>, after: &Map<String, Value>) -> Vec<String> {
    let [before, after] = [before, after]
        .map(|config| dotted(config.clone()).into_iter().collect::<BTreeMap<_, _>>());
    let keys: BTreeSet<_> = before.keys().chain(after.keys()).collect();
    let changes = keys.into_iter().map(|key| (key, before.get(key), after.get(key)));
    let changes = changes.filter(|(_, before, after)| before != after);
    let changes = changes.map(|(key, before, after)| match (before, after) {
        (Some(before), Some(after)) => {
            format!("`{key}` was {} and is {}", in_yaml(before), in_yaml(after))
        }
        (Some(before), None) => format!("`{key}` was {} and is gone", in_yaml(before)),
        (None, after) => format!("`{key}` is now {}", after.map(in_yaml).unwrap_or_default()),
    });
    changes.collect()
}

/// The parts of the worker that decide what a trial computes and records.
fn changed_parts(before: &Worker, after: &Worker) -> Vec<String> {
    let changed = [
        ("args", before.args != after.args),
        ("booleans", before.booleans != after.booleans),
        ("env", before.env != after.env),
        ("metrics", before.metrics != after.metrics),
        ("result", before.result != after.result),
    ];
    let changed = changed.into_iter().filter(|(_, changed)| *changed);
    let changed = changed.map(|(part, _)| format!("`worker.{part}` has changed"));
    changed_words(&before.command, &after.command).into_iter().chain(changed).collect()
}

/// The words in the middle that two commands do not share.
fn changed_words(before: &[String], after: &[String]) -> Option<String> {
    if before == after {
        return None;
    }
    let same_start = before.iter().zip(after).take_while(|(a, b)| a == b).count();
    let (before, after) = (&before[same_start..], &after[same_start..]);
    let same_end = before.iter().rev().zip(after.iter().rev()).take_while(|(a, b)| a == b).count();
    let [before, after] = [before, after].map(|words| words[..words.len() - same_end].join(" "));
    Some(match (before.as_str(), after.as_str()) {
        ("", added) => format!("`worker.command` has `{added}` now"),
        (removed, "") => format!("`worker.command` has no `{removed}` any more"),
        (before, after) => format!("`{before}` in `worker.command` is `{after}` now"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_that_changed_are_named() {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let changed = |a: &str, b: &str| changed_words(&words(a), &words(b)).unwrap_or_default();
        assert_eq!(changed("a b c", "a x c"), "`b` in `worker.command` is `x` now");
        assert_eq!(changed("a b", "a b --fast"), "`worker.command` has `--fast` now");
        assert_eq!(changed("a b b", "a b"), "`worker.command` has no `b` any more");
        assert_eq!(changed("a b", "a b"), "");
    }
}
