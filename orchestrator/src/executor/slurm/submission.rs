//! One submission: its folder below `slurm/` of the run, its batch script, and `sbatch`'s options.

use std::path::{Path, PathBuf};

use experiments::schema::executor::Slurm;
use experiments::schema::resources::Resources;

use crate::platform::atomic_file::{self, FileError};
use crate::platform::shell::quoted;
use crate::run_dir::attempt::AttemptDir;

/// An array of jobs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Submission {
    folder: PathBuf,
    run: PathBuf,
    name: String,
}

impl Submission {
    /// `run` is the absolute path of the run's folder.
    pub(super) fn new(run: &Path, name: &str) -> Self {
        Self { folder: run.join("slurm").join(name), run: run.to_owned(), name: name.to_owned() }
    }

    /// Writes the script and the list of the attempts' folders, one per line.
    pub(super) fn prepare(
        &self,
        attempts: &[AttemptDir],
        orch: &Path,
        slurm: &Slurm,
    ) -> Result<(), FileError> {
        fs_err::create_dir_all(&self.folder)
            .map_err(|source| FileError::Write { path: self.folder.clone(), source })?;
        let folders = attempts.iter().map(|attempt| {
            let path = attempt.path();
            path.strip_prefix(&self.run).unwrap_or(path).to_string_lossy() + "\n"
        });
        atomic_file::write(&self.folder.join("attempts"), folders.collect::<String>().as_bytes())?;
        atomic_file::write(&self.script(), self.script_text(orch, slurm).as_bytes())
    }

    fn script(&self) -> PathBuf {
        self.folder.join("script.sh")
    }

    /// The output of the jobs' scripts, which is empty if all is well.
    fn log(&self) -> PathBuf {
        self.folder.join("log")
    }

    /// Ends in `exec`, so that Slurm's signals reach the holder.
    fn script_text(&self, orch: &Path, slurm: &Slurm) -> String {
        let path = |path: &Path| quoted(&path.to_string_lossy());
        let setup: String = slurm.setup.iter().flat_map(|line| [line.as_str(), "\n"]).collect();
        format!(
            "#!/bin/bash\n\
             # A job of `{}`: runs the attempt that its index in the array names.\n\
             {setup}\
             attempt=$(sed -n \"$((SLURM_ARRAY_TASK_ID + 1))p\" {})\n\
             exec {} hold {}/\"$attempt\"\n",
            self.name,
            path(&self.folder.join("attempts")),
            path(orch),
            path(&self.run),
        )
    }

    /// The arguments of `sbatch` for an array of `jobs`.
    pub(super) fn arguments(
        &self,
        jobs: usize,
        slurm: &Slurm,
        resources: &Resources,
        grace_secs: u64,
    ) -> Vec<String> {
        let options = options(slurm, resources, grace_secs);
        let always = [
            "--parsable".to_owned(),
            format!("--array=0-{}", jobs - 1),
            format!("--job-name={}", self.name),
            // A percent sign would start a filename pattern.
            format!("--output={}", self.log().to_string_lossy().replace('%', "%%")),
            "--open-mode=append".to_owned(),
        ];
        let script = self.script().to_string_lossy().into_owned();
        always.into_iter().chain(options).chain([script]).collect()
    }
}

/// The options of `sbatch` for a job's resources, limits and signals.
pub(super) fn options(slurm: &Slurm, resources: &Resources, grace_secs: u64) -> Vec<String> {
    let minutes = minutes(slurm, resources, grace_secs);
    let gpus = (resources.gpus > 0).then(|| format!("gpu:{}", resources.gpus));
    let optional = [
        ("partition", slurm.partition.clone()),
        ("account", slurm.account.clone()),
        ("qos", slurm.qos.clone()),
        ("constraint", slurm.constraint.clone()),
        ("gres", slurm.gres.clone().or(gpus)),
        ("time", minutes.map(|minutes| minutes.to_string())),
    ];
    let optional =
        optional.into_iter().filter_map(|(name, value)| Some(format!("--{name}={}", value?)));
    let always = [
        "--no-requeue".to_owned(),
        "--export=ALL".to_owned(),
        "--nodes=1".to_owned(),
        "--ntasks=1".to_owned(),
        format!("--cpus-per-task={}", resources.cpus),
        format!("--signal=B:USR1@{}", warning_secs(minutes, grace_secs)),
    ];
    always.into_iter().chain(optional).chain(slurm.extra.iter().cloned()).collect()
}

