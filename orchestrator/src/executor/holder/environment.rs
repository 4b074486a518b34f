//! The worker's environment: the holder's own without what is meant for `orch`, and over it what
//! the command sets.

use std::collections::BTreeMap;
use std::ffi::OsString;

use experiments::protocol::trial::ENV_OF_ATTEMPTS;

use crate::platform::host::{self, Host};
use crate::run_dir::attempt::{Command, Environment};

/// Variables that are recorded: they decide what a worker finds and how it computes.
const RECORDED: [&str; 6] = ["PATH", "LD_LIBRARY_PATH", "VIRTUAL_ENV", "LANG", "HOME", "USER"];

/// So are those whose names begin so.
const RECORDED_STARTS: [&str; 9] =
    ["CUDA_", "OMP_", "MKL_", "NCCL_", "PYTHON", "CONDA_", "ORCH_", "LC_", "SLURM_"];

/// Words in a variable's name that mean its value is nobody's business.
const SECRET_WORDS: [&str; 7] = ["TOKEN", "SECRET", "PASS", "CREDENTIAL", "KEY", "AUTH", "JWT"];

/// What a worker gets: `inherited` without what an outer attempt was told, and then `set`. The
/// user's other settings, which may be meant for the worker, go on to it.
pub(super) fn of_worker(
    inherited: impl Iterator<Item = (OsString, OsString)>,
    set: &BTreeMap<String, String>,
) -> BTreeMap<OsString, OsString> {
    let set = set.iter().map(|(name, value)| (name.into(), value.into()));
    inherited
        .filter(|(name, _)| !ENV_OF_ATTEMPTS.iter().any(|told| name == told))
        .chain(set)
        .collect()
}

/// `variables` as they are recorded for `command`, with where we are.
pub(super) fn record(variables: &BTreeMap<OsString, OsString>, command: &Command) -> Environment {
    let (mut shown, mut unrecorded) = (BTreeMap::new(), Vec::new());
    for (name, value) in variables {
        let name = name.to_string_lossy().into_owned();
        if (makes_a_difference(&name) || command.env.contains_key(&name)) && !is_secret(&name) {
            shown.insert(name, value.to_string_lossy().into_owned());
        } else {
            unrecorded.push(name);
        }
    }
    Environment {
        host: Host::this(),
        kernel: host::kernel(),
        cpu_model: host::cpu_model(),
        cwd: command.cwd.clone(),
        variables: shown,
        unrecorded,
    }
}

fn makes_a_difference(name: &str) -> bool {
    RECORDED.contains(&name) || RECORDED_STARTS.iter().any(|start| name.starts_with(start))
}

fn is_secret(name: &str) -> bool {
    let name = name.to_uppercase();
    SECRET_WORDS.iter().any(|word| name.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_sets_variables_over_the_inherited_ones() {
        let inherited = [("PATH", "/bin"), ("ORCH_SEED", "7"), ("ORCH_CACHE", "x"), ("OMP", "8")];
        let set = BTreeMap::from([("OMP".to_owned(), "2".to_owned())]);
        let worker = of_worker(inherited.map(|(n, v)| (n.into(), v.into())).into_iter(), &set);
        let expected = [("OMP", "2"), ("ORCH_CACHE", "x"), ("PATH", "/bin")];
        assert_eq!(worker, expected.map(|(n, v)| (n.into(), v.into())).into_iter().collect());
    }

    #[test]
    fn what_makes_a_difference_is_recorded_and_of_the_rest_the_name() {
        let inherited = ["PATH", "CUDA_HOME", "CONDA_TOKEN", "SLURM_JWT", "EDITOR", "AWS_SECRET"];
        let set = ["MODE", "API_KEY"];
        let variables = inherited.iter().chain(&set).map(|n| (n.into(), "value".into())).collect();
        let command = Command {
            argv: Vec::new(),
            cwd: "/".into(),
            env: set.map(|name| (name.to_owned(), "value".to_owned())).into(),
            grace_secs: 0.0,
            time_limit_secs: None,
        };
        let Environment { variables, unrecorded, .. } = record(&variables, &command);
        assert_eq!(variables.keys().collect::<Vec<_>>(), ["CUDA_HOME", "MODE", "PATH"]);
        assert_eq!(unrecorded, ["API_KEY", "AWS_SECRET", "CONDA_TOKEN", "EDITOR", "SLURM_JWT"]);
    }
}
