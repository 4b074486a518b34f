//! A real Slurm on this machine, by `scripts/slurm.sh`.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Mutex;

/// Serialises the installation of Slurm and the search for free ports.
static STARTUP: Mutex<()> = Mutex::new(());

/// A cluster of two nodes, `n1` and `n2`, ended when dropped.
pub(crate) struct Cluster {
    folder: tempfile::TempDir,
    /// Environment variables of `scripts/slurm.sh`.
    settings: Vec<(String, String)>,
}

impl Cluster {
    /// Starts one. Where that is impossible, prints the reason and ends this program, all of whose
    /// tests need one.
    pub(crate) fn up(settings: &[(&str, &str)]) -> Self {
        let _turn = STARTUP.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let folder = tempfile::Builder::new().prefix("slurm").tempdir().unwrap();
        let settings = settings.iter().map(|(name, value)| ((*name).into(), (*value).into()));
        let settings: Vec<(String, String)> = settings.collect();
        let up = script(folder.path(), &["up"]).envs(settings.clone()).output().unwrap();
        if !up.status.success() {
            let reason = String::from_utf8_lossy(&up.stderr);
            let mut stderr = std::io::stderr();
            writeln!(stderr, "skipped, since Slurm cannot run here:\n{reason}").unwrap();
            std::process::exit(0);
        }
        Self { folder, settings }
    }

    /// Restarts killed daemons and nodes.
    pub(crate) fn restart(&self) {
        let mut script = script(self.folder.path(), &["up"]);
        assert_success(&script.envs(self.settings.clone()).output().unwrap());
    }

    /// Kills a daemon alone, `slurmctld` or `slurmd-n1`.
    pub(crate) fn kill(&self, daemon: &str) {
        assert_success(&script(self.folder.path(), &["kill", daemon]).output().unwrap());
    }

    /// Cuts the power of a node: kills its daemon and its jobs.
    pub(crate) fn power_off(&self, node: &str) {
        assert_success(&script(self.folder.path(), &["cut", node]).output().unwrap());
    }

    /// The path of `slurm.conf`.
    pub(crate) fn config(&self) -> String {
        self.folder.path().join("slurm.conf").to_str().unwrap().to_owned()
    }

    /// Runs one of Slurm's programs to its end.
    pub(crate) fn call(&self, program: &str, arguments: &[&str]) -> String {
        let mut command = Command::new(program);
        let output = command.args(arguments).env("SLURM_CONF", self.config()).output().unwrap();
        assert_success(&output);
        String::from_utf8(output.stdout).unwrap()
    }

    /// The jobs in the queue, each as `state|nodes|id`.
    pub(crate) fn jobs(&self) -> Vec<String> {
        let jobs = self.call("squeue", &["--noheader", "--array", "--format=%T|%N|%F_%K"]);
        jobs.lines().map(str::to_owned).collect()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let _ = script(self.folder.path(), &["down"]).output();
    }
}

/// `scripts/slurm.sh VERB FOLDER …`.
fn script(folder: &Path, arguments: &[&str]) -> Command {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../scripts/slurm.sh");
    let mut command = Command::new(path);
    command.arg(arguments[0]).arg(folder).args(&arguments[1..]);
    command
}

#[track_caller]
fn assert_success(output: &Output) {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
