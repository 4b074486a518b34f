//! Taking slots: all that a trial needs or none, without waiting for any.

use std::env;
use std::fs::{File, TryLockError};
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use experiments::resources::Resources;

use super::inventory::{Gpu, Inventory};
use crate::host::Host;

/// Lock files per GPU.
const PARTS: u8 = 12;

/// The folder of this machine's lock files.
#[derive(Debug, Clone)]
pub struct Slots {
    folder: PathBuf,
}

/// Slots that are ours while this value lives, or, once a worker was started with it, while that
/// worker or anything it started lives.
#[derive(Debug)]
pub struct Lease {
    locks: Vec<File>,
    gpus: Vec<String>,
}

/// Slots cannot be looked at.
#[derive(Debug, thiserror::Error)]
pub enum SlotError {
    /// Nobody says where this user's state is kept.
    #[error("there is no folder for slots: set `HOME`, `XDG_STATE_HOME` or `ORCH_STATE_DIR`")]
    NoFolder,
    /// A lock file cannot be opened or locked.
    #[error("cannot take the slot `{}`", path.display())]
    File {
        /// The lock file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl Slots {
    /// This user's slots on this machine: `$ORCH_STATE_DIR`, or else `orch/` in
    /// `$XDG_STATE_HOME` or `~/.local/state`, and there `slots/<machine>/`.
    pub fn of_this_machine() -> Result<Self, SlotError> {
        let set = |name| env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
        let state = set("ORCH_STATE_DIR")
            .or_else(|| set("XDG_STATE_HOME").map(|home| home.join("orch")))
            .or_else(|| set("HOME").map(|home| home.join(".local/state/orch")))
            .ok_or(SlotError::NoFolder)?;
        Ok(Self::at(state.join("slots").join(Host::this().id())))
    }

    /// Slots with their lock files in `folder`.
    pub fn at(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// Takes what `wanted` asks for, preferring the GPUs that are least in use; `None` if it is
    /// not free now.
    pub fn try_lease(
        &self,
        inventory: &Inventory,
        wanted: &Resources,
    ) -> Result<Option<Lease>, SlotError> {
        let at = |path: &Path, source| SlotError::File { path: path.to_owned(), source };
        std::fs::create_dir_all(&self.folder).map_err(|e| at(&self.folder, e))?;
        // One at a time, for the moment that taking needs: two that each took a part of what both
        // want would both get nothing. Whether a slot is free is for its own lock to say.
        let turn = self.open("turn")?;
        turn.lock().map_err(|e| at(&self.folder.join("turn"), e))?;

        let mut locks = self.free((0..inventory.cpus).map(|core| format!("cpu.{core}")))?;
        if locks.len() < wanted.cpus as usize {
            return Ok(None);
        }
        locks.truncate(wanted.cpus as usize);
        let mut lease = Lease { locks, gpus: Vec::new() };
        if wanted.gpus > 0 && !self.add_gpus(&mut lease, inventory, wanted)? {
            return Ok(None);
        }
        Ok(Some(lease))
    }

    fn add_gpus(
        &self,
        lease: &mut Lease,
        inventory: &Inventory,
        wanted: &Resources,
    ) -> Result<bool, SlotError> {
        let share = usize::from(wanted.share.twelfths());
        let mut candidates: Vec<(&Gpu, Vec<File>)> = Vec::new();
        for gpu in &inventory.gpus {
            let parts = self.free((0..PARTS).map(|part| format!("{}.{part}", gpu.uuid)))?;
            if parts.len() >= share {
                candidates.push((gpu, parts));
            }
        }
        // Stable: of equals the first.
        candidates.sort_by_key(|(_, parts)| std::cmp::Reverse(parts.len()));
        candidates.truncate(wanted.gpus as usize);
        let found = candidates.len() == wanted.gpus as usize;
        for (gpu, parts) in candidates {
            lease.gpus.push(gpu.uuid.clone());
            lease.locks.extend(parts.into_iter().take(share));
        }
        Ok(found)
    }

    /// Locks those of the named files that nobody has locked.
    fn free(&self, names: impl Iterator<Item = String>) -> Result<Vec<File>, SlotError> {
        let mut locked = Vec::new();
        for name in names {
            let file = self.open(&name)?;
            match file.try_lock() {
                Ok(()) => locked.push(file),
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(source)) => {
                    return Err(SlotError::File { path: self.folder.join(name), source });
                }
            }
        }
        Ok(locked)
    }

    fn open(&self, name: &str) -> Result<File, SlotError> {
        let path = self.folder.join(name);
        let open = File::options().read(true).append(true).create(true).open(&path);
        open.map_err(|source| SlotError::File { path, source })
    }
}

impl Lease {
    /// What the worker's `CUDA_VISIBLE_DEVICES` must be: UUIDs, or nothing where it has no GPU.
    pub fn cuda_visible_devices(&self) -> String {
        self.gpus.join(",")
    }

