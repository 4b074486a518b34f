//! Starting and stopping one attempt: the files of its folder, and the environment of its worker.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::iter;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use experiments::expand::ResolvedTrial;
use experiments::expand::command::{self, CONFIG_FILE};
use experiments::protocol::trial::{
    ENV_ARTIFACTS, ENV_ATTEMPT, ENV_CHECKPOINTS, ENV_EVENTS, ENV_EXPERIMENT, ENV_SEED, ENV_TRIAL,
    ENV_VARIANT, FILE_NAME, Trial,
};
use experiments::schema::executor::Executor;
use experiments::schema::resources::Share;

use super::active::HolderState;
use super::worker_command::WorkerCommand;
use super::{Supervisor, SupervisorError};
use crate::code::AttemptCode;
use crate::display::RunEvent;
use crate::executor::worker_program;
use crate::platform::atomic_file::{self, FileError};
use crate::platform::disk_space;
use crate::run_dir::attempt::StopMode;
use crate::run_dir::attempt::{AttemptDir, Command};
use crate::run_dir::ownership::{self, OwnershipError};
use crate::run_dir::trial::Folders;
use crate::scheduler::Input;
use crate::slots::{Lease, Unavailable};
use experiments::protocol::trial_id::TrialId;

/// Time for which a trial's reason to wait is kept while only amounts in it change.
const REASON_KEPT: Duration = Duration::from_mins(1);

/// The availability of resources for the next trial.
enum Availability {
    /// Leased: slots of this machine; `None` on a cluster, which gives its nodes out itself.
    Leased(Option<Lease>),
    /// Some are missing.
    Unavailable(Unavailable),
    /// Unknown, for this reason.
    Unknown(String),
}

