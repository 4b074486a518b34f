//! `orch why TRIAL [RUN]`: explains the state of a trial, or of several, by cause, and what to do about it.

use experiments::protocol::exit;

use super::causes::{self, SameCause};
use super::error::Result;
use super::one_trial::subject;
use super::output::print;
use crate::cli::args::{self, Global};
use crate::cli::selector::Selector;
use crate::display::text::named;
use crate::display::trial_status::TrialStatus;
use crate::run_dir::RunDir;
use crate::run_dir::log_tail::LogEnd;
use crate::run_dir::snapshot::RunSnapshot;
use crate::scheduler::State;

/// Runs the verb.
pub(super) async fn run(arguments: &args::Why, global: &Global) -> Result<u8> {
    let args::Why { trial, run } = arguments;
    print(&explanation(trial.as_ref(), run.as_deref(), global).await?)?;
    Ok(exit::OK)
}

/// The explanation for people of the states of the trials that match, or without a selector of all that have not
/// succeeded.
pub(super) async fn explanation(
    selector: Option<&Selector>,
    run: Option<&str>,
    global: &Global,
) -> Result<String> {
    // First: once there is no supervisor, nothing is recorded any more.
    let supervisor = RunDir::find(&global.runs, run)?.supervisor();
    let supervised = supervisor.is_some();
    let (dir, mut store, groups) = causes::selected(selector, run, global).await?;
    if groups.is_empty() {
        return Ok(match selector {
            Some(selector) => format!("No trial of `{}` matches `{selector}`.\n", dir.name()),
            None => format!("All trials of `{}` have succeeded.\n", dir.name()),
        });
    }
    let resolved = RunSnapshot::read_settings(&dir.resolved())?;
    let same_failure = causes::same_failure(&mut store, &dir, supervisor.as_ref()).await?;
    let mut sections = Vec::new();
    for SameCause { cause, of } in &groups {
        let first = &of[0];
        let state = match &of[..] {
            [one] => format!("{}{cause}.", subject(one)),
            several => {
                let names = named(several.iter().map(|status| status.trial.id.0.as_str()));
                format!("{} trials: {cause}.\n  {names}", several.len())
            }
        };
        let advice = match (&first.trial.state, &same_failure) {
            (State::Queued { .. }, Some(cause)) => format!(
                "The run ended because its first trials failed the same way: {cause}\n\
                 Correct that first, then run the file again with `orch run`."
            ),
            _ => advice(first, &resolved, supervised),
        };
        let mut lines = vec![state, advice];
        let did_not_end_well =
            matches!(first.trial.state, State::Failed { .. } | State::Queued { .. });
        let attempt = first.trial.counting_attempt().filter(|_| did_not_end_well);
        if let Some(attempt) = attempt
            && let Some(end) = LogEnd::of(&dir.attempt(&first.trial.id, attempt.number))?
        {
            lines.extend([String::new(), format!("The end of {}:", end.path.display())]);
            lines.extend(end.lines.iter().map(|line| format!("  {line}")));
        }
        sections.push(lines.join("\n") + "\n");
    }
    Ok(sections.join("\n"))
}

/// The next thing to do, as a sentence.
fn advice(status: &TrialStatus, resolved: &RunSnapshot, supervised: bool) -> String {
    let trial = &status.trial;
    let id = &trial.id;
    if trial.retired {
        return "The file no longer names it; add it to the file again to run it.".to_owned();
    }
    match &trial.state {
        State::Queued { .. } if resolved.leaves_out(trial) => {
            "The last `orch run` was limited to other variants; run the file without `--only` to start \
             it."
                .to_owned()
        }
        State::Queued { .. } if supervised => {
            "Nothing to do: the running supervisor starts it in turn.".to_owned()
        }
        State::Running { .. } if status.stalled_since_ms().is_some() => format!(
            "`orch logs {id}` prints its output; `orch stop {id}` stops it, and `orch retry {id}` then \
             resumes it from its last checkpoint."
        ),
        State::Starting { .. } | State::Running { .. } if supervised => {
            format!("Nothing to do; `orch logs {id} -f` follows its output.")
        }
        State::Starting { .. } | State::Running { .. } => {
            "No supervisor is running; run the file again with `orch run`.".to_owned()
        }
        State::Queued { .. } => "Run the file with `orch run` to start it.".to_owned(),
        State::Interrupted { .. } => {
            "Run the file again with `orch run` to resume it from its last checkpoint.".to_owned()
        }
        State::Cancelled { .. } => {
            format!(
                "`orch retry {id}` puts it back in the queue, and so does running the file again."
            )
        }
        State::Succeeded { .. } => format!("It is done; `orch show {id}` prints its final values."),
        State::Failed { class, .. } => {
            let first = match class.as_str() {
                "config" => "Correct its config in the file",
                "data" => "Correct the data or where the file looks for them",
                "diverged" => "Change what makes it diverge, such as the learning rate",
                "cuda-oom" => "Give it a larger share of a GPU, or a smaller batch or model",
                "no-progress" => "Find out what interrupts it, or have it checkpoint more often",
                "not-started" => "Make sure that the worker's program can be started",
                _ => "Find the cause in its log",
            };
            format!(
                "{first}, then run the file again with `orch run`; `orch show {id}` prints \
                 the commands to rerun it manually."
            )
        }
    }
}
