//! `orch run FILE` before anything is changed: the file, its trials, the machine and the plan.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use experiments::expand::overrides::Override;
use experiments::expand::{self, Experiment, ResolvedTrial};
use experiments::protocol::events::Code;
use experiments::schema::executor::Executor;
use experiments::schema::resources::Share;

use super::damage::open_records;
use super::error::{Result, VerbError};
use super::output::print_message;
use super::worker_files;
use crate::cli::args::{self, Global};
use crate::code::{AttemptCode, CodeSource, Snapshot};
use crate::executor::slurm;
use crate::executor::worker_program;
use crate::platform::shell::quoted;
use crate::run_dir::RunDir;
use crate::run_dir::find::above;
use crate::run_dir::snapshot::RunSnapshot;
use crate::slots::{ENV_INVENTORY, Machine};
use crate::store::{Store, TrialRecord};
use crate::supervisor::plan::Plan;
use crate::supervisor::stale::PresentCode;

/// An experiment that this machine or the cluster can run.
pub(super) struct ValidatedRun {
    /// Absolute path of the file; of the copy that a run keeps, that of the original.
    pub(super) file: PathBuf,
    pub(super) experiment: Experiment,
    pub(super) run: expand::Run,
    pub(super) trials: Vec<Arc<ResolvedTrial>>,
    pub(super) machine: Machine,
    pub(super) dir: RunDir,
    /// The worker's code, and where it is found.
    pub(super) code: Code,
    pub(super) code_source: CodeSource,
    /// The run as its previous `orch run` resolved it; `None` before the first.
    pub(super) previous: Option<RunSnapshot>,
    /// True once the profile and the notes on trials and code were printed, which need to be said once.
    pub(super) is_announced: bool,
}

impl ValidatedRun {
    /// Reads the file, has its worker check it, and compares its resources with the machine's. Its relative
    /// paths count from `folder`, if that is given, and else from its own.
    pub(super) fn new(
        arguments: &args::Run,
        folder: Option<&Path>,
        global: &Global,
    ) -> Result<Self> {
        let experiment = Experiment::load(&arguments.file)?;
        let Request { file, profile, set } = Request::new(arguments, folder, global)?;
        let overrides = set.iter().map(|text| Ok(Override::parse(text)?.among(&arguments.only)));
        let overrides = overrides.collect::<Result<Vec<_>>>()?;
        let mut run = experiment.expand(profile.as_deref(), &overrides)?;
        file.parent().unwrap_or(&file).clone_into(&mut run.config.folder);
        run.config.resources =
            expand::override_resources(&run.config.resources, &arguments.resources)?;
        print_warnings(&run, global);
        run.config.executor = arguments.executor.map_or(run.config.executor, Executor::from);
        run.check_rows(&arguments.only)?;
        let trials = resolve(&run)?;
        let dir = RunDir::new(&global.runs, &run.name());
        worker_files::check(&experiment.source, &run.config, &dir, &trials)?;
        if arguments.jobs != Some(1) {
            run.check_shared_sources(&trials)?;
        }
        let machine = machine_for(&run, global)?;
        let code_source = code_source(&run, &trials, global)?;
        let code = code_source.read()?;
        // For messages only: without it, they say less.
        let previous = RunSnapshot::read(&dir.resolved()).ok();
        if !global.quiet {
            print_run_elsewhere(&dir, &file, &global.runs);
        }
        Ok(Self {
            file,
            experiment,
            run,
            trials: trials.into_iter().map(Arc::new).collect(),
            machine,
            dir,
            code,
            code_source,
            previous,
            is_announced: false,
        })
    }

    /// The plan by the present records.
    pub(super) async fn plan(&self, arguments: &args::Run) -> Result<Plan> {
        if self.dir.journal().is_file() {
            let mut store = open_records(&self.dir).await?;
            let recorded = store.trials().await?;
            self.plan_by(&mut store, &recorded, arguments).await
        } else {
            Ok(Plan::new(self.trials.clone(), &[], &arguments.only, &PresentCode::default()))
        }
    }

    /// The plan by the records in `store`, of which `recorded` are the trials.
    pub(super) async fn plan_by(
        &self,
        store: &mut Store,
        recorded: &[TrialRecord],
        arguments: &args::Run,
    ) -> Result<Plan> {
        let codes = store.codes().await?;
        let changed = self.code_source.changed(&self.code, codes.iter().map(|code| &code.files))?;
        let present = PresentCode {
            changed_files: codes.into_iter().map(|code| code.hash).zip(changed).collect(),
            interpreter: self.code.interpreter.as_ref().map(|interpreter| interpreter.path.clone()),
        };
        let mut plan = Plan::new(self.trials.clone(), recorded, &arguments.only, &present);
        let damaged: BTreeSet<_> =
            store.damage.iter().filter_map(|damage| damage.trial.as_ref()).collect();
        for planned in &mut plan.trials {
            planned.is_damaged = damaged.contains(&planned.trial.id);
        }
        if arguments.rerun_damaged {
            plan.rerun_damaged(&arguments.only);
        }
        if arguments.rerun_stale {
            plan.rerun_stale(&arguments.only);
        }
        Ok(plan)
    }

    /// True if the worker's check reports its build.
    pub(super) fn reports_build(&self) -> bool {
        reports_build(self.trials.iter().map(|trial| &**trial))
    }

