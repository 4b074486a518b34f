//! One trial: everything that `orch show` has of it, its curves, its images and the end of its logs.

use std::collections::{BTreeMap, BTreeSet};

use experiments::protocol::trial_id::TrialId;
use reports::live::LiveReport;

use super::super::cache::Source;
use super::super::image_path::{is_image, parts};
use super::super::problem::Problem;
use super::super::stamp::Stamp;
use super::trial_curves::{curves, system_curves};
use crate::cli::commands::error::Result as VerbResult;
use crate::cli::commands::one_trial::OneTrial;
use crate::cli::commands::runtime::block_on;
use crate::cli::commands::show::{Attempt, TrialDetails, dotted, in_yaml};
use crate::display::trial_status::TrialStatus;
use crate::run_dir::attempt::AttemptDir;
use crate::run_dir::snapshot::RunSnapshot;
use crate::run_dir::{RunDir, log_tail};
use crate::store::sync;

/// Lines of each log that are shown.
const LOG_LINES: usize = 200;

/// Steps of one kind of image that are shown, the last ones.
const MOST_STEPS: usize = 100;

/// One trial.
pub(crate) struct TrialView {
    pub(crate) run: String,
    pub(crate) id: TrialId,
    pub(crate) variant: String,
    /// The name of its row, for readers.
    pub(crate) label: String,
    pub(crate) seed: u64,
    /// In a word, as `orch status` has it.
    pub(crate) state: &'static str,
    /// The reason for it; empty where the state is enough.
    pub(crate) reason: String,
    /// Phase, units done, units in all, of an attempt that goes on.
    pub(crate) progress: Option<(String, u64, u64)>,
    is_active: bool,
    /// By dotted key, in written order.
    pub(crate) config: Vec<(String, String)>,
    pub(crate) baseline: Option<Baseline>,
    /// The first one first.
    pub(crate) attempts: Vec<Attempt>,
    /// Final values by metric.
    pub(crate) results: BTreeMap<String, f64>,
    /// A sentence for each attempt of which lines were skipped.
    pub(crate) skipped: Vec<String>,
    /// Shell commands that repeat the last attempt.
    pub(crate) rerun: Vec<String>,
    pub(crate) curves: LiveReport,
    /// Curves of the last attempt's use of CPU, memory and GPUs.
    pub(crate) system_curves: LiveReport,
    /// The use by every attempt, with its heading; empty if nothing was sampled.
    pub(crate) system: Vec<[String; 7]>,
    /// By name of the artifact.
    pub(crate) images: BTreeMap<String, Vec<ImagesOfStep>>,
    pub(crate) logs: Vec<LogView>,
}

/// The difference of a trial's config from that of the baseline.
pub(crate) struct Baseline {
    /// Of the trial with the same seed, or else the first.
    pub(crate) id: TrialId,
    /// The other value of each key that differs; `None` where there is none.
    pub(crate) differing: BTreeMap<String, Option<String>>,
}

/// The images of one step.
pub(crate) struct ImagesOfStep {
    pub(crate) step: u64,
    /// Item, and path in the trial's folder.
    pub(crate) images: Vec<(Option<String>, String)>,
}

/// The end of a log.
pub(crate) struct LogView {
    pub(crate) name: &'static str,
    /// Its path, for people.
    pub(crate) path: String,
    pub(crate) lines: Vec<String>,
}

/// A trial, as something to read.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct TrialSource {
    pub(crate) run: RunDir,
    pub(crate) id: TrialId,
}

impl Source for TrialSource {
    type Value = TrialView;

    fn stamp(&self) -> Stamp {
        let mut stamp = Stamp::of_run(&self.run);
        if let Some(last) = last_attempt(&self.run, &self.id) {
            stamp.add(&last.stdout());
            stamp.add(&last.stderr());
            stamp.add(&last.system());
        }
        stamp
    }

    fn read(&self) -> Result<TrialView, Problem> {
        Ok(block_on(TrialView::read(&self.run, &self.id)).map_err(|_| Problem::Internal)??)
    }

    fn changes_by_itself(view: &TrialView) -> bool {
        view.is_active
    }
}

/// The newest attempt that has a folder.
fn last_attempt(run: &RunDir, id: &TrialId) -> Option<AttemptDir> {
    let attempts = (1..).map(|number| run.attempt(id, number));
    attempts.take_while(|attempt| attempt.path().is_dir()).last()
}

