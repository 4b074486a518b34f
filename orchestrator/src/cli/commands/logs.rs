//! `orch logs TRIAL [RUN]`: what a trial's worker printed.

use std::io::ErrorKind::BrokenPipe;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::time::Duration;

use experiments::protocol::exit;

use super::one_trial::OneTrial;
use super::say;
use crate::cli::args::{self, Global};
use crate::display::trial_status::TrialStatus;
use crate::run_dir::attempt::AttemptDir;
use crate::run_dir::ownership::AttemptStatus;

/// How long to wait before a log is looked at again.
const MOMENT: Duration = Duration::from_millis(200);

/// There are no such logs.
#[derive(Debug, thiserror::Error)]
pub enum LogsError {
    /// No attempt was ever started.
    #[error("`{trial}` has no logs: no attempt has been started")]
    NoAttempt {
        /// The trial.
        trial: String,
    },
    /// Another attempt was asked for than there are.
    #[error("`{trial}` has no attempt {number}; its last one is attempt {last}")]
    NoSuchAttempt {
        /// The trial.
        trial: String,
        /// What was asked for.
        number: u32,
        /// The newest attempt.
        last: u32,
    },
    /// The worker has not been started, or the file was removed.
    #[error("there is no `{}`", path.display())]
    NoFile {
        /// The log.
        path: PathBuf,
    },
}

/// Runs the verb.
pub async fn run(arguments: &args::Logs, global: &Global) -> anyhow::Result<u8> {
    let one = OneTrial::find(&arguments.chosen, global).await?;
    let printed = if arguments.follow {
        follow(one, arguments, global).await
    } else {
        print_once(&one, arguments, global)
    };
    match printed {
        // Whoever read has seen enough (`| head`).
        Err(e) if e.downcast_ref().is_some_and(|e: &io::Error| e.kind() == BrokenPipe) => {}
        other => other?,
    }
    Ok(exit::OK)
}

/// Prints what is there.
fn print_once(one: &OneTrial, arguments: &args::Logs, global: &Global) -> anyhow::Result<()> {
    let attempt = one.attempt(number(&one.shown, arguments)?);
    let mut logs = Logs::of(&attempt, arguments, global);
    if let Some((path, _)) = logs.files.iter().find(|(path, _)| !path.exists()) {
        return Err(LogsError::NoFile { path: path.clone() }.into());
    }
    logs.print_new()?;
    if logs.files.iter().all(|(_, offset)| *offset == 0) && !global.quiet {
        say(&format!("nothing was printed: the logs in `{}` are empty", attempt.path().display()));
    }
    Ok(())
}

/// Prints what is there and what comes, until nothing more will. Attempt follows attempt, unless one
/// was asked for.
async fn follow(mut one: OneTrial, arguments: &args::Logs, global: &Global) -> anyhow::Result<()> {
    let mut followed: Option<(u32, Logs)> = None;
    loop {
        // In this order: nothing is recorded any more once there is no supervisor, nor printed once
        // it is over.
        let supervised = one.dir.is_supervised();
        one = one.again().await?;
        let over = is_over(&one.shown, supervised, arguments);
        if over || one.shown.trial.last_attempt.is_some() {
            let last = number(&one.shown, arguments)?;
            let first = followed.as_ref().map_or(last, |(number, _)| *number);
            for number in first..=last {
                if followed.as_ref().is_none_or(|(before, _)| *before != number) {
                    let logs = Logs::of(&one.attempt(number), arguments, global);
                    followed = Some((number, logs));
                }
                if let Some((_, logs)) = &mut followed {
                    logs.print_new()?;
                }
            }
        }
        if over {
            if !global.quiet {
                say(&format!("{} is {}", one.shown.trial.id, one.shown.state_and_reason()));
            }
            return Ok(());
        }
        tokio::time::sleep(MOMENT).await;
    }
}

/// Whether nothing more will be printed.
fn is_over(shown: &TrialStatus, supervised: bool, arguments: &args::Logs) -> bool {
    let TrialStatus { trial, status, .. } = shown;
    let asked_for_another =
        arguments.attempt.is_some_and(|wanted| trial.state.active_attempt() != Some(wanted));
    // Without a supervisor there is no next attempt, but the present one may live on.
    let alive = matches!(status, Some(AttemptStatus::Held(_) | AttemptStatus::Unknown(_)));
    asked_for_another || trial.state.is_settled() || (!alive && !supervised)
}

/// The attempt that was asked for, or the newest one.
fn number(shown: &TrialStatus, arguments: &args::Logs) -> Result<u32, LogsError> {
    let trial = shown.trial.id.0.clone();
    match (&shown.trial.last_attempt, arguments.attempt) {
        (None, _) => Err(LogsError::NoAttempt { trial }),
        (Some(last), Some(number)) if number > last.number => {
            Err(LogsError::NoSuchAttempt { trial, number, last: last.number })
        }
        (_, Some(number)) => Ok(number),
        (Some(last), None) => Ok(last.number),
    }
}

/// An attempt's logs and how far each has been printed.
struct Logs {
    files: Vec<(PathBuf, u64)>,
    /// The log that was printed from last; `None` where no title is wanted.
    titled: Option<PathBuf>,
}

impl Logs {
    /// The logs that were asked for.
    fn of(attempt: &AttemptDir, arguments: &args::Logs, global: &Global) -> Self {
        let mut files = Vec::new();
        if !arguments.stderr {
            files.push((attempt.stdout(), 0));
        }
        if !arguments.stdout {
            files.push((attempt.stderr(), 0));
        }
        let titled = (files.len() > 1 && !global.quiet).then(PathBuf::new);
        Self { files, titled }
    }

    /// Prints what has come, byte by byte as the worker wrote it. A log that is not there yet has
    /// nothing.
    fn print_new(&mut self) -> anyhow::Result<()> {
        for (path, offset) in &mut self.files {
            let mut file = match fs_err::File::open(&*path) {
                Err(e) if e.kind() == io::ErrorKind::NotFound => continue,
                opened => opened?,
            };
            // No more than there is now: a log that grows without end keeps no other waiting.
            let new = file.metadata()?.len().saturating_sub(*offset);
            if new == 0 {
                continue;
            }
            if let Some(before) = self.titled.as_mut().filter(|before| *before != path) {
                say(&format!("==> {} <==", path.display()));
                before.clone_from(path);
            }
            file.seek(SeekFrom::Start(*offset))?;
            let mut stdout = io::stdout().lock();
            *offset += io::copy(&mut file.take(new), &mut stdout)?;
            stdout.flush()?;
        }
        Ok(())
    }
}