    /// The locks themselves, which closing the last copy of a descriptor frees.
    pub(crate) fn into_descriptors(self) -> Vec<OwnedFd> {
        self.locks.into_iter().map(OwnedFd::from).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inventory(cpus: u32, gpus: usize) -> Inventory {
        let gpu = |i| Gpu { uuid: format!("GPU-{i}"), name: String::new(), memory_bytes: 0 };
        Inventory { cpus, gpus: (0..gpus).map(gpu).collect(), note: None }
    }

    fn wanted(cpus: u32, gpus: u32, share: &str) -> Resources {
        let value = serde_json::json!({"cpus": cpus, "gpus": gpus, "share": share});
        serde_json::from_value(value).unwrap()
    }

    /// The GPUs that were given, or `-`.
    fn take(slots: &Slots, inventory: &Inventory, wanted: &Resources) -> (String, Option<Lease>) {
        let lease = slots.try_lease(inventory, wanted).unwrap();
        (lease.as_ref().map_or("-".to_owned(), Lease::cuda_visible_devices), lease)
    }

    #[test]
    fn shares_fill_the_least_used_gpu_first_and_never_overflow() {
        let folder = tempfile::tempdir().unwrap();
        let (slots, inventory) = (Slots::at(folder.path()), inventory(0, 2));
        let mut leases = Vec::new();
        let mut next = |share: &str| {
            let (gpus, lease) = take(&slots, &inventory, &wanted(0, 1, share));
            leases.extend(lease);
            gpus
        };
        // Free twelfths on the two: 12 12, 8 12, 8 6, 4 6, 4 2, 2 2.
        let shares = ["1/3", "1/2", "1/3", "1/3", "1/6", "1/2", "1/3", "1/12"];
        let given = ["GPU-0", "GPU-1", "GPU-0", "GPU-1", "GPU-0", "-", "-", "GPU-0"];
        assert_eq!(shares.map(&mut next), given);
    }

    #[test]
    fn several_gpus_are_several() {
        let folder = tempfile::tempdir().unwrap();
        let (slots, inventory) = (Slots::at(folder.path()), inventory(0, 3));
        let (pair, _first) = take(&slots, &inventory, &wanted(0, 2, "1"));
        assert_eq!(pair, "GPU-0,GPU-1");
        assert_eq!(take(&slots, &inventory, &wanted(0, 2, "1/12")).0, "-");
        assert_eq!(take(&slots, &inventory, &wanted(0, 1, "1")).0, "GPU-2");
    }

    #[test]
    fn what_is_refused_takes_nothing_and_what_ends_gives_back() {
        let folder = tempfile::tempdir().unwrap();
        let (slots, inventory) = (Slots::at(folder.path()), inventory(4, 1));
        let (_, three) = take(&slots, &inventory, &wanted(3, 0, "1"));
        // There is a GPU, but not two cores; there is a core, but not two GPUs.
        assert_eq!(take(&slots, &inventory, &wanted(2, 1, "1")).0, "-");
        assert_eq!(take(&slots, &inventory, &wanted(1, 2, "1")).0, "-");
        let (gpu, _one) = take(&slots, &inventory, &wanted(1, 1, "1"));
        assert_eq!(gpu, "GPU-0");
        drop(three);
        assert_eq!(take(&slots, &inventory, &wanted(3, 0, "1")).0, "");
    }
}