/// Slurm sends a warning signal up to so many seconds early (`sbatch --signal`).
const WARNED_EARLY_SECS: u64 = 60;

/// The time limit of a job: the file's, else one that leaves an attempt its own and its grace before the
/// warning signal.
fn minutes(slurm: &Slurm, resources: &Resources, grace_secs: u64) -> Option<u64> {
    let of_jobs = slurm.time.map(|time| time.0.as_secs());
    let of_attempts = resources.time.map(|time| {
        // A part of a second counts as one.
        let own_secs = time.0.as_secs() + 1 + grace_secs;
        own_secs + warning_secs(None, grace_secs) + WARNED_EARLY_SECS
    });
    of_jobs.or(of_attempts).map(|secs| secs.div_ceil(60))
}

/// Time between the warning signal and a job's limit: enough for a checkpoint, and at most half of the
/// job.
fn warning_secs(minutes: Option<u64>, grace_secs: u64) -> u64 {
    // Slurm's own maximum.
    let enough = (grace_secs + 30).min(65_535);
    minutes.map_or(enough, |minutes| enough.min(minutes * 30))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    fn optional(slurm: &str, resources: &str) -> Vec<String> {
        let slurm = serde_json::from_str(slurm).unwrap();
        let resources = serde_json::from_str(resources).unwrap();
        options(&slurm, &resources, 30).split_off(4)
    }

    #[test]
    fn options_follow_from_the_file() {
        assert_eq!(optional("{}", "{}"), ["--cpus-per-task=1", "--signal=B:USR1@60"]);
        let slurm = r#"{"partition": "gpu", "qos": "long", "time": "2h", "extra": ["--mem=8G"]}"#;
        assert_eq!(
            optional(slurm, r#"{"gpus": 2, "cpus": 4, "time": "1h"}"#),
            [
                "--cpus-per-task=4",
                "--signal=B:USR1@60",
                "--partition=gpu",
                "--qos=long",
                "--gres=gpu:2",
                "--time=120",
                "--mem=8G"
            ]
        );
        assert_eq!(
            optional(r#"{"gres": "shard:3"}"#, r#"{"gpus": 1, "time": "10m"}"#)[2..],
            // Ten minutes and half a minute of grace, then a warning of one, which comes one early.
            ["--gres=shard:3", "--time=13"]
        );
        // At least half of a short job is for work.
        assert_eq!(optional(r#"{"time": "1m"}"#, "{}")[1], "--signal=B:USR1@30");
    }

    #[test]
    fn the_warning_comes_after_the_time_limit_of_an_attempt() {
        for (time, grace_secs) in [(0.5, 0), (0.5, 30), (59.0, 1), (600.0, 30), (3600.0, 300)] {
            let resources: Resources =
                serde_json::from_str(&format!(r#"{{"time": "{time}s"}}"#)).unwrap();
            let minutes = minutes(&Slurm::default(), &resources, grace_secs);
            let warned = minutes.unwrap() * 60 - warning_secs(minutes, grace_secs) - 60;
            assert!(warned as f64 >= time + grace_secs as f64, "{time}, {grace_secs}: {warned}");
        }
    }

    #[test]
    fn the_script_runs_the_attempt_of_its_index_whatever_characters_paths_have() {
        let folder = tempfile::tempdir().unwrap();
        let run = folder.path().join("it's $HOME, run");
        let submission = Submission::new(&run, "trip-1");
        let attempts =
            ["a-s0-1", "b-s0-2"].map(|id| AttemptDir::new(&run.join("trials").join(id), 1));
        // Stands for `orch`: prints its arguments.
        let orch = folder.path().join("or ch");
        std::fs::write(&orch, "#!/bin/sh\nprintf '%s\\n' \"$FROM_SETUP\" \"$@\"\n").unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(&orch, mode).unwrap();
        let slurm = Slurm { setup: vec!["export FROM_SETUP=yes".to_owned()], ..Slurm::default() };
        submission.prepare(&attempts, &orch, &slurm).unwrap();
        for (index, attempt) in attempts.iter().enumerate() {
            let mut bash = Command::new("bash");
            bash.arg(submission.script()).env("SLURM_ARRAY_TASK_ID", index.to_string());
            let output = String::from_utf8(bash.output().unwrap().stdout).unwrap();
            assert_eq!(output, format!("yes\nhold\n{}\n", attempt.path().display()));
        }
    }
}
