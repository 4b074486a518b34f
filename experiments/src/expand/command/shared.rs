//! Files of `worker.metrics` that several trials would write.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::values::{Folders, Values};
use crate::expand::findings::Findings;
use crate::expand::run::Run;
use crate::expand::trial::ResolvedTrial;
use crate::yaml::source::FileError;

impl Run {
    /// An error if two of `trials` would write the same file of `worker.metrics`: while both run, each
    /// would be given the other's values, too.
    pub fn check_shared_sources(&self, trials: &[ResolvedTrial]) -> Result<(), FileError> {
        let worker = &self.config.worker;
        let mut findings = Findings::new(&self.source);
        for (i, source) in worker.metrics.iter().enumerate().filter(|(_, source)| source.is_path())
        {
            let mut by_path = BTreeMap::<PathBuf, &ResolvedTrial>::new();
            for trial in trials {
                let folder = PathBuf::from("/").join(&trial.id.0);
                let folders = Folders {
                    file: self.config.folder.clone(),
                    attempt: folder.join("attempt"),
                    checkpoints: folder.join("checkpoints"),
                    artifacts: folder.join("artifacts"),
                    trial: folder,
                };
                let values = Values { trial, cpus: self.config.resources.cpus, folders: &folders };
                let directory = values.directory(worker);
                let Some(other) = by_path.insert(directory.join(values.fill(&source.text)), trial)
                else {
                    continue;
                };
                let message = format!(
                    "`{}` and `{}` would both write `{}`, and each would be given the other's values",
                    other.id, trial.id, source.text
                );
                let hint = "give each its own: a path with `{attempt.dir}`, passed to the program in \
                        `command`, or `directory: \"{attempt.dir}\"`, where the program writes below \
                        its working directory; or run one trial at a time, `-j 1`";
                let pointer = format!("/worker/metrics/{i}/{}", source.kind.key());
                findings.advise(&pointer, message, hint);
                break;
            }
        }
        findings.into_result()
    }
}
