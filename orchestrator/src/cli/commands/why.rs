//! `orch why TRIAL [RUN]`: why a trial stands where it does, and what to do about it.

use experiments::protocol::exit;

use super::one_trial::OneTrial;
use super::print;
use crate::cli::args::{self, Global};
use crate::run_dir::RunDir;
use crate::run_dir::log_tail::LogEnd;
use crate::run_dir::snapshot::RunSnapshot;
use crate::scheduler::State;

/// Runs the verb.
pub async fn run(arguments: &args::Why, global: &Global) -> anyhow::Result<u8> {
    // First: once there is no supervisor, nothing is recorded any more.
    let supervised = RunDir::find(&global.runs, arguments.chosen.run.as_deref())?.is_supervised();
    let one = OneTrial::find(&arguments.chosen, global).await?;
    let shown = &one.shown;
    let resolved = RunSnapshot::read(&one.dir.experiment())?;
    let is = shown.state_with(&resolved.reason(shown));
    let mut lines =
        vec![format!("{} is {is}.", shown.trial.id), advice(&one, &resolved, supervised)];
    if let State::Failed { attempt, .. } = &shown.trial.state
        && let Some(end) = LogEnd::of(&one.attempt(*attempt))?
    {
        lines.extend([String::new(), format!("The end of {}:", end.path.display())]);
        lines.extend(end.lines.iter().map(|line| format!("  {line}")));
    }
    print(&(lines.join("\n") + "\n"))?;
    Ok(exit::OK)
}

/// What to do, in a sentence.
fn advice(one: &OneTrial, resolved: &RunSnapshot, supervised: bool) -> String {
    let trial = &one.shown.trial;
    let id = &trial.id;
    if trial.retired {
        return "The file no longer names it; it runs again if the file does.".to_owned();
    }
    match &trial.state {
        State::Queued { .. } if resolved.leaves_out(trial) => {
            "The last `orch run` was confined to other variants; run the file without `--only` to \
             start it."
                .to_owned()
        }
        State::Queued { .. } if supervised => {
            "Nothing is to be done: `orch run` is at work and starts it in its turn.".to_owned()
        }
        State::Running { .. } if one.shown.stalled_since_ms().is_some() => format!(
            "`orch logs {id}` shows what it printed last; `orch stop {id}` stops it, and `orch retry \
             {id}` then starts it again from its last checkpoint."
        ),
        State::Starting { .. } | State::Running { .. } if supervised => {
            format!("Nothing is to be done; `orch logs {id} -f` follows it.")
        }
        State::Starting { .. } | State::Running { .. } => {
            "No supervisor watches it; run the file again with `orch run`.".to_owned()
        }
        State::Queued { .. } => "Run the file with `orch run` to start it.".to_owned(),
        State::Interrupted { .. } => {
            "Run the file again with `orch run`: it goes on from its last checkpoint.".to_owned()
        }
        State::Cancelled { .. } => {
            format!(
                "`orch retry {id}` puts it back in the queue, and so does running the file again."
            )
        }
        State::Succeeded { .. } => format!("It is done; `orch show {id}` has its values."),
        State::Failed { class, .. } => {
            let first = match class.as_str() {
                "config" => "Correct its config in the file",
                "data" => "Correct the data or where the file looks for them",
                "diverged" => "Change what makes it diverge, such as the learning rate",
                "cuda-oom" => "Give it a larger share of a GPU, or less to compute",
                "no-progress" => "Find out what interrupts it, or have it checkpoint more often",
                "not-started" => "Make the worker's program startable",
                _ => "Find the cause in its log",
            };
            format!(
                "{first}, then run the file again with `orch run`; `orch show {id}` says how to \
                 repeat it by hand."
            )
        }
    }
}
