//! Arguments of the verbs that help to write an experiment file.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::cli::completion;

/// Arguments of `orch init`.
#[derive(Debug, Args)]
pub(crate) struct Init {
    /// The folder to write to; made if it is missing.
    #[arg(value_name = "DIR", default_value = ".")]
    pub(crate) folder: PathBuf,
    /// The kind of script.
    #[command(flatten)]
    pub(crate) script: ScriptKind,
}

/// The kind of script that `orch init` writes.
#[derive(Debug, Args)]
#[group(multiple = false)]
pub(crate) struct ScriptKind {
    /// A script in plain Python whose output has the values; the default.
    #[arg(long)]
    pub(crate) python: bool,
    /// A training in PyTorch that saves checkpoints and resumes.
    #[arg(long)]
    pub(crate) pytorch: bool,
    /// A shell script.
    #[arg(long)]
    pub(crate) shell: bool,
}

/// Arguments of `orch completions`.
#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// The shell.
    pub(crate) shell: ShellName,
}

/// A shell that can complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ShellName {
    /// GNU's shell.
    Bash,
    /// The Z shell.
    Zsh,
    /// The friendly interactive shell.
    Fish,
}

/// Arguments of `orch validate`.
#[derive(Debug, Args)]
pub(crate) struct Validate {
    /// The experiment file.
    #[arg(add = completion::file())]
    pub(crate) file: PathBuf,
    /// Profile to check; the file's first if absent.
    #[arg(short, long, value_name = "NAME", add = completion::profile())]
    pub(crate) profile: Option<String>,
    /// Leaves out the check of the file's worker, its code and this machine, so that no program is run.
    #[arg(long)]
    pub(crate) no_check: bool,
    /// Prints one JSON object, for editors.
    #[arg(long)]
    pub(crate) json: bool,
}
