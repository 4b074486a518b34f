//! Addresses of pages. Names of runs and trials may have any character.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// All but what never needs an escape.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// The path of these parts; it ends in a slash if the last one is empty.
pub(crate) fn path(parts: &[&str]) -> String {
    parts
        .iter()
        .flat_map(|part| ["/".to_owned(), utf8_percent_encode(part, ESCAPED).to_string()])
        .collect()
}

/// The page of a run.
pub(super) fn run(run: &str) -> String {
    path(&["runs", run, ""])
}

/// The page of a trial.
pub(super) fn trial(run: &str, trial: &str) -> String {
    path(&["runs", run, "trials", trial, ""])
}

/// The list of a run's trials in this state, or of this variant, where given.
pub(super) fn trials(run: &str, state: Option<&str>, variant: Option<&str>) -> String {
    let mut address = path(&["runs", run, "trials"]);
    let conditions = [("state", state), ("variant", variant)];
    let conditions = conditions.into_iter().filter_map(|(name, value)| Some((name, value?)));
    for (mark, (name, value)) in std::iter::once('?').chain(std::iter::repeat('&')).zip(conditions)
    {
        address.push(mark);
        address.extend([name, "=", &utf8_percent_encode(value, ESCAPED).to_string()]);
    }
    address
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_name_is_one_part_of_an_address() {
        assert_eq!(run("table1.demo"), "/runs/table1.demo/");
        assert_eq!(trial("a/b", "<script>?#"), "/runs/a%2Fb/trials/%3Cscript%3E%3F%23/");
        assert_eq!(trials("a", None, Some("b&c")), "/runs/a/trials?variant=b%26c");
        assert_eq!(trials("a", Some("failed"), Some("b")), "/runs/a/trials?state=failed&variant=b");
    }
}
