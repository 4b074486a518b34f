//! The state that all requests share: the folder of runs and the data that is kept.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use experiments::protocol::trial_id::TrialId;
use reports::live::LiveFigure;
use tokio::sync::Semaphore;

use super::cache::{Cache, Kept, blocking};
use super::pages::{self, Page};
use super::problem::Problem;
use super::views::machine::{Machine, MachineSource};
use super::views::report::ReportSource;
use super::views::run::{Listed, RunSource, RunView};
use super::views::trial::TrialSource;
use crate::run_dir::RunDir;

/// Time that a page waits for its report to be drawn, before it is sent without.
const REPORT_WAIT: Duration = Duration::from_millis(700);

/// Pages that are open and told of changes.
const MOST_LISTENERS: usize = 64;

/// The state of the server.
pub(super) struct Server {
    pub(super) runs: PathBuf,
    views: Cache<RunSource>,
    reports: Cache<ReportSource>,
    trials: Cache<TrialSource>,
    machine: Cache<MachineSource>,
    pub(super) listeners: Arc<Semaphore>,
}

/// A page that changes while it is open.
#[derive(Debug, Clone)]
pub(super) enum Subject {
    /// Every run.
    Runs,
    /// One run, with its report.
    Run(RunDir),
    /// One trial of a run.
    Trial(RunDir, TrialId),
}

impl Server {
    pub(super) fn new(runs: PathBuf) -> Arc<Self> {
        // Drawings may take seconds: one at a time, beside which everything else goes on.
        let (reading, drawing) = (Arc::new(Semaphore::new(2)), Arc::new(Semaphore::new(1)));
        Arc::new(Self {
            runs,
            views: Cache::new(&reading),
            reports: Cache::new(&drawing),
            trials: Cache::new(&reading),
            machine: Cache::new(&reading),
            listeners: Arc::new(Semaphore::new(MOST_LISTENERS)),
        })
    }

    /// The run of exactly this name.
    pub(super) async fn run(&self, name: String) -> Result<RunDir, Problem> {
        let runs = self.runs.clone();
        let all = blocking(move || RunDir::all(&runs)).await?;
        all.into_iter().find(|run| run.name() == name).ok_or(Problem::NotFound)
    }

    /// The records of every run that can be read, the one that changed last first, and the reason where
    /// one cannot.
    pub(super) async fn all_runs(&self) -> Result<Vec<Listed>, Problem> {
        let runs = self.runs.clone();
        let all = blocking(move || {
            let mut all: Vec<_> = RunDir::all(&runs)
                .into_iter()
                .map(|run| (run.journal().metadata().and_then(|file| file.modified()).ok(), run))
                .collect();
            all.sort_by_key(|(changed, _)| std::cmp::Reverse(*changed));
            all
        });
        let mut views = Vec::new();
        for (_, run) in all.await? {
            let view = self.views.get(RunSource(run.clone())).await;
            views.push((run, view));
        }
        Ok(views)
    }

    /// The records of a run.
    pub(super) async fn view(&self, run: &RunDir) -> Result<Arc<Kept<RunView>>, Problem> {
        self.views.get(RunSource(run.clone())).await
    }

    /// The report of a run as it was drawn last, for one of its figures.
    pub(super) async fn figure(&self, run: RunDir, name: &str) -> Result<String, Problem> {
        let report = self.reports.get(ReportSource(run)).await?;
        let mut figures = report.value.figures.iter();
        figures.find(|figure| figure.name == name).map(LiveFigure::file).ok_or(Problem::NotFound)
    }

    /// The slots of this machine.
    pub(super) async fn machine(&self) -> Result<Arc<Kept<Machine>>, Problem> {
        self.machine.get(MachineSource).await
    }

    /// The page as it is now.
    pub(super) async fn page(&self, subject: &Subject) -> Result<Page, Problem> {
        match subject {
            Subject::Runs => {
                let (runs, machine) = (self.all_runs().await?, self.machine().await?);
                Ok(pages::runs::page(&self.runs, &runs, &machine))
            }
            Subject::Run(run) => {
                let (view, machine) = (self.view(run).await?, self.machine().await?);
                let report = self.reports.get_within(ReportSource(run.clone()), REPORT_WAIT).await;
                Ok(pages::run::page(&view, &machine, report))
            }
            Subject::Trial(run, id) => {
                let view = self.view(run).await?;
                if !view.value.trials.iter().any(|trial| trial.id == *id) {
                    return Err(Problem::NotFound);
                }
                let trial =
                    self.trials.get(TrialSource { run: run.clone(), id: id.clone() }).await?;
                Ok(pages::trial::page(&trial))
            }
        }
    }
}
