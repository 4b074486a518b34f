//! The worker's environment: the holder's own without what is meant for `orch`, and over it what
//! the command sets.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;

use experiments::trial::ENV_OF_ATTEMPTS;

use crate::attempt::Environment;
use crate::host::Host;

/// Words in a variable's name that mean its value is nobody's business.
const SECRET_WORDS: [&str; 6] = ["TOKEN", "SECRET", "PASS", "CREDENTIAL", "KEY", "AUTH"];

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

/// `variables` as they are recorded, with where we are.
pub(super) fn record(variables: &BTreeMap<OsString, OsString>, cwd: &Path) -> Environment {
    let shown = variables.iter().map(|(name, value)| {
        let name = name.to_string_lossy().into_owned();
        let value =
            if is_secret(&name) { "(not recorded)".into() } else { value.to_string_lossy() };
        (name, value.into_owned())
    });
    Environment { host: Host::this(), cwd: cwd.to_owned(), variables: shown.collect() }
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
    fn secrets_are_not_recorded() {
        let names = ["HF_TOKEN", "aws_secret_access_key", "PGPASSWORD", "OMP_NUM_THREADS"];
        let variables = names.map(|n| (n.into(), "value".into())).into_iter().collect();
        let recorded = record(&variables, Path::new("/")).variables;
        let shown = recorded.iter().filter(|(_, value)| *value == "value");
        assert_eq!(shown.map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["OMP_NUM_THREADS"]);
    }
}
