//! Tells the programs of the file's `notify` what happens in a run. None of them delays a trial or changes
//! an exit code.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use experiments::protocol::trial_id::TrialId;
use experiments::schema::notify::{Notify, NotifyEvent};
use serde_json::{Map, Value, json};

use super::output::print_message;
use super::validated_run::ValidatedRun;
use crate::display::progress::Progress;
use crate::display::text::duration;
use crate::display::{Display, Reporter, RunEvent, TrialView};
use crate::scheduler::State;

/// Time that a program has before it is ended.
const LONGEST: Duration = Duration::from_secs(30);

/// Time between two looks at a program that runs.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// The programs of one run.
#[derive(Debug)]
pub(super) struct Notifier {
    run: String,
    folder: PathBuf,
    /// The folder in which they run.
    directory: PathBuf,
    programs: Vec<Notify>,
    /// One for each program that was started, with the reason if it failed.
    ended: (mpsc::Sender<Option<String>>, mpsc::Receiver<Option<String>>),
    started: usize,
    /// True once a trial has failed.
    has_failed: bool,
    /// Claims with a verdict that has been told.
    resolved: BTreeSet<String>,
}

impl Notifier {
    pub(super) fn new(validated: &ValidatedRun) -> Self {
        let config = &validated.run.config;
        Self {
            run: validated.run.name(),
            folder: validated.dir.path().to_owned(),
            directory: config.folder.clone(),
            programs: config.notify.clone(),
            ended: mpsc::channel(),
            started: 0,
            has_failed: false,
            resolved: BTreeSet::new(),
        }
    }

    /// Starts the programs that want to be told of `event`. `text` is for people.
    pub(super) fn tell(&mut self, event: NotifyEvent, text: &str, details: Value) {
        let mut object = Map::from_iter([
            ("schema".to_owned(), json!(1)),
            ("event".to_owned(), json!(event.name())),
            ("run".to_owned(), json!(self.run)),
            ("folder".to_owned(), json!(self.folder)),
            ("text".to_owned(), json!(format!("{}: {text}", self.run))),
        ]);
        if let Value::Object(details) = details {
            object.extend(details);
        }
        let message = Value::Object(object).to_string() + "\n";
        for program in self.programs.iter().filter(|program| program.on.contains(&event)) {
            let (sender, message) = (self.ended.0.clone(), message.clone());
            let mut command = Command::new(&program.command[0]);
            command.args(&program.command[1..]).current_dir(&self.directory);
            self.started += 1;
            thread::spawn(move || {
                let _ = sender.send(run(command, &message).err());
            });
        }
    }

    /// Takes note of verdicts that an earlier `orch run` has told.
    pub(super) fn know_verdicts<'a>(&mut self, verdicts: impl Iterator<Item = (&'a str, &'a str)>) {
        self.resolved.extend(verdicts.map(|(claim, _)| claim.to_owned()));
    }

    /// Tells verdicts on claims that have not been told yet.
    pub(super) fn tell_verdicts<'a>(&mut self, verdicts: impl Iterator<Item = (&'a str, &'a str)>) {
        for (claim, verdict) in verdicts {
            if self.resolved.insert(claim.to_owned()) {
                let details = json!({"claim": claim, "verdict": verdict});
                self.tell(NotifyEvent::Resolved, &format!("{verdict}: {claim}"), details);
            }
        }
    }

    /// Tells that the run has ended, and waits for the programs.
    pub(super) fn finish(mut self, text: &str, exit_code: u8) {
        self.tell(NotifyEvent::Finish, text, json!({"exit_code": exit_code}));
        let deadline = Instant::now() + LONGEST + POLL_INTERVAL * 5;
        for _ in 0..self.started {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.ended.1.recv_timeout(left) {
                Ok(None) => {}
                Ok(Some(reason)) => print_message(&format!("note: `notify`: {reason}")),
                Err(_) => break,
            }
        }
    }
}

/// Runs a program to its end; `Err` with the reason if it does not succeed.
fn run(mut command: Command, message: &str) -> Result<(), String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let failed = |error: std::io::Error| format!("`{name}` failed: {error}");
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child =
        command.spawn().map_err(|error| format!("`{name}` cannot be started: {error}"))?;
    // A program need not read it.
    let _ = child.stdin.take().map(|mut stdin| stdin.write_all(message.as_bytes()));
    let deadline = Instant::now() + LONGEST;
    while Instant::now() < deadline {
        if let Some(status) = child.try_wait().map_err(failed)? {
            let success = status.success();
            return if success { Ok(()) } else { Err(format!("`{name}` ended with {status}")) };
        }
        thread::sleep(POLL_INTERVAL);
    }
    let _ = child.kill();
    let _ = child.wait();
    Err(format!("`{name}` was ended after {}", duration(LONGEST)))
}

/// Shows events, and tells those that people want to be told.
#[derive(Debug)]
pub(super) struct NotifyingReporter<'a> {
    pub(super) display: &'a mut Display,
    pub(super) notifier: &'a mut Notifier,
}

impl Reporter for NotifyingReporter<'_> {
    fn report(&mut self, event: RunEvent<'_>) {
        self.display.report(event);
        match event {
            RunEvent::TrialChanged { trial, to, .. }
                if matches!(to, State::Failed { .. }) && !self.notifier.has_failed =>
            {
                self.notifier.has_failed = true;
                let reason = to.reason();
                let details = json!({"trial": trial, "reason": reason});
                let text = format!("{trial} failed: {reason}");
                self.notifier.tell(NotifyEvent::Failure, &text, details);
            }
            RunEvent::TrialStalled { trial, silent } => {
                let details = json!({"trial": trial, "silent_seconds": silent.as_secs_f64()});
                let text = format!("{trial} has been silent for {}", duration(silent));
                self.notifier.tell(NotifyEvent::Stall, &text, details);
            }
            _ => {}
        }
    }

    fn refresh(
        &mut self,
        trials: &mut dyn Iterator<Item = TrialView<'_>>,
        progress: &BTreeMap<TrialId, Progress>,
    ) {
        self.display.refresh(trials, progress);
    }
}
