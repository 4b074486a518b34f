//! `orch attach [RUN]`: shows the progress of a run that another process supervises, until it ends.

use std::collections::BTreeMap;
use std::time::Duration;

use experiments::protocol::events::{LONGEST_LINE, Line};
use experiments::protocol::exit;
use experiments::protocol::trial_id::TrialId;
use tokio::signal::unix::{SignalKind, signal};

use super::damage::open_records;
use super::error::Result;
use super::metric_gaps::{metric_gaps, print_metric_gaps};
use super::output::print_message;
use super::summary::Summary;
use super::until_resolved::code_with_open_claims;
use crate::cli::args::{self, Global};
use crate::display::progress::Progress;
use crate::display::{Display, Reporter as _, RunEvent, Verbosity};
use crate::platform::line_reader::{self, ReadOffset, Tail};
use crate::run_dir::RunDir;
use crate::run_dir::attempt::AttemptDir;
use crate::run_dir::snapshot::{self, RunSnapshot};
use crate::scheduler::State;
use crate::store::{Store, TrialRecord};

/// Time between two reads of the records.
const POLL_INTERVAL: Duration = Duration::from_millis(200);

/// Bytes of an attempt's past events that are read for its rate and its newest value.
const PAST_BYTES: u64 = 64 << 10;

/// Runs the verb.
pub(super) async fn run(arguments: &args::Attach, global: &Global) -> Result<u8> {
    let dir = RunDir::find(&global.runs, arguments.run.as_deref())?;
    let resolved = RunSnapshot::read_settings(&dir.resolved())?;
    let headline = snapshot::headline(&resolved.run.report);
    let verbosity = if global.quiet { Verbosity::Quiet } else { Verbosity::Normal };
    let mut display = Display::new(verbosity, headline);
    let mut observed = Observed::default();
    let mut interrupt = signal(SignalKind::interrupt())?;
    loop {
        // In this order: once there is no supervisor, nothing is recorded any more.
        let supervised = dir.is_supervised();
        let mut store = open_records(&dir).await?;
        let trials = resolved.of_last_run(store.trials().await?);
        if observed.update(&trials, &dir, headline, &mut display)? {
            observed.read_latest(headline, &mut store).await?;
        }
        if !supervised {
            display.finish();
            let gaps = metric_gaps(&mut store, &resolved.run.report, &trials).await?;
            let summary = Summary::of_records(&dir, &trials, store.stopping().await?, gaps);
            if verbosity == Verbosity::Normal || summary.code() != exit::OK {
                print_metric_gaps(&summary.gaps);
                print_message(&summary.to_text());
            }
            return code_with_open_claims(&dir, &resolved, &mut store, summary.code()).await;
        }
        drop(store);
        let mut states = trials.iter().map(|trial| (&trial.id, &trial.state));
        display.refresh(&mut states, &observed.progress);
        tokio::select! {
            () = tokio::time::sleep(POLL_INTERVAL) => {}
            _ = interrupt.recv() => {
                display.finish();
                print_message(&format!("detached; {} is still running", dir.name()));
                return Ok(exit::INTERRUPTED);
            }
        }
    }
}

/// Everything read of the run so far.
#[derive(Default)]
struct Observed {
    states: BTreeMap<TrialId, State>,
    progress: BTreeMap<TrialId, Progress>,
    /// The attempt whose events are read, and the offset of the next line.
    read: BTreeMap<TrialId, (u32, ReadOffset)>,
}

impl Observed {
    /// Takes in what has happened since the last poll; true if a trial is new or its state has changed.
    fn update(
        &mut self,
        trials: &[TrialRecord],
        dir: &RunDir,
        headline: Option<&str>,
        display: &mut Display,
    ) -> Result<bool> {
        let mut changed = false;
        for TrialRecord { id, state, .. } in trials {
            let before = self.states.insert(id.clone(), state.clone());
            changed |= before.as_ref() != Some(state);
            if let Some(before) = before.filter(|before| before != state) {
                display.report(RunEvent::TrialChanged {
                    run: dir,
                    trial: id,
                    from: &before,
                    to: state,
                });
            }
            if let Some(number) = state.active_attempt() {
                self.read_events(id, &AttemptDir::new(&dir.trial(id), number), number, headline)?;
            }
        }
        Ok(changed)
    }

    /// Reads the newest values of trials without an active attempt, which has newer ones.
    async fn read_latest(&mut self, headline: Option<&str>, store: &mut Store) -> Result<()> {
        let Some(metric) = headline else { return Ok(()) };
        for (id, value) in store.latest(metric).await? {
            if self.states.get(&id).is_some_and(|state| state.active_attempt().is_none()) {
                self.progress.insert(id, Progress::of_latest(value));
            }
        }
        Ok(())
    }

    fn read_events(
        &mut self,
        id: &TrialId,
        attempt: &AttemptDir,
        number: u32,
        headline: Option<&str>,
    ) -> Result<()> {
        let path = attempt.events();
        let end = line_reader::length(&path);
        let mut place = match self.read.get(id) {
            Some((read, place)) if *read == number => *place,
            // This may be within a line, whose rest is not an event and is skipped.
            _ => ReadOffset { bytes: end.saturating_sub(PAST_BYTES), ..ReadOffset::default() },
        };
        let tail = Tail { path: &path, longest: LONGEST_LINE, end };
        let progress = self.progress.entry(id.clone()).or_default();
        loop {
            let read = tail.read(place)?;
            for line in read.lines() {
                let line_reader::Line::Whole(text) = line else { continue };
                if let Ok(line) = Line::parse(&text) {
                    progress.add(&line, headline);
                }
            }
            if read.offset == place {
                break;
            }
            place = read.offset;
        }
        self.read.insert(id.clone(), (number, place));
        Ok(())
    }
}
