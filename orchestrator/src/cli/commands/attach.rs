//! `orch attach [RUN]`: how a run goes that another process supervises, until it ends.

use std::collections::BTreeMap;
use std::time::Duration;

use experiments::protocol::events::{LONGEST_LINE, Line};
use experiments::protocol::exit;
use tokio::signal::unix::{SignalKind, signal};

use super::say;
use super::summary::Summary;
use crate::cli::args::{self, Global};
use crate::display::progress::Progress;
use crate::display::{Display, Talk};
use crate::platform::line_reader::{self, ReadOffset, Tail};
use crate::run_dir::RunDir;
use crate::run_dir::attempt::AttemptDir;
use crate::run_dir::snapshot::{self, RunSnapshot};
use crate::scheduler::State;
use crate::store::TrialRecord;
use crate::store::sync;
use experiments::protocol::trial_id::TrialId;

/// How long to wait before the records are looked at again.
const MOMENT: Duration = Duration::from_millis(200);

/// How much of an attempt's past events is read to know its rate and its newest value.
const PAST_BYTES: u64 = 64 << 10;

/// Runs the verb.
pub async fn run(arguments: &args::Attach, global: &Global) -> anyhow::Result<u8> {
    let dir = RunDir::find(&global.runs, arguments.run.as_deref())?;
    let resolved = RunSnapshot::read(&dir.experiment())?;
    let headline = snapshot::headline(&resolved.run.report);
    let talk = if global.quiet { Talk::Quiet } else { Talk::Normal };
    let mut display = Display::new(talk, headline);
    let mut seen = Seen::default();
    let mut interrupt = signal(SignalKind::interrupt())?;
    loop {
        // In this order: once there is no supervisor, nothing is recorded any more.
        let supervised = dir.is_supervised();
        let mut store = sync::for_reading(&dir).await?;
        let trials = resolved.of_last_run(store.trials().await?);
        seen.take(&trials, &dir, headline, &mut display)?;
        if !supervised {
            display.finish();
            let summary = Summary::of_records(&dir, &trials, store.stopping().await?);
            if talk == Talk::Normal || summary.code() != exit::OK {
                say(&summary.to_text());
            }
            return Ok(summary.code());
        }
        drop(store);
        display.refresh(seen.states.iter(), &seen.progress);
        tokio::select! {
            () = tokio::time::sleep(MOMENT) => {}
            _ = interrupt.recv() => {
                display.finish();
                say(&format!("left; {} goes on", dir.name()));
                return Ok(exit::INTERRUPTED);
            }
        }
    }
}

/// What has been seen of the run so far.
#[derive(Default)]
struct Seen {
    states: BTreeMap<TrialId, State>,
    progress: BTreeMap<TrialId, Progress>,
    /// The attempt whose events are read, and how far.
    read: BTreeMap<TrialId, (u32, ReadOffset)>,
}

impl Seen {
    fn take(
        &mut self,
        trials: &[TrialRecord],
        dir: &RunDir,
        headline: Option<&str>,
        display: &mut Display,
    ) -> anyhow::Result<()> {
        for TrialRecord { id, state, .. } in trials {
            let before = self.states.insert(id.clone(), state.clone());
            if let Some(before) = before.filter(|before| before != state) {
                display.changed(id, &before, state, dir);
            }
            if let Some(number) = state.active_attempt() {
                self.read_events(id, &AttemptDir::new(&dir.trial(id), number), number, headline)?;
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
    ) -> anyhow::Result<()> {
        let path = attempt.events();
        let end = line_reader::length(&path);
        let mut place = match self.read.get(id) {
            Some((read, place)) if *read == number => *place,
            // From within a line: what is left of it is no event, and passed over as such.
            _ => ReadOffset { bytes: end.saturating_sub(PAST_BYTES), ..ReadOffset::default() },
        };
        let tail = Tail { path: &path, longest: LONGEST_LINE, end };
        let progress = self.progress.entry(id.clone()).or_default();
        loop {
            let read = tail.read(place)?;
            for line in &read.lines {
                let line_reader::Line::Whole(text) = line else { continue };
                if let Ok(line) = Line::parse(text) {
                    progress.take(&line, headline);
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
