//! The segments of a run's trials that can be trained again: from a checkpoint to the next one, or to the end.

use std::collections::BTreeMap;
use std::fmt;

use experiments::protocol::events::Event;
use experiments::protocol::trial_id::TrialId;
use futures_util::TryStreamExt as _;

use crate::bundle::Unpacked;
use crate::cli::commands::error::Result;
use crate::platform::line_reader::ReadOffset;
use crate::run_dir::event_lines::read_events;
use crate::scheduler::State;
use crate::store::{AttemptDetail, Point, Store, TrialRecord};

/// A part of a trial.
#[derive(Debug, Clone)]
pub(super) struct Segment {
    pub(super) trial: TrialId,
    /// The attempt that trained it.
    pub(super) attempt: u32,
    /// The checkpoint that it starts from.
    pub(super) from: Checkpoint,
    /// The one that it ends with; `None` if it ends with the trial.
    pub(super) to: Option<Checkpoint>,
    /// Build and device of the attempt, as its worker reported them.
    pub(super) build: Option<String>,
    pub(super) device: Option<String>,
}

/// A checkpoint that the bundle has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Checkpoint {
    pub(super) step: u64,
    /// Path, relative to the trial's folder.
    pub(super) path: String,
}

impl fmt::Display for Segment {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{} from step {} to ", self.trial, self.from.step)?;
        match &self.to {
            Some(to) => write!(f, "{}", to.step),
            None => f.write_str("its end"),
        }
    }
}

/// The name of a point.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct PointName {
    pub(super) metric: String,
    /// Empty if it belongs to none.
    pub(super) item: String,
    pub(super) step: u64,
}

impl fmt::Display for PointName {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "`{}`", self.metric)?;
        if !self.item.is_empty() {
            write!(f, " of `{}`", self.item)?;
        }
        write!(f, " at step {}", self.step)
    }
}

/// The records of a segment.
#[derive(Debug, Default)]
pub(super) struct Recorded {
    /// Values by metric, item and step.
    pub(super) points: BTreeMap<PointName, f64>,
    /// Final values by metric; none unless the segment ends with the trial.
    pub(super) results: BTreeMap<String, f64>,
}

impl Segment {
    /// True if points of this step belong to it. At its ends they may also have been reported before the
    /// first checkpoint or after the last one.
    pub(super) fn has(&self, step: u64) -> bool {
        step == self.from.step || self.is_inside(step) || self.ends_at(step)
    }

    /// True if every point of this step was reported between the checkpoints.
    pub(super) fn is_inside(&self, step: u64) -> bool {
        step > self.from.step && self.to.as_ref().is_none_or(|to| step < to.step)
    }

    fn ends_at(&self, step: u64) -> bool {
        self.to.as_ref().is_some_and(|to| step == to.step)
    }

    /// Its points and final values, as the records have them.
    pub(super) async fn recorded(&self, store: &mut Store) -> Result<Recorded> {
        let mut points = BTreeMap::new();
        let mut all = store.points(&self.trial);
        while let Some(point) = all.try_next().await? {
            let Point { metric, item, step, value, .. } = point;
            if self.has(step) {
                points.insert(PointName { metric, item, step }, value);
            }
        }
        drop(all);
        let results = match self.to {
            Some(_) => BTreeMap::new(),
            None => store.results().await?.remove(&self.trial).unwrap_or_default(),
        };
        Ok(Recorded { points, results })
    }
}

/// Every segment of the trials that count; `Err` with the reason if there is none.
pub(super) async fn segments(
    bundle: &Unpacked,
    store: &mut Store,
) -> Result<Result<Vec<Segment>, &'static str>> {
    let (mut all, mut deterministic) = (Vec::new(), false);
    for trial in store.trials_without_origins().await? {
        if trial.retired || !matches!(trial.state, State::Succeeded { .. }) {
            continue;
        }
        let attempts = store.attempts_of(&trial.id).await?;
        let attempts: Vec<_> = attempts
            .into_iter()
            .filter(|attempt| is_deterministic(bundle, &trial, attempt))
            .collect();
        deterministic |= !attempts.is_empty();
        all.extend(of_trial(bundle, &trial.id, &attempts));
    }
    Ok(match (all.is_empty(), deterministic) {
        (false, _) => Ok(all),
        (true, true) => {
            Err("the bundle has no checkpoints; `orch bundle --checkpoints` adds those \
                             that are still there")
        }
        (true, false) => {
            Err("no worker says that its training is deterministic (`deterministic` in \
                              the event `hello`)")
        }
    })
}

/// True if the attempt's last `hello` says that it computes the same from the same checkpoint.
fn is_deterministic(bundle: &Unpacked, trial: &TrialRecord, attempt: &AttemptDetail) -> bool {
    let events = bundle.run().attempt(&trial.id, attempt.number).events();
    let mut is_deterministic = false;
    let read = read_events(&events, &mut ReadOffset::default(), |line| {
        if let Event::Hello { deterministic, .. } = line.event {
            is_deterministic = deterministic;
        }
    });
    read.is_ok() && is_deterministic
}

/// The segments of one trial, of which `attempts` are deterministic.
fn of_trial(bundle: &Unpacked, trial: &TrialId, attempts: &[AttemptDetail]) -> Vec<Segment> {
    let mut checkpoints = BTreeMap::<u64, (&AttemptDetail, String)>::new();
    for attempt in attempts {
        // What the attempt did not continue from does not count any more.
        checkpoints.retain(|step, _| attempt.resumed_from.is_some_and(|from| *step <= from));
        checkpoints.extend(attempt.kept().map(|(step, path)| (step, (attempt, path.to_owned()))));
    }
    let folder = bundle.run().trial(trial);
    checkpoints.retain(|_, (_, path)| folder.join(path).exists());
    let steps: Vec<u64> = checkpoints.keys().copied().collect();
    let checkpoint = |step: u64| Checkpoint { step, path: checkpoints[&step].1.clone() };
    let segments = steps.iter().enumerate().filter_map(|(index, step)| {
        let to = steps.get(index + 1).copied();
        let attempt = match to {
            Some(to) => checkpoints[&to].0,
            None => attempts.last()?,
        };
        Some(Segment {
            trial: trial.clone(),
            attempt: attempt.number,
            from: checkpoint(*step),
            to: to.map(checkpoint),
            build: attempt.build.clone(),
            device: attempt.device.clone(),
        })
    });
    segments.collect()
}
