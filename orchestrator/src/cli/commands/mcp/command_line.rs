//! The command line of a verb, put together so that no value of a client can become a flag.

use std::ffi::OsString;
use std::fmt::Display;
use std::path::Path;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use super::folders::{Folders, OutOfReach};
use super::parameters::{ExperimentFile, RunName};

/// The arguments of a tool. The documentation of the type is the tool's description, that of its fields
/// describes the arguments.
pub(super) trait Arguments: DeserializeOwned + JsonSchema + 'static {
    /// The verb that is run.
    const VERB: &'static str;

    /// Adds the arguments to the verb's command line.
    fn fill<'a>(&self, line: CommandLine<'a>) -> Result<CommandLine<'a>, Refusal>;
}

/// A call that no verb is run for.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    /// The arguments are not those of the tool.
    #[error("{0}")]
    Arguments(#[from] serde_json::Error),
    /// A path leads elsewhere.
    #[error(transparent)]
    Path(#[from] OutOfReach),
    /// A run is needed, as it was planned, and not a file as it is now.
    #[error("`{name}` is a file: give the name of its run; `ls` lists them")]
    File {
        /// The file.
        name: String,
    },
    /// A word would take the place of the first run.
    #[error("`other_run` is the run of trial `b`: give `run`, too, for trial `a`")]
    OtherRunAlone,
    /// Trials are selected in two ways, or in none.
    #[error("give either `trial` or `{flag}: true`")]
    Selection {
        /// The argument that selects in place of `trial`.
        flag: &'static str,
    },
}

/// Arguments of this program: flags as `--name` or `--name=value`, and then `--` and words.
#[derive(Debug)]
pub(super) struct CommandLine<'a> {
    folders: &'a Folders,
    verb: &'static str,
    flags: Vec<OsString>,
    words: Vec<OsString>,
}

impl<'a> CommandLine<'a> {
    /// The verb without arguments.
    pub(super) fn new(verb: &'static str, folders: &'a Folders) -> Self {
        Self { folders, verb, flags: Vec::new(), words: Vec::new() }
    }

    /// Adds a flag.
    pub(super) fn flag(self, name: &str) -> Self {
        self.flag_if(name, true)
    }

    /// Adds a flag, if it `is_set`.
    pub(super) fn flag_if(mut self, name: &str, is_set: bool) -> Self {
        self.flags.extend(is_set.then(|| name.into()));
        self
    }

    /// Adds an option for each of `values`, which verbs do not read as paths.
    pub(super) fn options(
        mut self,
        name: &str,
        values: impl IntoIterator<Item = impl Display>,
    ) -> Self {
        self.flags.extend(values.into_iter().map(|value| format!("{name}={value}").into()));
        self
    }

    /// Adds an option that names a run, if one is named.
    pub(super) fn run_option(self, name: &str, run: Option<&RunName>) -> Result<Self, Refusal> {
        run.map(|run| self.folders.check_run(&run.0)).transpose()?;
        Ok(self.options(name, run.map(|run| &run.0)))
    }

    /// Adds a word that verbs do not read as a path.
    pub(super) fn word(mut self, word: &str) -> Self {
        self.words.push(word.into());
        self
    }

    /// Adds a word that verbs may read as a path.
    pub(super) fn name(self, name: &str) -> Result<Self, Refusal> {
        self.folders.check_name(name)?;
        Ok(self.word(name))
    }

    /// Adds the run, if one is named.
    pub(super) fn run(self, run: Option<&RunName>) -> Result<Self, Refusal> {
        let Some(RunName(run)) = run else { return Ok(self) };
        self.folders.check_run(run)?;
        Ok(self.word(run))
    }

    /// Adds the experiment file.
    pub(super) fn file(mut self, ExperimentFile(file): &ExperimentFile) -> Result<Self, Refusal> {
        self.folders.check(file)?;
        self.words.push(file.into());
        Ok(self)
    }

    /// All arguments of this program, with the flags of every verb.
    pub(super) fn into_arguments(self) -> Vec<OsString> {
        let mut runs = OsString::from("--runs=");
        runs.push(self.folders.runs());
        let mut arguments = vec![runs, "--color=never".into(), self.verb.into()];
        arguments.extend(self.flags);
        arguments.push("--".into());
        arguments.extend(self.words);
        arguments
    }
}

impl Folders {
    /// An error where `run` is a path out of reach, or an experiment file, which some verbs accept as well.
    fn check_run(&self, run: &str) -> Result<(), Refusal> {
        let extension = Path::new(run).extension();
        if extension.is_some_and(|extension| extension == "yaml" || extension == "yml") {
            return Err(Refusal::File { name: run.to_owned() });
        }
        Ok(self.check_name(run)?)
    }
}
