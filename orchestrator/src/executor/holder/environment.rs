//! The worker's environment variables: the holder's own, without those of an outer attempt, and the
//! command's.

use std::collections::BTreeMap;
use std::ffi::OsString;

use experiments::protocol::trial::ENV_OF_ATTEMPTS;

use crate::platform::host::{self, Host};
use crate::run_dir::attempt::{Command, Environment, is_secret};

/// Variables that are recorded with their values: they decide which programs and libraries a worker
/// finds and how it computes.
const RECORDED: [&str; 6] = ["PATH", "LD_LIBRARY_PATH", "VIRTUAL_ENV", "LANG", "HOME", "USER"];

/// Prefixes of further ones.
const RECORDED_PREFIXES: [&str; 9] =
    ["CUDA_", "OMP_", "MKL_", "NCCL_", "PYTHON", "CONDA_", "ORCH_", "LC_", "SLURM_"];

/// `inherited` without the variables of an outer attempt, overridden by `set`. The user's other
/// settings, which may be meant for the worker, are passed on.
pub(super) fn of_worker(
    inherited: impl Iterator<Item = (OsString, OsString)>,
    set: &BTreeMap<String, String>,
) -> BTreeMap<OsString, OsString> {
    let set = set.iter().map(|(name, value)| (name.into(), value.into()));
    inherited
        .filter(|(name, _)| !ENV_OF_ATTEMPTS.iter().any(|of_attempt| name == of_attempt))
        .chain(set)
        .collect()
}

/// The record of `variables`, which the worker of `command` gets, and of this machine.
pub(super) fn record(variables: &BTreeMap<OsString, OsString>, command: &Command) -> Environment {
    let (mut recorded, mut unrecorded) = (BTreeMap::new(), Vec::new());
    for (name, value) in variables {
        let name = name.to_string_lossy().into_owned();
        if (is_recorded(&name) || command.env.contains_key(&name)) && !is_secret(&name) {
            recorded.insert(name, value.to_string_lossy().into_owned());
        } else {
            unrecorded.push(name);
        }
    }
    Environment {
        host: Host::this().clone(),
        kernel: host::kernel(),
        cpu_model: host::cpu_model(),
        cwd: command.cwd.clone(),
        variables: recorded,
        unrecorded,
    }
}

fn is_recorded(name: &str) -> bool {
    RECORDED.contains(&name) || RECORDED_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
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
    fn values_are_recorded_by_name_and_of_the_rest_the_name_alone() {
        let inherited = ["PATH", "CUDA_HOME", "CONDA_TOKEN", "SLURM_JWT", "EDITOR", "AWS_SECRET"];
        let set = ["MODE", "API_KEY"];
        let variables = inherited.iter().chain(&set).map(|n| (n.into(), "value".into())).collect();
        let command = Command {
            env: set.map(|name| (name.to_owned(), "value".to_owned())).into(),
            ..Command::default()
        };
        let Environment { variables, unrecorded, .. } = record(&variables, &command);
        assert_eq!(variables.keys().collect::<Vec<_>>(), ["CUDA_HOME", "MODE", "PATH"]);
        assert_eq!(unrecorded, ["API_KEY", "AWS_SECRET", "CONDA_TOKEN", "EDITOR", "SLURM_JWT"]);
    }
}
