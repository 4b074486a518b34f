//! A run as `orch status` and `orch serve` show it: its trials with their progress, and the time that they take.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use experiments::protocol::trial_id::TrialId;

use super::error::Result;
use super::views::Views;
use crate::display::Headline;
use crate::display::event_tail::EventTails;
use crate::display::outlook::Outlook;
use crate::display::progress::Progress;
use crate::display::trial_status::TrialStatus;
use crate::display::trial_table::TrialLine;
use crate::platform::clock;
use crate::run_dir::snapshot::RunSnapshot;
use crate::run_dir::{RunDir, Supervisor};
use crate::scheduler::State;
use crate::store::{Store, TrialRecord};

/// Reads a run again and again; what cannot change is read once.
pub(super) struct RunReader {
    pub(super) dir: RunDir,
    /// Without its trials, unless their costs are needed.
    pub(super) resolved: RunSnapshot,
    pub(super) headline: Option<Headline>,
    views: Views,
    tails: EventTails,
}

/// The progress of a run at one moment.
#[derive(Debug, Default)]
pub(super) struct Overview {
    /// Time since its supervisor was started; `None` without one.
    pub(super) elapsed: Option<Duration>,
    pub(super) outlook: Outlook,
    /// The time that each trial has taken, where it was read.
    pub(super) spent: BTreeMap<TrialId, Duration>,
    /// Of active trials.
    pub(super) progress: BTreeMap<TrialId, Progress>,
    /// The newest value of the headline metric.
    pub(super) latest: BTreeMap<TrialId, f64>,
}

impl RunReader {
    /// A reader of the run `dir`, whose trials are `trials`.
    pub(super) fn new<'a>(
        dir: RunDir,
        mut resolved: RunSnapshot,
        trials: impl Iterator<Item = &'a TrialRecord> + Clone,
    ) -> Result<Self> {
        let succeeded = trials.clone().filter(|t| matches!(t.state, State::Succeeded { .. }));
        let measured: BTreeSet<_> = succeeded.map(|trial| &trial.variant).collect();
        let mut unfinished = trials.filter(|trial| !trial.state.is_settled());
        if unfinished.any(|trial| !measured.contains(&trial.variant)) {
            resolved = RunSnapshot::read(&dir.resolved())?;
        }
        let headline = Headline::of(&resolved.run.report);
        let views = Views::new(&resolved);
        Ok(Self { dir, resolved, headline, views, tails: EventTails::default() })
    }

    /// Reads the progress of these trials. The times of `listed` ones are read, and newest values if there
    /// are any.
    pub(super) async fn read(
        &mut self,
        store: &mut Store,
        statuses: &[TrialStatus],
        supervisor: Option<&Supervisor>,
        listed: impl Fn(&TrialRecord) -> bool,
    ) -> Result<Overview> {
        let metric = self.headline.as_ref().map(|headline| headline.metric.as_str());
        let mut active = BTreeSet::new();
        for TrialStatus { trial, .. } in statuses {
            if let Some(number) = trial.state.active_attempt() {
                // Attempts are readable only by their user; others see the records.
                let _ = self.tails.read(&self.dir, &trial.id, number, metric);
                let progress = self.tails.progress.entry(trial.id.clone()).or_default();
                let recorded = trial.last_attempt.as_ref();
                progress.stalled = recorded.is_some_and(|a| a.stalled_since_ms.is_some());
                if progress.phase.is_none() && progress.step.is_none() {
                    progress.phase = recorded.and_then(|attempt| attempt.progress.clone());
                }
                active.insert(&trial.id);
            }
        }
        self.tails.progress.retain(|id, _| active.contains(id));
        let trials: Vec<_> = statuses
            .iter()
            .map(|status| &status.trial)
            .filter(|trial| supervisor.is_some() || !trial.state.is_settled() || listed(trial))
            .collect();
        let views = self.views.of(&self.dir, &trials, &listed);
        let mut outlook = Outlook::new(views.iter().copied(), &self.tails.progress);
        let elapsed = supervisor.map(|supervisor| {
            let ms = u64::try_from(clock::now_ms() - supervisor.since_ms).unwrap_or(0);
            Duration::from_millis(ms)
        });
        if supervisor.is_none() {
            outlook.run = None;
        }
        let seconds = views.iter().filter_map(|view| Some((view.id.clone(), view.spent?)));
        let spent = seconds.filter_map(|(id, s)| Some((id, Duration::try_from_secs_f64(s).ok()?)));
        let latest = match metric.filter(|_| trials.iter().any(|trial| listed(trial))) {
            Some(metric) => store.latest(metric).await?,
            None => BTreeMap::new(),
        };
        let (spent, progress) = (spent.collect(), self.tails.progress.clone());
        Ok(Overview { elapsed, outlook, spent, progress, latest })
    }
}

impl Overview {
    /// A trial as a line of the table.
    pub(super) fn line<'a>(&'a self, status: &'a TrialStatus, reason: String) -> TrialLine<'a> {
        let id = &status.trial.id;
        TrialLine {
            id,
            state: status.state(),
            is_active: status.trial.state.active_attempt().is_some(),
            progress: self.progress.get(id),
            value: self.latest.get(id).copied(),
            spent: self.spent.get(id).copied(),
            left: self.outlook.trials.get(id).copied(),
            attempts: status.trial.last_attempt.as_ref().map(|attempt| attempt.number),
            reason,
        }
    }
}