    /// The code that attempts run: a copy of it where the file asks for one.
    pub(super) fn attempt_code(&self, global: &Global) -> Result<AttemptCode> {
        Ok(if self.run.config.worker.snapshot {
            AttemptCode::Snapshot(Snapshot::make(&self.code, &self.dir.code(), &global.runs)?)
        } else {
            AttemptCode::Source(self.code_source.clone())
        })
    }
}

/// Prints where the experiment was run before, if that is not where it is about to be run for the first time.
fn print_run_elsewhere(dir: &RunDir, file: &Path, runs: &Path) {
    if dir.journal().is_file() || runs.is_absolute() {
        return;
    }
    let beside_file = file.parent().map(|folder| folder.join(runs));
    let is_run = |runs: &PathBuf| RunDir::new(runs, &dir.name()).journal().is_file();
    if let Some(elsewhere) = above(runs).chain(beside_file).find(is_run) {
        print_message(&format!(
            "note: `{}` was run before in another folder, and begins anew here; `--runs {}` continues that run",
            dir.name(),
            quoted(&elsewhere.to_string_lossy()),
        ));
    }
}

/// Prints what is unusual in the file, and no mistake.
pub(super) fn print_warnings(run: &expand::Run, global: &Global) {
    if !global.quiet {
        for warning in &run.warnings {
            print_message(&format!("warning: {}", warning.with_excerpt()));
        }
    }
}

/// The source of the worker's code.
fn code_source(run: &expand::Run, trials: &[ResolvedTrial], global: &Global) -> Result<CodeSource> {
    let directory = run.config.shared_directory();
    let program = worker_program::find(&run.config.worker.command[0], &directory)?;
    let reports_build = reports_build(trials.iter());
    Ok(CodeSource::new(&run.config, &program, reports_build, &global.runs))
}

fn reports_build<'a>(mut trials: impl Iterator<Item = &'a ResolvedTrial>) -> bool {
    trials.any(|trial| trial.build.is_some())
}

/// The experiment file, and the settings to run it with.
struct Request {
    /// As [`ValidatedRun::file`].
    file: PathBuf,
    profile: Option<String>,
    set: Vec<String>,
}

impl Request {
    /// What the command line asks for. The copy that a run keeps is run as that run was: from the
    /// original's path, with its profile and its `--set`, unless others are given.
    fn new(arguments: &args::Run, folder: Option<&Path>, global: &Global) -> Result<Self> {
        let mut request = Self {
            file: std::path::absolute(&arguments.file)?,
            profile: arguments.profile.clone(),
            set: arguments.set.clone(),
        };
        let Some(RunSnapshot { file, run, .. }) = RunSnapshot::of_copy(&arguments.file)? else {
            return Ok(request);
        };
        // Elsewhere, paths are relative to the copy.
        let original = match folder {
            Some(folder) => file.and_then(|file| Some(folder.join(file.file_name()?))),
            None => file.filter(|file| file.parent().is_some_and(Path::is_dir)),
        };
        request.file = original.unwrap_or(request.file);
        if request.profile.is_none() || request.profile == run.profile {
            request.profile = run.profile;
            if request.set.is_empty() {
                request.set = run.set;
            }
        }
        let profile = request.profile.iter().map(|profile| format!(" --profile {profile}"));
        let set = request.set.iter().map(|set| format!(" --set {}", quoted(set)));
        let settings: String = profile.chain(set).collect();
        if !settings.is_empty() && !global.quiet && folder.is_none() {
            let copy = arguments.file.display();
            print_message(&format!("`{copy}` is the copy of a run, and runs with{settings}"));
        }
        Ok(request)
    }
}

/// This machine, unless neither it nor the cluster could ever run one of the trials.
fn machine_for(run: &expand::Run, global: &Global) -> Result<Machine> {
    let machine = Machine::open();
    if run.config.executor == Executor::Slurm {
        slurm::test_submission(&run.config.slurm, &run.config.resources, run.config.worker.grace.0)
            .map_err(|error| {
                let attempted = "Slurm would not accept a trial's job; running trials continue";
                VerbError::from(error).context(attempted.to_owned())
            })?;
        let alone = run.config.resources.share == Share::WHOLE || run.config.resources.gpus == 0;
        if !alone && run.config.slurm.gres.is_none() && !global.quiet {
            print_message(
                "note: every trial gets whole GPUs, since only this machine's are shared; if the \
                 cluster has shards, request them: `slurm: {gres: \"shard:1\"}`",
            );
        }
        return Ok(machine);
    }
    let inventory = machine.read_inventory()?;
    inventory.feasible(&run.config.resources)?;
    if global.quiet {
        return Ok(machine);
    }
    if let Some(file) = &inventory.mock {
        print_message(&format!(
            "note: this machine is mocked by `{}` (`{ENV_INVENTORY}`)",
            file.display()
        ));
    }
    let gpus = inventory.gpus.len();
    if gpus > 0 && run.config.resources.gpus == 0 {
        let gpus = if gpus == 1 { "a GPU".to_owned() } else { format!("{gpus} GPUs") };
        print_message(&format!(
            "note: this machine has {gpus}, and the trials are given none; if they need one, add to \
             the file: `resources: {{gpus: 1}}`"
        ));
    }
    Ok(machine)
}

/// Every trial's config as the worker gets it, checked by the worker if it has a check.
fn resolve(run: &expand::Run) -> Result<Vec<ResolvedTrial>> {
    let replies = match &run.config.worker.check {
        Some(check) => worker_program::check(check, &run.config, &run.requests())?,
        None => run.unchecked(),
    };
    Ok(run.resolve(replies)?)
}
