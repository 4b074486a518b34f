//! `orch run FILE` before anything is changed: the file, its trials, the machine and the plan.

use experiments::expand::overrides::Override;
use experiments::expand::{self, Experiment, ResolvedTrial};
use experiments::schema::executor::Executor;
use experiments::schema::resources::Share;

use super::error::{Result, VerbError};
use super::output::print_message;
use super::worker_files;
use crate::cli::args::{self, Global};
use crate::executor::slurm;
use crate::executor::worker_program;
use crate::run_dir::RunDir;
use crate::slots::{ENV_INVENTORY, Machine};
use crate::store::TrialRecord;
use crate::store::sync;
use crate::supervisor::plan::Plan;

/// An experiment that this machine or the cluster can run.
pub(super) struct ValidatedRun {
    pub(super) experiment: Experiment,
    pub(super) run: expand::Run,
    pub(super) trials: Vec<ResolvedTrial>,
    pub(super) machine: Machine,
    pub(super) dir: RunDir,
}

impl ValidatedRun {
    /// Reads the file, has its worker check it, and compares its resources with the machine's.
    pub(super) fn new(arguments: &args::Run, global: &Global) -> Result<Self> {
        let experiment = Experiment::load(&arguments.file)?;
        let overrides = arguments
            .set
            .iter()
            .map(|text| Override::parse(text))
            .collect::<Result<Vec<_>, _>>()?;
        let mut run = experiment.expand(arguments.profile.as_deref(), &overrides)?;
        run.config.executor = arguments.executor.map_or(run.config.executor, Executor::from);
        run.check_rows(&arguments.only)?;
        let trials = resolve(&run)?;
        let dir = RunDir::new(&global.runs, &run.name());
        worker_files::check(&experiment.source, &run.config, &dir, &trials)?;
        if arguments.jobs != Some(1) {
            run.check_shared_sources(&trials)?;
        }
        let machine = machine_for(&run, global)?;
        Ok(Self { experiment, run, trials, machine, dir })
    }

    /// The plan by the present records.
    pub(super) async fn plan(&self, arguments: &args::Run) -> Result<Plan> {
        let recorded = if self.dir.journal().is_file() {
            sync::for_reading(&self.dir).await?.trials().await?
        } else {
            Vec::new()
        };
        Ok(plan(self.trials.clone(), &recorded, arguments))
    }
}

/// The plan for the file's trials by their records and the command line.
pub(super) fn plan(
    trials: Vec<ResolvedTrial>,
    recorded: &[TrialRecord],
    arguments: &args::Run,
) -> Plan {
    let mut plan = Plan::new(trials, recorded, &arguments.only);
    if arguments.rerun_stale {
        plan.rerun_stale(&arguments.only);
    }
    plan
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
