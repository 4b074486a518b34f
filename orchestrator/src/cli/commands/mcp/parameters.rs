//! Parameters that several tools have. Their documentation is what a client reads.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

/// The run: `table1.demo`, or `table1` for its latest profile; `ls` lists them. The last one if absent.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub(super) struct RunName(pub(super) String);

/// The start of a trial's id, `variant=NAME`, `seed=N` or `state=STATE`, or several of these with commas between.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub(super) struct Trials(pub(super) String);

/// Path of the experiment file, below the folder that the server was started in.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub(super) struct ExperimentFile(pub(super) PathBuf);

/// Profile of the file; its first if absent.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub(super) struct Profile(pub(super) String);
