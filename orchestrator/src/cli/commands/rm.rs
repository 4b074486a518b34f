//! `orch rm RUN`: removes a run, with everything that is in its folder.

use std::io::{self, BufRead, IsTerminal, Write};
use std::path::Path;

use experiments::protocol::exit;
use experiments::schema::resources::Memory;

use super::damage::open_records;
use super::error::Result;
use super::output::print_message;
use crate::cli::args::{self, Global};
use crate::display::text::counts;
use crate::run_dir::attempt::AttemptDir;
use crate::run_dir::ownership::{self, AttemptStatus};
use crate::run_dir::{RunDir, removal};

/// A run that is not removed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RmError {
    /// The name means one of several runs.
    #[error("`{given}` is short for `{run}`: name the run in full to remove it")]
    Short {
        /// The name as given.
        given: String,
        /// The run that other verbs take it for.
        run: String,
    },
    /// There is neither a terminal to ask on nor `--yes`.
    #[error("nothing was removed: give `--yes` where there is no terminal to ask on")]
    NotConfirmed,
    /// A worker would lose its files.
    #[error(
        "`{attempt}` is still running{where_}\n\nhint: `orch stop --all {run}` ends it; if its machine is gone \
         for good, delete the folder yourself"
    )]
    Alive {
        /// The attempt's folder.
        attempt: String,
        /// ` on HOST`, where it is another.
        where_: String,
        /// The run.
        run: String,
    },
}

/// Runs the verb.
pub(super) async fn run(arguments: &args::Rm, global: &Global) -> Result<u8> {
    removal::finish(&global.runs)?;
    let dir = RunDir::find(&global.runs, Some(&arguments.run))?;
    let is_path = Path::new(&arguments.run).join("journal.jsonl").is_file();
    if dir.name() != arguments.run && !is_path {
        return Err(RmError::Short { given: arguments.run.clone(), run: dir.name() }.into());
    }
    // Held to the end, so that no supervisor starts meanwhile.
    let lock = dir.lock()?;
    refuse_if_alive(&dir)?;
    if !global.quiet || !arguments.yes {
        print_message(&summary(&dir).await);
    }
    if !arguments.yes && !is_confirmed()? {
        return Ok(exit::SOME_FAILED);
    }
    removal::remove(&dir, lock)?;
    if !global.quiet {
        print_message("removed");
    }
    Ok(exit::OK)
}

/// An error if an attempt has an owner that is alive, here or on another machine.
fn refuse_if_alive(dir: &RunDir) -> Result<()> {
    for folder in removal::attempts(dir)? {
        let attempt = AttemptDir::at(folder);
        let where_ = match ownership::attempt_status(&attempt)? {
            AttemptStatus::Held(_) => String::new(),
            AttemptStatus::Unknown(owner) => format!(" on {}", owner.host.name),
            AttemptStatus::Unowned if attempt.job().exists() => {
                " as a job of the cluster".to_owned()
            }
            AttemptStatus::Unowned
            | AttemptStatus::Abandoned(_)
            | AttemptStatus::Ended(_)
            | AttemptStatus::Lost(_) => continue,
        };
        let attempt = attempt.path().display().to_string();
        return Err(RmError::Alive { attempt, where_, run: dir.name() }.into());
    }
    Ok(())
}

/// The contents and the size of a run, in a sentence.
async fn summary(dir: &RunDir) -> String {
    let trials = match open_records(dir).await {
        Ok(mut store) => store.trials_without_origins().await.ok(),
        Err(_) => None,
    };
    let trials = trials.map_or("unreadable records".to_owned(), |trials| {
        let counts = counts(trials.iter().map(|trial| trial.state.name()));
        format!("{} trials ({counts})", trials.len())
    });
    let (path, size) = (dir.path().display(), Memory(removal::size(dir.path())));
    format!("`{path}` has {trials} and {size}, with every checkpoint, log and report in it")
}

/// Asks on the terminal.
fn is_confirmed() -> Result<bool> {
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Err(RmError::NotConfirmed.into());
    }
    write!(io::stderr(), "remove it? [y/N] ")?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
