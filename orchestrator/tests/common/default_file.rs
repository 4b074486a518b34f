//! The experiment file that most tests run, edited or as it is.

use std::fs;

use super::test_run::{Recorded, TestRun};

/// Two variants of twenty steps, slow enough to be interrupted half-way.
pub(crate) const FILE: &str = "\
orch: 1
name: trip
worker: {command: [fake-worker], check: [fake-worker, check], grace: 30s}
retry: {attempts: 3, backoff: 1ms}
config: {steps: 20, sleep_ms: 20, checkpoint_every: 5}
variants:
  a: {label: First}
  b: {label: Second, set: {offset: 1}}
seeds: [0]
report:
  table: {name: table, columns: [{metric: psnr, decimals: 3}]}
  figures: [{curve: {name: loss, metric: loss}}]
";

impl TestRun {
    /// A folder with [`FILE`].
    pub(crate) fn new() -> Self {
        Self::with_file(FILE)
    }

    /// A folder with [`FILE`], parts of which are replaced.
    pub(crate) fn with(changes: &[(&str, &str)]) -> Self {
        let test = Self::new();
        test.edit(changes);
        test
    }

    /// Lets every trial wait before its last step until [`Self::open_gate`], so that none ends early,
    /// however slow the machine is.
    pub(crate) fn gated(self) -> Self {
        let gate = format!("checkpoint_every: 5, wait_for: '{}'", self.path("gate").display());
        self.edit(&[("checkpoint_every: 5", &gate)]);
        self
    }

    /// Lets the trials of [`Self::gated`] end.
    pub(crate) fn open_gate(&self) {
        fs::write(self.path("gate"), "").unwrap();
    }

    /// Replaces parts of the experiment file, each of which must occur.
    pub(crate) fn edit(&self, changes: &[(&str, &str)]) {
        let mut text = fs::read_to_string(self.path("trip.yaml")).unwrap();
        for (from, to) in changes {
            assert!(text.contains(from), "`{from}` is not in the file");
            text = text.replace(from, to);
        }
        self.write(&text);
    }
}

/// The records of a run of [`FILE`] with these changes in which nothing fails.
pub(crate) fn reference_records(changes: &[(&str, &str)]) -> Recorded {
    let test = TestRun::with(changes);
    let ended = test.orch("run trip.yaml");
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    test.recorded()
}
