//! Starting and stopping one attempt: what its folder must hold, and what its worker is told.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::Path;
use std::time::{Duration, Instant};

use experiments::expand::ResolvedTrial;
use experiments::protocol::trial::{
    ENV_ARTIFACTS, ENV_ATTEMPT, ENV_CHECKPOINTS, ENV_EVENTS, ENV_EXPERIMENT, ENV_SEED, ENV_TRIAL,
    ENV_VARIANT, FILE_NAME, Trial,
};
use experiments::schema::executor::Executor;
use experiments::schema::resources::Share;

use super::{HolderState, Supervisor, SupervisorError};
use crate::display::Display;
use crate::executor::worker_program;
use crate::platform::atomic_file::{self, FileError};
use crate::platform::disk_space;
use crate::run_dir::attempt::StopMode;
use crate::run_dir::attempt::{AttemptDir, Command};
use crate::run_dir::trial::Folders;
use crate::scheduler::Input;
use crate::slots::{Lease, Unavailable};
use experiments::protocol::trial_id::TrialId;

/// How long a trial's reason to wait stays as it is said while only amounts in it change.
const REPEAT: Duration = Duration::from_mins(1);

/// Whether a trial can be started now.
enum Room {
    /// It can, with this lease of this machine, or on a cluster, which gives its nodes out itself.
    Enough(Option<Lease>),
    /// This is missing.
    Short(Unavailable),
    /// Nobody can tell, for this reason.
    Unknown(String),
}

impl Supervisor {
    /// Starts trials in their turn, as long as there is room.
    pub(super) async fn start_what_fits(
        &mut self,
        display: &mut Display,
    ) -> Result<(), SupervisorError> {
        while let Some(next) = self.core.next(self.elapsed_ms()).cloned() {
            if let Err(reason) = self.lease(&next, display)? {
                return self.tell(Input::Blocked(next, reason), display).await;
            }
            self.tell(Input::Leased(next), display).await?;
        }
        Ok(())
    }

    /// Leases what a trial needs, or says why it has to wait; a cluster leases its nodes itself.
    /// Amounts and process ids in the words change all the time and are not worth a line in the
    /// journal each.
    fn lease(
        &mut self,
        trial: &TrialId,
        display: &mut Display,
    ) -> Result<Result<(), String>, SupervisorError> {
        let unavailable = match self.room(trial)? {
            Room::Enough(lease) => {
                (self.lease, self.unavailable) = (lease, None);
                return Ok(Ok(()));
            }
            Room::Short(unavailable) => unavailable,
            Room::Unknown(why) => {
                display.cannot_start(&why);
                return Ok(Err(why));
            }
        };
        let said = self.unavailable.take().filter(|(said, _)| said.is_like(&unavailable));
        // As long as something runs, it is no wonder that something waits.
        if said.is_none() && (unavailable.is_of_disk() || self.core.active().next().is_none()) {
            display.waiting(&unavailable);
        }
        let said = said.filter(|(_, since)| since.elapsed() < REPEAT);
        let (said, _) = self.unavailable.insert(said.unwrap_or((unavailable, Instant::now())));
        Ok(Err(said.to_string()))
    }

    fn room(&mut self, trial: &TrialId) -> Result<Room, SupervisorError> {
        let mut request = self.request.clone();
        if let Some(free) =
            disk_space::free(self.dir.path()).filter(|f| *f < request.resources.disk)
        {
            let unavailable = Unavailable::of_disk(&request.resources, free, self.dir.path());
            return Ok(Room::Short(unavailable));
        }
        if self.experiment.run.executor == Executor::Slurm {
            return Ok(self
                .slurm
                .accepts_jobs()
                .map_or_else(Room::Unknown, |()| Room::Enough(None)));
        }
        let inventory = match self.machine.read_inventory() {
            Ok(inventory) => inventory,
            Err(error) => return Ok(Room::Unknown(error.to_string())),
        };
        if self.core.needs_whole_gpus(trial) {
            request.resources.share = Share::WHOLE;
        }
        let lease = self.slots.try_lease(&inventory, &request)?;
        Ok(lease.map_or_else(Room::Short, |lease| Room::Enough(Some(lease))))
    }

    /// Prepares the attempt and starts its holder with the slots that were leased for it, or gives it
    /// to the cluster.
    pub(super) fn start(&mut self, id: &TrialId, number: u32) -> anyhow::Result<()> {
        let lease = self.lease.take();
        let trial = &self.trials[id];
        let folder = std::path::absolute(self.dir.trial(id))?;
        let spec = self.spec(trial);
        for below in [&spec.checkpoints, &spec.artifacts] {
            fs_err::create_dir_all(folder.join(below))?;
        }
        atomic_file::write_json(&folder.join(FILE_NAME), &spec)?;

        let attempt = AttemptDir::new(&folder, number);
        let mut env = environment(&spec, &folder, &attempt, number);
        let granted = lease.as_ref().map(Lease::granted).cloned().unwrap_or_default();
        if lease.is_some() || self.experiment.run.resources.gpus == 0 {
            // A cluster says itself which GPUs it gives.
            env.insert("CUDA_VISIBLE_DEVICES".to_owned(), granted.cuda_visible_devices());
        }
        let mut argv = self.experiment.run.worker.command.clone();
        let program = worker_program::find(&argv[0])?;
        argv[0] = program.to_string_lossy().into_owned();
        attempt.prepare(&Command {
            argv,
            cwd: std::env::current_dir()?,
            env,
            grace_secs: self.experiment.run.worker.grace.0.as_secs_f64(),
            time_limit_secs: self.experiment.run.resources.time.map(|limit| limit.0.as_secs_f64()),
        })?;
        atomic_file::write_json(&attempt.provenance(), &self.recorder.record(&program, &granted))?;
        let attempt = self.attempt(id, number);
        match lease {
            None => self.slurm.start(&attempt),
            Some(lease) => {
                self.local.start(&attempt, lease)?;
                self.holders.insert(attempt, HolderState::Lives);
            }
        }
        Ok(())
    }

    /// Asks the attempt's holder to end it.
    pub(super) fn stop(
        &mut self,
        id: &TrialId,
        number: u32,
        mode: StopMode,
    ) -> Result<(), FileError> {
        let attempt = self.attempt(id, number);
        self.slurm.cancel(&attempt, mode);
        let asked = match mode {
            StopMode::Graceful => attempt.request_stop(),
            StopMode::Immediate => attempt.request_kill(),
        };
        match asked {
            // It was written down and never prepared: no holder will come.
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(()),
            asked => asked.map_err(|source| FileError::Write { path: attempt.stop(), source }),
        }
    }

    fn spec(&self, trial: &ResolvedTrial) -> Trial {
        let Folders { checkpoints, artifacts } = Folders::of(&self.dir.trial(&trial.id));
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

/// What the worker is told in its environment.
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
