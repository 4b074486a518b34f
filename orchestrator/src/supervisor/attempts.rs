//! Starting and stopping one attempt: what its folder must hold, and what its worker is told.

use std::collections::BTreeMap;
use std::path::Path;

use experiments::trial::{
    ENV_ARTIFACTS, ENV_ATTEMPT, ENV_CHECKPOINTS, ENV_EVENTS, ENV_EXPERIMENT, ENV_SEED, ENV_TRIAL,
    ENV_VARIANT, FILE_NAME, Trial,
};

use super::{Supervisor, SupervisorError};
use crate::attempt::{AttemptDir, Command};
use crate::core::TrialId;
use crate::durable;
use crate::plan::PlanTrial;
use crate::programs;

impl Supervisor {
    /// Prepares the attempt and starts its holder with the slots that were leased for it.
    pub(super) fn start(&mut self, id: &TrialId, number: u32) -> anyhow::Result<()> {
        let lease = self.lease.take().expect("the core starts what was leased for");
        let trial = &self.trials[id];
        let folder = std::path::absolute(self.dir.trial(id))?;
        let spec = self.spec(id, trial);
        for below in [&spec.checkpoints, &spec.artifacts] {
            fs_err::create_dir_all(folder.join(below))?;
        }
        durable::write_json(&folder.join(FILE_NAME), &spec)?;

        let attempt = AttemptDir::new(&folder, number);
        let mut env = environment(&spec, &folder, &attempt, number);
        env.insert("CUDA_VISIBLE_DEVICES".to_owned(), lease.cuda_visible_devices());
        let mut argv = self.run.worker.command.clone();
        argv[0] = programs::find(&argv[0])?.to_string_lossy().into_owned();
        attempt.prepare(&Command {
            argv,
            cwd: std::env::current_dir()?,
            env,
            grace_secs: self.run.worker.grace.0.as_secs_f64(),
            time_limit_secs: self.run.resources.time.map(|limit| limit.0.as_secs_f64()),
        })?;
        self.local.start(&attempt, lease)?;
        Ok(())
    }

    /// Asks the attempt's holder to end it, with a checkpoint or at once.
    pub(super) fn stop(
        &self,
        id: &TrialId,
        number: u32,
        at_once: bool,
    ) -> Result<(), SupervisorError> {
        let attempt = self.attempt(id, number);
        let asked = if at_once { attempt.request_kill() } else { attempt.request_stop() };
        let path = attempt.stop();
        Ok(asked.map_err(|source| durable::FileError::Write { path, source })?)
    }

    fn spec(&self, id: &TrialId, trial: &PlanTrial) -> Trial {
        Trial {
            orch: experiments::file::VERSION,
            id: id.0.clone(),
            experiment: self.run.experiment.clone(),
            profile: self.run.profile.clone(),
            variant: trial.frozen.variant.clone(),
            seed: trial.frozen.seed,
            cpus: self.run.resources.cpus,
            config: trial.frozen.config.clone(),
            checkpoints: "checkpoints".into(),
            artifacts: "artifacts".into(),
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
