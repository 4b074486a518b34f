//! `env.json`: the machine and the environment that a worker ran in.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::platform::host::Host;

/// The machine and the environment of a worker, for people who compare two attempts. No decision
/// depends on it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Environment {
    /// The machine that it ran on.
    pub host: Host,
    /// Release of its kernel; empty in older records.
    #[serde(default)]
    pub(crate) kernel: String,
    /// Model of its processor; `None` where the system does not tell.
    #[serde(default)]
    pub(crate) cpu_model: Option<String>,
    /// The worker's working directory.
    pub(crate) cwd: PathBuf,
    /// The variables that can make a difference to a worker and are not secret.
    pub variables: BTreeMap<String, String>,
    /// Names of all other variables that the worker was given.
    #[serde(default)]
    pub unrecorded: Vec<String>,
}

/// Words in a variable's name by which its value is taken for a secret.
const SECRET_WORDS: [&str; 7] = ["TOKEN", "SECRET", "PASS", "CREDENTIAL", "KEY", "AUTH", "JWT"];

/// True if the value of the variable `name` may be a secret, so that it is not recorded.
pub(crate) fn is_secret(name: &str) -> bool {
    let name = name.to_uppercase();
    SECRET_WORDS.iter().any(|word| name.contains(word))
}