impl Supervisor<'_> {
    /// Starts trials in their order, as long as resources are available.
    pub(super) fn start_trials(&mut self) -> Result<(), SupervisorError> {
        while let Some(next) = self.scheduler.next(self.elapsed_ms()).cloned() {
            match self.availability(&next)? {
                Availability::Leased(lease) => {
                    (self.lease, self.unavailable) = (lease, None);
                    self.handle(Input::Leased(next))?;
                }
                Availability::Unavailable(unavailable) => {
                    let reason = self.reason_to_wait(unavailable);
                    return self.handle(Input::Blocked(next, reason));
                }
                Availability::Unknown(reason) => {
                    self.reporter.report(RunEvent::CannotStart(&reason));
                    return self.handle(Input::Blocked(next, reason));
                }
            }
        }
        Ok(())
    }

    /// The reason to wait, for the journal. Amounts and process ids in it change all the time and are
    /// not worth a line in the journal each: while only they change, the last reason is kept.
    fn reason_to_wait(&mut self, unavailable: Unavailable) -> String {
        let last = self.unavailable.take().filter(|(last, _)| last.is_like(&unavailable));
        // While something runs, it is expected that something waits.
        if last.is_none() && (unavailable.is_of_disk() || self.scheduler.active().next().is_none())
        {
            self.reporter.report(RunEvent::ResourcesUnavailable(&unavailable));
        }
        let last = last.filter(|(_, since)| since.elapsed() < REASON_KEPT);
        let (reason, _) = self.unavailable.insert(last.unwrap_or((unavailable, Instant::now())));
        reason.to_string()
    }

    fn availability(&mut self, trial: &TrialId) -> Result<Availability, SupervisorError> {
        let mut request = self.request.clone();
        if let Some(free) = disk_space::free(self.dir.path())
            && free < request.resources.disk
        {
            let unavailable = Unavailable::of_disk(&request.resources, free, self.dir.path());
            return Ok(Availability::Unavailable(unavailable));
        }
        if self.experiment.run.executor == Executor::Slurm {
            return Ok(match self.slurm.accepts_jobs() {
                Ok(()) => Availability::Leased(None),
                Err(reason) => Availability::Unknown(reason),
            });
        }
        let inventory = match self.machine.read_inventory() {
            Ok(inventory) => inventory,
            Err(error) => return Ok(Availability::Unknown(error.to_string())),
        };
        if self.scheduler.needs_whole_gpus(trial) {
            request.resources.share = Share::WHOLE;
        }
        Ok(match self.slots.try_lease(&inventory, &request)? {
            Ok(lease) => Availability::Leased(Some(lease)),
            Err(unavailable) => Availability::Unavailable(unavailable),
        })
    }

    /// Prepares the attempt and starts its holder with the slots that were leased for it, or submits it
    /// to the cluster.
    pub(super) fn start(&mut self, id: &TrialId, number: u32) -> anyhow::Result<()> {
        let lease = self.lease.take();
        let attempt = self.dir.attempt(id, number);
        if take_in_unrecorded(&attempt)? {
            return Ok(());
        }
        self.prepare(id, number, lease.as_ref())?;
        match lease {
            None => self.slurm.start(&attempt),
            Some(lease) => {
                self.local.start(&attempt, lease)?;
                self.active.attempt(&self.dir, id, number).holder = Some(HolderState::Lives);
            }
        }
        Ok(())
    }

    /// Writes the files that the attempt's holder and worker read. They are synced by the holder, once the
    /// worker runs.
    fn prepare(&mut self, id: &TrialId, number: u32, lease: Option<&Lease>) -> anyhow::Result<()> {
        let trial = &self.experiment.trials[self.trials[id]];
        let folder = std::path::absolute(self.dir.trial(id))?;
        let folders = Folders::to_start(&folder, number);
        for below in [&folders.checkpoints, &folders.artifacts] {
            fs_err::create_dir_all(folder.join(below))?;
        }
        let run = &self.experiment.run;
        let WorkerCommand { argv, directory, env: own, metrics } =
            WorkerCommand::new(run, &self.dir, trial, number, &folders)?;
        let spec = self.spec(trial, folders);
        atomic_file::place_json(&folder.join(FILE_NAME), &spec)?;
        if command::uses(&run.worker, "config") {
            atomic_file::place_json(&folder.join(CONFIG_FILE), &spec.config)?;
        }
        let attempt = AttemptDir::new(&folder, number);
        if run.worker.directory.as_deref().is_some_and(command::has_names) {
            attempt.create()?;
            fs_err::create_dir_all(&directory)?;
        }
        let mut env = environment(&spec, &folder, &attempt, number);
        env.extend(own);
        let granted = lease.map(Lease::granted).cloned().unwrap_or_default();
        if lease.is_some() || run.resources.gpus == 0 {
            // A cluster sets it for the GPUs that it allocates.
            env.insert("CUDA_VISIBLE_DEVICES".to_owned(), granted.cuda_visible_devices());
        }
        let program = worker_program::find(&argv[0], &run.shared_directory())?;
        attempt.prepare(&Command {
            argv: self.in_snapshot_argv(&program, &argv[1..], &directory),
            cwd: self.in_snapshot(&directory),
            env,
            code: self.code.clone(),
            grace_secs: run.worker.grace.0.as_secs_f64(),
            time_limit_secs: run.resources.time.map(|limit| limit.0.as_secs_f64()),
            sample_secs: run.system.0.map(|interval| interval.as_secs_f64()),
            metrics,
            result: run.worker.result_rule(),
            provenance: self.recorder.record(&program, &granted),
        })?;
        Ok(())
    }

    /// `program` with `arguments`, run in `directory`; their files are those of the snapshot if there is one.
    fn in_snapshot_argv(
        &self,
        program: &Path,
        arguments: &[String],
        directory: &Path,
    ) -> Vec<String> {
        let program = self.in_snapshot(program).to_string_lossy().into_owned();
        let words = arguments.iter().map(|word| {
            let file = directory.join(word);
            let copied = self.in_snapshot(&file);
            if file.is_file() && copied != file {
                copied.to_string_lossy().into_owned()
            } else {
                word.clone()
            }
        });
        iter::once(program).chain(words).collect()
    }

    /// The path of `path` in the snapshot of the code; itself where there is none, or it is elsewhere.
    fn in_snapshot(&self, path: &Path) -> PathBuf {
        match &self.code {
            Some(AttemptCode::Snapshot(snapshot)) => snapshot.path(path),
            Some(AttemptCode::Source(_)) | None => path.to_owned(),
        }
    }

    /// Asks the attempt's holder to end it.
    pub(super) fn stop(
        &mut self,
        id: &TrialId,
        number: u32,
        mode: StopMode,
    ) -> Result<(), FileError> {
        let active = self.active.attempt(&self.dir, id, number);
        active.stop_asked.get_or_insert_with(Instant::now);
        let attempt = &active.dir;
        self.slurm.cancel(attempt, mode);
        let (requested, path) = match mode {
            StopMode::Graceful => (attempt.request_stop(), attempt.stop()),
            StopMode::Immediate => (attempt.request_kill(), attempt.kill()),
        };
        match requested {
            // It is in the journal and was never prepared: no holder will come.
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(()),
            requested => requested.map_err(|source| FileError::Write { path, source }),
        }
    }

    fn spec(&self, trial: &ResolvedTrial, folders: Folders) -> Trial {
        let Folders { checkpoints, artifacts } = folders;
        Trial {
            orch: experiments::schema::file::VERSION,
            id: trial.id.clone(),
            experiment: self.experiment.run.experiment.clone(),
            profile: self.experiment.run.profile.clone(),
            variant: trial.variant.clone(),
            seed: trial.seed,
            cpus: self.experiment.run.resources.cpus,
            config: trial.config.clone(),
            checkpoints,
            artifacts,
        }
    }
}

/// True if a holder has had the attempt although the journal, which has lost its last lines, does not
/// know it any more: its files tell its status. If they are events without an owner, it is given up first, so
/// that nothing is added to them.
fn take_in_unrecorded(attempt: &AttemptDir) -> Result<bool, OwnershipError> {
    if attempt.owner().exists() {
        return Ok(true);
    }
    let has_events = attempt.events().exists();
    if has_events {
        ownership::abandon(attempt)?;
    }
    Ok(has_events)
}

/// The environment of the worker.
fn environment(
    spec: &Trial,
    folder: &Path,
    attempt: &AttemptDir,
    number: u32,
) -> BTreeMap<String, String> {
    let text = |path: &Path| path.to_string_lossy().into_owned();
    [
        (ENV_TRIAL, text(&folder.join(FILE_NAME))),
        (ENV_EVENTS, text(&attempt.events())),
        (ENV_CHECKPOINTS, text(&folder.join(&spec.checkpoints))),
        (ENV_ARTIFACTS, text(&folder.join(&spec.artifacts))),
        (ENV_EXPERIMENT, spec.experiment.clone()),
        (ENV_VARIANT, spec.variant.clone()),
        (ENV_SEED, spec.seed.to_string()),
        (ENV_ATTEMPT, number.to_string()),
        ("CUDA_DEVICE_ORDER", "PCI_BUS_ID".to_owned()),
        ("OMP_NUM_THREADS", spec.cpus.to_string()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}
