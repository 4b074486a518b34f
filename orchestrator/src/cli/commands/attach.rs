//! `orch attach [RUN]`: shows the progress of a run that another process supervises, until it ends.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use experiments::protocol::exit;
use experiments::protocol::trial_id::TrialId;
use tokio::signal::unix::{SignalKind, signal};

use super::damage::open_records;
use super::error::Result;
use super::metric_gaps::{metric_gaps, print_metric_gaps};
use super::output::print_message;
use super::summary::Summary;
use super::until_resolved::code_with_open_claims;
use super::views::Views;
use crate::cli::args::{self, Global};
use crate::display::event_tail::EventTails;
use crate::display::progress::Progress;
use crate::display::{Display, Headline, Reporter as _, RunEvent, Verbosity};
use crate::platform::clock;
use crate::run_dir::RunDir;
use crate::run_dir::snapshot::RunSnapshot;
use crate::scheduler::State;
use crate::store::{Store, TrialRecord};

/// Time between two reads of the records.
const POLL_INTERVAL: Duration = Duration::from_millis(200);

/// Runs the verb.
pub(super) async fn run(arguments: &args::Attach, global: &Global) -> Result<u8> {
    let dir = RunDir::find(&global.runs, arguments.run.as_deref())?;
    let resolved = RunSnapshot::read(&dir.resolved())?;
    let headline = Headline::of(&resolved.run.report);
    let metric = headline.as_ref().map(|headline| headline.metric.clone());
    let verbosity = if global.quiet { Verbosity::Quiet } else { Verbosity::Normal };
    let since_ms = dir.supervisor().map_or(clock::now_ms(), |supervisor| supervisor.since_ms);
    let elapsed_ms = u64::try_from(clock::now_ms() - since_ms).unwrap_or(0);
    let since = Instant::now().checked_sub(Duration::from_millis(elapsed_ms));
    let mut display = Display::new(verbosity, headline, since.unwrap_or_else(Instant::now));
    let mut views = Views::new(&resolved);
    let mut observed = Observed::default();
    let mut interrupt = signal(SignalKind::interrupt())?;
    loop {
        // In this order: once there is no supervisor, nothing is recorded any more.
        let supervised = dir.is_supervised();
        let mut store = open_records(&dir).await?;
        let trials = resolved.of_last_run(store.trials().await?);
        if observed.update(&trials, &dir, metric.as_deref(), &mut display)? {
            observed.read_latest(metric.as_deref(), &mut store).await?;
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
        let seen = views.of(&dir, &trials.iter().collect::<Vec<_>>(), |_| false);
        display.refresh(&mut seen.into_iter(), &observed.tails.progress);
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
    tails: EventTails,
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
                self.tails.read(dir, id, number, headline)?;
            }
        }
        Ok(changed)
    }

    /// Reads the newest values of trials without an active attempt, which has newer ones.
    async fn read_latest(&mut self, headline: Option<&str>, store: &mut Store) -> Result<()> {
        let Some(metric) = headline else { return Ok(()) };
        for (id, value) in store.latest(metric).await? {
            if self.states.get(&id).is_some_and(|state| state.active_attempt().is_none()) {
                self.tails.progress.insert(id, Progress::of_latest(value));
            }
        }
        Ok(())
    }
}
