//! The values that the screen shows, as they were read last.

use std::path::PathBuf;
use std::time::Duration;

use experiments::protocol::trial_id::TrialId;

use crate::display::Headline;
use crate::display::progress::Progress;
use crate::slots::Gpu;

/// A run at one moment.
#[derive(Debug, Clone, Default)]
pub(crate) struct RunView {
    /// Its name.
    pub(crate) name: String,
    /// The process that runs it, in words; `None` without one.
    pub(crate) supervisor: Option<String>,
    /// The number of trials in each state: `2 queued, 1 running`.
    pub(crate) counts: String,
    /// Time so far and time left, in words; empty if unknown.
    pub(crate) time: String,
    /// The metric that is chosen first.
    pub(crate) headline: Option<Headline>,
    /// In the file's order.
    pub(crate) trials: Vec<TrialEntry>,
    /// `None` where trials run on other machines.
    pub(crate) machine: Option<MachineUse>,
}

/// A trial at one moment.
#[derive(Debug, Clone)]
pub(crate) struct TrialEntry {
    pub(crate) id: TrialId,
    pub(crate) variant: String,
    pub(crate) seed: u64,
    /// A word.
    pub(crate) state: String,
    /// Of an active trial.
    pub(crate) progress: Option<Progress>,
    /// The newest value of the headline metric.
    pub(crate) value: Option<f64>,
    pub(crate) spent: Option<Duration>,
    pub(crate) left: Option<Duration>,
    /// The number of its last attempt; 0 before the first.
    pub(crate) attempts: u32,
    pub(crate) reason: String,
    pub(crate) device: Option<String>,
}

/// The use of this machine.
#[derive(Debug, Clone, Default)]
pub(crate) struct MachineUse {
    pub(crate) cpus: u32,
    /// Processes that run or wait to run, as a mean over the last minute; `None` if unknown.
    pub(crate) load: Option<f32>,
    /// Bytes of memory in use, and of all; `None` if unknown.
    pub(crate) memory: Option<(u64, u64)>,
    pub(crate) gpus: Vec<Gpu>,
}

/// The points and logs of the selected trial.
#[derive(Debug, Clone)]
pub(crate) struct Focus {
    pub(crate) trial: TrialId,
    /// Every metric that has points.
    pub(crate) metrics: Vec<String>,
    /// The one whose points these are; `None` if there is none.
    pub(crate) metric: Option<String>,
    /// Steps and finite values, by ascending step.
    pub(crate) points: Vec<(f64, f64)>,
    /// The ends of its last attempt's logs, the one that was written last first; without empty ones.
    pub(crate) logs: Vec<Log>,
}

/// The end of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Log {
    pub(crate) path: PathBuf,
    /// Without control sequences of a terminal.
    pub(crate) lines: Vec<String>,
}

/// At most `most` of these points, for drawing: of each stretch the least and the greatest.
pub(crate) fn for_drawing(points: Vec<(f64, f64)>, most: usize) -> Vec<(f64, f64)> {
    if points.len() <= most {
        return points;
    }
    let stretch = points.len().div_ceil(most / 2);
    let mut drawn = Vec::new();
    for points in points.chunks(stretch) {
        let by_value = |a: &&(f64, f64), b: &&(f64, f64)| a.1.total_cmp(&b.1);
        let ends = points.iter().min_by(by_value).zip(points.iter().max_by(by_value));
        let Some((least, greatest)) = ends else { continue };
        let (first, second) =
            if least.0 <= greatest.0 { (least, greatest) } else { (greatest, least) };
        drawn.push(*first);
        if first != second {
            drawn.push(*second);
        }
    }
    drawn
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_for_drawing_keep_the_extremes() {
        let mut points: Vec<_> = (0..10_000).map(|step| (f64::from(step), 1.0)).collect();
        (points[777].1, points[778].1) = (9.0, -9.0);
        let drawn = for_drawing(points.clone(), 100);
        assert!(drawn.len() <= 100 && drawn.is_sorted_by(|a, b| a.0 < b.0), "{drawn:?}");
        assert!(drawn.contains(&(777.0, 9.0)) && drawn.contains(&(778.0, -9.0)), "{drawn:?}");
        assert_eq!(for_drawing(points[..90].to_vec(), 100), points[..90]);
    }
}
