//! `orch logs TRIAL [RUN]`: prints the output of a trial's worker; of several trials, one for each cause.

use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use experiments::protocol::exit;
use experiments::regular_file;

use super::causes::{self, SameCause};
use super::error::Result;
use super::one_trial::{OneTrial, sentence};
use super::output::print_message;
use crate::cli::args::{self, Global};
use crate::display::text::named;
use crate::display::trial_status::TrialStatus;
use crate::platform::atomic_file::FileError;
use crate::run_dir::RunDir;
use crate::run_dir::attempt::AttemptDir;
use crate::run_dir::log_tail;
use crate::run_dir::ownership::AttemptStatus;

/// Time between two reads of a followed log.
const POLL_INTERVAL: Duration = Duration::from_millis(200);

/// The logs do not exist.
#[derive(Debug, thiserror::Error)]
pub(super) enum LogsError {
    /// No attempt was ever started.
    #[error("`{trial}` has no logs: no attempt has been started")]
    NotStarted {
        /// The trial.
        trial: String,
    },
    /// The requested attempt has not been started.
    #[error("`{trial}` has no attempt {number}; its last one is attempt {last}")]
    UnknownAttempt {
        /// The trial.
        trial: String,
        /// The requested attempt.
        number: u32,
        /// The newest attempt.
        last: u32,
    },
    /// The worker has not been started, or the file was removed.
    #[error("there is no `{}`", path.display())]
    MissingFile {
        /// The log.
        path: PathBuf,
    },
}

/// Runs the verb.
pub(super) async fn run(arguments: &args::Logs, global: &Global) -> Result<u8> {
    let printed = if arguments.follow {
        let args::TrialsArgs { trial, run } = &arguments.target;
        let one = OneTrial::select(trial, run.as_deref(), global).await?;
        follow(one, arguments, global).await
    } else {
        print_each(arguments, global).await
    };
    match printed {
        Err(error) if error.is_closed_pipe() => Ok(exit::OK),
        printed => printed.map(|()| exit::OK),
    }
}

/// Prints the logs of the first trial of each cause.
async fn print_each(arguments: &args::Logs, global: &Global) -> Result<()> {
    let args::TrialsArgs { trial, run } = &arguments.target;
    let (dir, _, groups) = causes::selected(Some(trial), run.as_deref(), global).await?;
    if groups.is_empty() && !global.quiet {
        print_message(&format!("no trial of `{}` matches `{trial}`", dir.name()));
    }
    for SameCause { cause, of } in &groups {
        if groups.len() + of.len() > 2 && !global.quiet {
            let names = named(of.iter().map(|status| status.trial.id.0.as_str()));
            print_message(&format!("{cause} ({names})"));
        }
        print_once(&dir, &of[0], arguments, global)?;
    }
    Ok(())
}

/// Prints what the logs hold now.
fn print_once(
    dir: &RunDir,
    status: &TrialStatus,
    arguments: &args::Logs,
    global: &Global,
) -> Result<()> {
    let attempt = dir.attempt(&status.trial.id, number(status, arguments)?);
    let mut logs = Logs::of(&attempt, arguments.tail, arguments, global);
    // Of an attempt that may not be read either, this is reported when the log is opened.
    let exit = attempt.read_exit().ok().flatten();
    let removed = exit.map(|exit| exit.empty_logs).unwrap_or_default();
    let is_missing = |path: &Path| {
        path.try_exists().is_ok_and(|exists| !exists) && !removed.contains(&attempt.name_of(path))
    };
    if let Some((path, _)) = logs.files.iter().find(|(path, _)| is_missing(path)) {
        return Err(LogsError::MissingFile { path: path.clone() }.into());
    }
    logs.print_new()?;
    if logs.files.iter().all(|(_, offset)| offset.is_none_or(|offset| offset == 0)) && !global.quiet
    {
        print_message(&format!(
            "nothing was printed by the worker of `{}`",
            attempt.path().display()
        ));
    }
    Ok(())
}

