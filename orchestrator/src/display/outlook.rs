//! The time that a run still takes, and each of its running trials.

use std::collections::BTreeMap;
use std::time::Duration;

use experiments::protocol::trial_id::TrialId;

use super::eta::{Running, Workload};
use super::event::TrialView;
use super::progress::Progress;
use crate::scheduler::State;

/// The time that a run still takes.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Outlook {
    /// Until every trial that is to run has ended; `None` without a basis, or if none is left.
    pub(crate) run: Option<Duration>,
    /// Until the end of each running trial of which it is known.
    pub(crate) trials: BTreeMap<TrialId, Duration>,
}

impl Outlook {
    /// The outlook of a run with these trials, by what they have taken and the progress that they report.
    pub(crate) fn new<'a>(
        trials: impl Iterator<Item = TrialView<'a>>,
        progress: &BTreeMap<TrialId, Progress>,
    ) -> Self {
        let mut workload = Workload::default();
        let mut running = Vec::new();
        for TrialView { id, state, variant, cost, spent, is_to_run } in trials {
            workload.set_cost(variant, cost);
            match state {
                State::Succeeded { .. } => {
                    if let Some(spent) = spent {
                        workload.add_finished(variant, spent);
                    }
                }
                State::Queued { .. } if is_to_run => workload.add_waiting(variant),
                State::Starting { .. } | State::Running { .. } => {
                    let progress = progress.get(id).filter(|progress| !progress.stalled);
                    let left = progress.and_then(Progress::remaining);
                    let phase_left = left.map(|left| left.as_secs_f64());
                    workload.add_running(Running { variant, spent, phase_left });
                    running.push(id);
                }
                State::Queued { .. }
                | State::Interrupted { .. }
                | State::Cancelled { .. }
                | State::Failed { .. } => {}
            }
        }
        let left = running.into_iter().zip(workload.left());
        let trials = left.filter_map(|(id, left)| Some((id.clone(), left?))).collect();
        Self { run: workload.remaining(), trials }
    }
}

/// The time so far and the time left, in words: `12m 05s elapsed, about 40m 10s left`.
pub(crate) fn in_words(elapsed: Option<Duration>, left: Option<Duration>) -> String {
    let elapsed = elapsed.map(|time| format!("{} elapsed", super::text::duration(time)));
    let left = left.map(|time| format!("about {} left", super::text::duration(time)));
    elapsed.into_iter().chain(left).collect::<Vec<_>>().join(", ")
}
