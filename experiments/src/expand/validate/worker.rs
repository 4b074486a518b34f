//! The rules for the section `worker`.

use crate::expand::command::has_names;
use crate::expand::findings::Findings;
use crate::schema::arguments::{ArgumentStyle, BooleanStyle};
use crate::schema::metrics::{MetricSource, SourceKind};
use crate::schema::worker::Worker;
use crate::yaml::pointer::escape;

pub(super) fn check(worker: &Worker, findings: &mut Findings) {
    if worker.command.is_empty() {
        findings.add("/worker/command", "the worker's command is empty");
    }
    if worker.check.as_ref().is_some_and(Vec::is_empty) {
        findings.add("/worker/check", "the worker's check command is empty");
    }
    arguments(worker, findings);
    for name in worker.env.keys() {
        environment(name, findings);
    }
    for (i, source) in worker.metrics.iter().enumerate() {
        metrics(&format!("/worker/metrics/{i}"), source, findings);
    }
}

fn arguments(worker: &Worker, findings: &mut Findings) {
    let has_args = worker.command.iter().any(|word| word == "{args}");
    for (key, is_default) in [
        ("args", worker.args == ArgumentStyle::default()),
        ("booleans", worker.booleans == BooleanStyle::default()),
    ] {
        if !is_default && !has_args {
            let hint = "add the word \"{args}\" where the config's arguments belong";
            let message = format!("`{key}` has no effect: `command` has no word `{{args}}`");
            findings.advise(&format!("/worker/{key}"), message, hint);
        }
    }
    if worker.args == ArgumentStyle::Hydra && worker.booleans != BooleanStyle::default() {
        let message = "`booleans` has no effect: Hydra's overrides are `key=true` and `key=false`";
        findings.advise("/worker/booleans", message, "remove it");
    }
}

fn environment(name: &str, findings: &mut Findings) {
    let pointer = format!("/worker/env/{}", escape(name));
    if name.is_empty() || name.contains(['=', '\0']) || has_names(name) {
        let message = format!("`{}` cannot be the name of a variable", name.escape_debug());
        findings.advise(&pointer, message, "use letters, digits and `_`");
    } else if name.starts_with("ORCH_") || name == "CUDA_VISIBLE_DEVICES" {
        let message = format!("`{name}` is set for every attempt and cannot be changed");
        findings.advise(&pointer, message, "remove it");
    }
}

fn metrics(pointer: &str, source: &MetricSource, findings: &mut Findings) {
    let text = format!("{pointer}/{}", source.kind.key());
    if !source.is_path() {
        if let Err(problem) = source.pattern() {
            let hint = format!(
                "write a regular expression with a group per metric, such as `loss=(?<loss>\\S+)`; \
                 the group `{}` is the step",
                source.step_name()
            );
            findings.advise(&text, problem, hint);
        }
    } else if source.text.is_empty() {
        findings.advise(&text, "the path is empty", "write a path relative to `directory`");
    }
    if source.kind == SourceKind::Tensorboard && source.step.is_some() {
        let message = "event files have steps of their own";
        findings.advise(&format!("{pointer}/step"), message, "remove `step`");
    }
}