/// Prints what the logs hold and what is appended, until nothing more will be: attempt after attempt,
/// or only the requested one.
async fn follow(mut one: OneTrial, arguments: &args::Logs, global: &Global) -> Result<()> {
    let mut followed: Option<(u32, Logs)> = None;
    loop {
        // In this order: nothing is recorded any more once there is no supervisor, nor printed once
        // the trial is over.
        let supervised = one.dir.is_supervised();
        one = one.again().await?;
        let over = is_over(&one.status, supervised, arguments);
        if over || one.status.trial.last_attempt.is_some() {
            let last = number(&one.status, arguments)?;
            let first = followed.as_ref().map_or(last, |(number, _)| *number);
            for number in first..=last {
                if followed.as_ref().is_none_or(|(before, _)| *before != number) {
                    // All of a later attempt is new.
                    let tail = arguments.tail.filter(|_| followed.is_none());
                    let logs = Logs::of(&one.attempt(number), tail, arguments, global);
                    followed = Some((number, logs));
                }
                if let Some((_, logs)) = &mut followed {
                    logs.print_new()?;
                }
            }
        }
        if over {
            if !global.quiet {
                print_message(&sentence(&one.status, &one.status.reason()));
            }
            return Ok(());
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

/// True if nothing more will be printed.
fn is_over(trial_status: &TrialStatus, supervised: bool, arguments: &args::Logs) -> bool {
    let TrialStatus { trial, status, .. } = trial_status;
    let requested_has_ended =
        arguments.attempt.is_some_and(|number| trial.state.active_attempt() != Some(number));
    // Without a supervisor there is no next attempt, but the current one may still run.
    let alive = matches!(status, Some(AttemptStatus::Held(_) | AttemptStatus::Unknown(_)));
    requested_has_ended || trial.state.is_settled() || (!alive && !supervised)
}

/// The requested attempt, or the newest one.
fn number(status: &TrialStatus, arguments: &args::Logs) -> Result<u32, LogsError> {
    let trial = status.trial.id.0.clone();
    match (&status.trial.last_attempt, arguments.attempt) {
        (None, _) => Err(LogsError::NotStarted { trial }),
        (Some(last), Some(number)) if number > last.number => {
            Err(LogsError::UnknownAttempt { trial, number, last: last.number })
        }
        (_, Some(number)) => Ok(number),
        (Some(last), None) => Ok(last.number),
    }
}

/// An attempt's logs.
struct Logs {
    /// Each with the offset up to which it has been printed; `None` before it was looked at.
    files: Vec<(PathBuf, Option<u64>)>,
    /// Lines of each log that are printed first; `None` for all.
    tail: Option<u32>,
    /// The log that was printed from last; `None` if no titles are printed.
    titled: Option<PathBuf>,
}

impl Logs {
    /// The requested logs, from their last `tail` lines on.
    fn of(
        attempt: &AttemptDir,
        tail: Option<u32>,
        arguments: &args::Logs,
        global: &Global,
    ) -> Self {
        let mut files = Vec::new();
        if !arguments.stderr {
            files.push((attempt.stdout(), None));
        }
        if !arguments.stdout {
            files.push((attempt.stderr(), None));
        }
        let titled = (files.len() > 1 && !global.quiet).then(PathBuf::new);
        Self { files, tail, titled }
    }

    /// Prints what was appended, as the bytes that the worker wrote. A log may not exist yet.
    fn print_new(&mut self) -> Result<()> {
        for (path, offset) in &mut self.files {
            let mut file = match regular_file::open(path) {
                Err(e) if e.kind() == io::ErrorKind::NotFound => {
                    offset.get_or_insert(0);
                    continue;
                }
                opened => {
                    opened.map_err(|source| FileError::Read { path: path.clone(), source })?
                }
            };
            let start = match (*offset, self.tail) {
                (Some(offset), _) => offset,
                (None, Some(lines)) => log_tail::start_of_last(&mut file, lines)?,
                (None, None) => 0,
            };
            let offset = offset.insert(start);
            // Up to its present end: a log that grows all the time must not hold up the other.
            let new = file.metadata()?.len().saturating_sub(*offset);
            if new == 0 {
                continue;
            }
            if let Some(before) = self.titled.as_mut()
                && before != path
            {
                print_message(&format!("==> {} <==", path.display()));
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
