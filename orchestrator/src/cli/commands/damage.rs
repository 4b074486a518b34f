//! Damaged records, said by every verb that reads a run: they change its exit code, and nothing is drawn
//! of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};

use experiments::protocol::exit;

use super::error::Result;
use super::output::print_message;
use crate::display::text::harmless;
use crate::platform::file_seal::FileSeal;
use crate::run_dir::{RunDir, SupervisorLock};
use crate::store::damage::Damage;
use crate::store::journal_file::{Entry, Journal};
use crate::store::rebuild::{self, Shrinkage};
use crate::store::{Store, sync};

/// Files that are named; the others are counted.
const NAMED: usize = 10;

/// Set once damage was said, for the exit code of a verb that has otherwise succeeded.
static WAS_FOUND: AtomicBool = AtomicBool::new(false);

/// A run's records are damaged.
#[derive(Debug, thiserror::Error)]
pub(super) struct DamagedRecords {
    run: String,
    damage: BTreeSet<Damage>,
}

impl DamagedRecords {
    pub(super) fn new(run: &RunDir, damage: BTreeSet<Damage>) -> Self {
        Self { run: run.name(), damage }
    }
}

impl fmt::Display for DamagedRecords {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        writeln!(f, "records of `{}` are damaged:", self.run)?;
        for damage in self.damage.iter().take(NAMED) {
            writeln!(f, "  {}", harmless(&damage.to_string()))?;
        }
        if let Some(more) = self.damage.len().checked_sub(NAMED).filter(|more| *more > 0) {
            writeln!(f, "  and {more} more")?;
        }
        f.write_str(
            "\nhint: put the files back from a copy; or run the experiment's file again with \
             `--rerun-damaged`, which runs their trials from the beginning, or with \
             `--accept-damage`, which keeps what is there and says so in every report",
        )
    }
}

/// The records of `run`, for reading. Damage changes the exit code, and is said once, however often a
/// verb that follows a run reads it.
pub(super) async fn open_records(run: &RunDir) -> Result<Store> {
    let store = sync::for_reading(run).await?;
    if !store.damage.is_empty() && !WAS_FOUND.swap(true, Ordering::Relaxed) {
        print_damage(run, &store);
    }
    Ok(store)
}

/// The records of `run`, for reading; an error if they are damaged.
pub(super) async fn open_intact(run: &RunDir) -> Result<Store> {
    let store = sync::for_reading(run).await?;
    require_intact(run, &store)?;
    Ok(store)
}

/// An error if damage was found when `store` was opened.
pub(super) fn require_intact(run: &RunDir, store: &Store) -> Result<(), DamagedRecords> {
    if store.damage.is_empty() {
        return Ok(());
    }
    Err(DamagedRecords::new(run, store.damage.clone()))
}

/// Says the damage that was found when `store` was opened.
pub(super) fn print_damage(run: &RunDir, store: &Store) {
    if let Err(damaged) = require_intact(run, store) {
        print_message(&format!("warning: {damaged}"));
    }
}

/// Makes the verb end with the exit code of damaged records, though they are so no more.
pub(super) fn keep_exit_code() {
    WAS_FOUND.store(true, Ordering::Relaxed);
}

/// The exit code of a verb that would end with `code`.
pub(super) fn exit_code(code: u8) -> u8 {
    let is_result = matches!(code, exit::OK | exit::SOME_FAILED | exit::INCOMPLETE);
    if is_result && WAS_FOUND.load(Ordering::Relaxed) { exit::DAMAGED } else { code }
}

/// Accepts `damage` for good: the files as they are become the records.
pub(super) async fn accept<'d>(
    run: &RunDir,
    store: Store,
    lock: &SupervisorLock,
    damage: impl Iterator<Item = &'d Damage>,
) -> Result<Store> {
    let mut files = BTreeMap::new();
    for Damage { path, .. } in damage {
        // A trial that the journal does not know has no record to be accepted.
        let file = run.path().join(path);
        if !file.is_dir() {
            files.insert(path.clone(), FileSeal::of(&file).ok().flatten());
        }
    }
    if files.is_empty() {
        return Ok(store);
    }
    store.close().await?;
    Journal::open(&run.journal())?.append(Entry::DamageAccepted { files })?;
    rebuild::rebuild(run, lock, Shrinkage::Accepted).await?;
    Ok(sync::for_writing(run, lock).await?)
}
