//! The files of a bundle that the records vouch for, those that only the manifest does, and those that do
//! not belong to the run.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::{BundleError, Contents, DESCRIPTION, Kind, REPORT, RO_CRATE, Selection, Unpacked};
use crate::run_dir::attempt::AttemptDir;
use crate::store::Store;

/// The files by what vouches for them.
#[derive(Debug, Default)]
pub(crate) struct Coverage {
    /// Files that a seal, the journal or a recorded hash vouches for.
    pub(crate) sealed: usize,
    /// Files that only the manifest vouches for: logs, checkpoints, and the records of attempts without a
    /// seal.
    pub(crate) manifest_only: Vec<String>,
    /// A sentence for each file that does not belong to the run, or is not the one that its attempt recorded.
    pub(crate) strangers: Vec<String>,
}

/// Every kind of files.
const KINDS: [Kind; 3] = [Kind::Logs, Kind::Checkpoints, Kind::Artifacts];

impl Coverage {
    /// The files of `bundle`, whose records are in `store`. The report and the descriptions of the bundle,
    /// which are made again, are not among them.
    pub(crate) async fn of(bundle: &Unpacked, store: &mut Store) -> Result<Self, BundleError> {
        let run = bundle.run();
        let every = Selection { with: KINDS.into(), ..Selection::default() };
        let known = Contents::of_run(run, store, &every).await?.files;
        let mut seals = Seals::default();
        seals
            .names
            .extend(["experiment.yaml", "resolved.yaml", "journal.jsonl"].map(str::to_owned));
        for trial in store.trials_without_origins().await? {
            for detail in store.attempts_of(&trial.id).await? {
                let attempt = run.attempt(&trial.id, detail.number);
                seals.read(&attempt, &format!("trials/{}", trial.id));
            }
        }
        let mut coverage = Self::default();
        for (name, sha256) in &bundle.hashes {
            let is_made_again = [DESCRIPTION, RO_CRATE].contains(&name.as_str())
                || name.split_once('/').is_some_and(|(folder, _)| folder == REPORT);
            if is_made_again {
                continue;
            }
            if !known.contains_key(name) {
                coverage.strangers.push(format!("`{name}` does not belong to the run"));
            } else if let Some(recorded) = seals.code.get(name) {
                if recorded == sha256 {
                    coverage.sealed += 1;
                } else {
                    coverage.strangers.push(format!("`{name}` is not the code that was run"));
                }
            } else if seals.names.contains(name) {
                coverage.sealed += 1;
            } else if seals.lacks(name) {
                coverage.strangers.push(format!("`{name}` is not among its attempt's files"));
            } else {
                coverage.manifest_only.push(name.clone());
            }
        }
        Ok(coverage)
    }
}

/// The seals of all attempts, by names in the bundle.
#[derive(Debug, Default)]
struct Seals {
    /// Files with a seal.
    names: BTreeSet<String>,
    /// Folders of attempts that have sealed their records.
    complete: BTreeSet<String>,
    /// The SHA-256 of files in copies of the code.
    code: BTreeMap<String, String>,
}

/// The records of an attempt that are in its seals if they exist.
const SEALED: [&str; 4] = ["command.json", "env.json", "code.diff", "events.jsonl"];

impl Seals {
    fn read(&mut self, attempt: &AttemptDir, trial: &str) {
        let name_of = |path: &Path| format!("{trial}/{}", attempt.name_of(path));
        if let Ok(Some(code)) = attempt.read_code()
            && let Some((_, copy)) = code.root.rsplit_once("/code/")
        {
            let files = code.files.into_iter();
            self.code.extend(files.map(|(path, hash)| (format!("code/{copy}/{path}"), hash)));
        }
        self.names.insert(name_of(&attempt.events()));
        if let Ok(Some(exit)) = attempt.read_exit() {
            self.names.insert(name_of(&attempt.exit()));
            if !exit.files.is_empty() {
                self.complete.insert(name_of(attempt.path()));
            }
            self.names.extend(exit.files.keys().map(|name| format!("{trial}/{name}")));
        }
    }

    /// True if `name` would have a seal if its attempt had written it.
    fn lacks(&self, name: &str) -> bool {
        name.rsplit_once('/')
            .is_some_and(|(folder, file)| self.complete.contains(folder) && SEALED.contains(&file))
    }
}
