//! A real Slurm on this machine, by `scripts/slurm.sh`.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Mutex;

/// One at a time installs Slurm and looks for free ports.
static COMING_UP: Mutex<()> = Mutex::new(());

/// A cluster of two nodes, `n1` and `n2`, ended when dropped.
pub(crate) struct Cluster {
    folder: tempfile::TempDir,
    /// Of `scripts/slurm.sh`.
    settings: Vec<(String, String)>,
}

impl Cluster {
    /// Brings one up; where that is impossible says so, and ends this program, all of whose tests
    /// need one.
    pub(crate) fn up(settings: &[(&str, &str)]) -> Self {
        let _turn = COMING_UP.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let folder = tempfile::Builder::new().prefix("slurm").tempdir().unwrap();
        let settings = settings.iter().map(|(name, value)| ((*name).into(), (*value).into()));
        let settings: Vec<(String, String)> = settings.collect();
        let up = script(folder.path(), &["up"]).envs(settings.clone()).output().unwrap();
        if !up.status.success() {
            let words = String::from_utf8_lossy(&up.stderr);
            let mut stderr = std::io::stderr();
            writeln!(stderr, "left out, since there can be no Slurm here:\n{words}").unwrap();
            std::process::exit(0);
        }
        Self { folder, settings }
    }

    /// Starts again what was killed.
    pub(crate) fn up_again(&self) {
        let mut script = script(self.folder.path(), &["up"]);
        ended_well(&script.envs(self.settings.clone()).output().unwrap());
    }

    /// Kills a daemon, or everything on a node (`cut`).
    pub(crate) fn strike(&self, verb: &str, what: &str) {
        ended_well(&script(self.folder.path(), &[verb, what]).output().unwrap());
    }

    /// The path of `slurm.conf`.
    pub(crate) fn config(&self) -> String {
        self.folder.path().join("slurm.conf").to_str().unwrap().to_owned()
    }

    /// Runs a program of Slurm's to its end.
    pub(crate) fn call(&self, program: &str, arguments: &[&str]) -> String {
        let mut command = Command::new(program);
        let output = command.args(arguments).env("SLURM_CONF", self.config()).output().unwrap();
        ended_well(&output);
        String::from_utf8(output.stdout).unwrap()
    }

    /// Jobs in the queue, `state|nodes|id` each.
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
fn script(folder: &Path, words: &[&str]) -> Command {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../scripts/slurm.sh");
    let mut command = Command::new(path);
    command.arg(words[0]).arg(folder).args(&words[1..]);
    command
}

#[track_caller]
fn ended_well(output: &Output) {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