impl TrialView {
    async fn read(run: &RunDir, id: &TrialId) -> VerbResult<Self> {
        let mut store = sync::for_reading(run).await?;
        let trials = store.trials().await?;
        let missing = || std::io::Error::other(format!("there is no trial `{id}`"));
        let trial = trials.into_iter().find(|trial| trial.id == *id).ok_or_else(missing)?;
        let status = TrialStatus::new(trial, run)?;
        let one = OneTrial { dir: run.clone(), store, status };
        let mut details = TrialDetails::collect(one).await?;
        let snapshot = RunSnapshot::read(&run.resolved())?;
        let concerns = |of: &Option<TrialId>| of.as_ref().is_none_or(|of| of == id);
        let curves = if details.one.store.damage.iter().any(|damage| concerns(&damage.trial)) {
            let problems = vec!["Its records are damaged: nothing is drawn of them.".to_owned()];
            LiveReport { problems, ..LiveReport::default() }
        } else {
            curves(&mut details, &snapshot).await?
        };
        let (baseline, images) = (Baseline::of(&details, &snapshot), images(&mut details).await?);
        let (system_curves, system) = (system_curves(&details)?, details.system_rows());
        // Without the records, whose database stays open as long as they are held.
        let TrialDetails {
            one,
            reason,
            label,
            config,
            attempts,
            results,
            skipped_lines,
            rerun,
            ..
        } = details;
        let (status, record) = (one.status.state(), one.status.trial);
        let is_active = record.state.active_attempt().is_some();
        let progress = record.last_attempt.and_then(|attempt| attempt.progress);
        Ok(Self {
            run: run.name(),
            id: record.id,
            label: label.unwrap_or_else(|| record.variant.clone()),
            variant: record.variant,
            seed: record.seed,
            state: status,
            reason,
            progress: progress.filter(|_| is_active),
            is_active,
            config: config.iter().map(|(key, value)| (key.clone(), in_yaml(value))).collect(),
            baseline,
            attempts,
            results,
            skipped: skipped_lines.iter().map(ToString::to_string).collect(),
            rerun,
            curves,
            system_curves,
            system,
            images,
            logs: last_attempt(run, id).map_or(Vec::new(), |last| logs(&last)),
        })
    }
}

impl Baseline {
    fn of(details: &TrialDetails, snapshot: &RunSnapshot) -> Option<Self> {
        let trial = &details.one.status.trial;
        let report = &snapshot.run.report;
        let named = report.table.as_ref().and_then(|table| table.baseline.as_ref());
        let variant = named.or_else(|| Some(&snapshot.run.rows.first()?.name))?;
        let of_baseline = || snapshot.trials.iter().filter(|other| other.variant == *variant);
        let same_seed = of_baseline().find(|other| other.seed == trial.seed);
        let other = same_seed.or_else(|| of_baseline().next())?;
        if other.variant == trial.variant {
            return None;
        }
        let text = |config: Vec<(String, serde_json::Value)>| -> BTreeMap<String, String> {
            config.iter().map(|(key, value)| (key.clone(), in_yaml(value))).collect()
        };
        let (ours, theirs) = (text(details.config.clone()), text(dotted(other.config.clone())));
        let keys: BTreeSet<&String> = ours.keys().chain(theirs.keys()).collect();
        let differing = keys.into_iter().filter(|key| ours.get(*key) != theirs.get(*key));
        let differing = differing.map(|key| (key.clone(), theirs.get(key).cloned())).collect();
        Some(Self { id: other.id.clone(), differing })
    }
}

/// Its images by name and step.
async fn images(details: &mut TrialDetails) -> VerbResult<BTreeMap<String, Vec<ImagesOfStep>>> {
    let id = details.one.status.trial.id.clone();
    let mut by_name = BTreeMap::<String, BTreeMap<u64, BTreeMap<Option<String>, String>>>::new();
    for artifact in details.one.store.artifacts(&id).await? {
        if is_image(&artifact.path) {
            let steps = by_name.entry(artifact.name).or_default();
            let path = parts(&artifact.path).join("/");
            // Of one that was written again, the last one counts.
            steps.entry(artifact.step).or_default().insert(artifact.item, path);
        }
    }
    let images = by_name.into_iter().map(|(name, steps)| {
        let first = steps.len().saturating_sub(MOST_STEPS);
        let steps = steps
            .into_iter()
            .skip(first)
            .map(|(step, images)| ImagesOfStep { step, images: images.into_iter().collect() });
        (name, steps.collect())
    });
    Ok(images.collect())
}

/// The ends of what its worker printed. A log that cannot be read says so in its place.
fn logs(attempt: &AttemptDir) -> Vec<LogView> {
    let logs = [("standard error", attempt.stderr()), ("standard output", attempt.stdout())];
    let logs = logs.map(|(name, path)| LogView {
        name,
        lines: log_tail::last_lines(&path, LOG_LINES).unwrap_or_else(|e| vec![e.to_string()]),
        path: path.display().to_string(),
    });
    logs.into()
}
