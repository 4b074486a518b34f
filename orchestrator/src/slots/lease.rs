//! Taking slots: all that a trial needs or none, without waiting for any.

use std::fs::{File, TryLockError};
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use super::inventory::{Gpu, Inventory};
use super::occupancy::{Occupancy, SlotRecord};
use super::placement::{self, Request};
use super::unavailable::Unavailable;
use crate::platform::clock;
use crate::platform::host::Host;
use crate::platform::state_dir::state_dir;

/// Parts of a GPU, and at most so many trials: a lock file for each part, and one for each trial.
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
    granted: Inventory,
}

/// What a GPU has left.
struct Room {
    /// Its free parts.
    parts: Vec<File>,
    /// A free record, by its file's name.
    record: Option<(String, File)>,
    occupancy: Occupancy,
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
    /// This user's slots on this machine: `slots/<machine>/` in the state folder.
    pub fn of_this_machine() -> Result<Self, SlotError> {
        let state = state_dir().ok_or(SlotError::NoFolder)?;
        Ok(Self::at(state.join("slots").join(Host::this().id())))
    }

    /// Slots with their lock files in `folder`.
    pub fn at(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// Where the lock files are, once there are some.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Takes what `request` asks for, preferring the GPUs that are least in use, or says why it
    /// cannot be had now.
    pub fn try_lease(
        &self,
        inventory: &Inventory,
        request: &Request,
    ) -> Result<Result<Lease, Unavailable>, SlotError> {
        let _turn = self.take_turn()?;
        let wanted = &request.resources;
        let mut locks = self.free((0..inventory.cpus).map(|core| format!("cpu.{core}")))?;
        if locks.len() < wanted.cpus as usize {
            return Ok(Err(Unavailable::of_cpus(wanted, inventory, locks.len())));
        }
        locks.truncate(wanted.cpus as usize);
        let granted = Inventory { cpus: wanted.cpus, gpus: Vec::new(), ..inventory.clone() };
        let lease = Lease { locks, granted };
        if wanted.gpus == 0 { Ok(Ok(lease)) } else { self.add_gpus(lease, inventory, request) }
    }

    /// One at a time, for the moment that taking needs: two that each took a part of what both
    /// want would both get nothing. Whether a slot is free is for its own lock to say.
    fn take_turn(&self) -> Result<File, SlotError> {
        let at = |path: &Path, source| SlotError::File { path: path.to_owned(), source };
        std::fs::create_dir_all(&self.folder).map_err(|e| at(&self.folder, e))?;
        let turn = self.open("turn")?;
        turn.lock().map_err(|e| at(&self.folder.join("turn"), e))?;
        Ok(turn)
    }

    fn add_gpus(
        &self,
        mut lease: Lease,
        inventory: &Inventory,
        request: &Request,
    ) -> Result<Result<Lease, Unavailable>, SlotError> {
        let wanted = &request.resources;
        let (mut candidates, mut found) = (Vec::new(), Vec::new());
        for gpu in &inventory.gpus {
            let room = self.room(gpu)?;
            let free = if room.record.is_some() { room.parts.len() } else { 0 };
            let rejection =
                placement::rejection(gpu, free, &room.occupancy, request, clock::now_ms());
            if rejection.is_none() {
                candidates.push((gpu, room));
            }
            found.push((gpu.short_uuid().to_owned(), rejection));
        }
        if candidates.len() < wanted.gpus as usize {
            return Ok(Err(Unavailable::of_gpus(wanted, inventory, found)));
        }
        // Stable: of equals the first.
        candidates.sort_by_key(|(_, room)| std::cmp::Reverse(room.parts.len()));
        for (gpu, room) in candidates.into_iter().take(wanted.gpus as usize) {
            let first = room.occupancy.trials == 0;
            let used_before = if first { gpu.used } else { room.occupancy.used_before };
            let (name, record) = room.record.expect("a GPU without a free record is full");
            SlotRecord::new(wanted, used_before)
                .write(&record)
                .map_err(|source| SlotError::File { path: self.folder.join(name), source })?;
            lease.locks.push(record);
            lease.locks.extend(room.parts.into_iter().take(wanted.share.twelfths().into()));
            lease.granted.gpus.push(gpu.clone());
        }
        Ok(Ok(lease))
    }

    /// What is free of a GPU, locked, and who is on it. Only for who has the turn.
    fn room(&self, gpu: &Gpu) -> Result<Room, SlotError> {
        let mut room = Room {
            parts: self.free((0..PARTS).map(|part| format!("{}.{part}", gpu.uuid)))?,
            record: None,
            occupancy: Occupancy::default(),
        };
        for number in 0..PARTS {
            let name = format!("{}.record.{number}", gpu.uuid);
            let file = self.open(&name)?;
            let failed = |source| SlotError::File { path: self.folder.join(&name), source };
            let record = SlotRecord::read(&file).map_err(failed)?;
            match file.try_lock() {
                Ok(()) => {
                    if let Some(record) = record {
                        let now_ms = clock::now_ms();
                        room.occupancy.add_left(&file, record, now_ms).map_err(failed)?;
                    }
                    room.record.get_or_insert((name, file));
                }
                Err(TryLockError::WouldBlock) => room.occupancy.add_taken(record.as_ref()),
                Err(TryLockError::Error(source)) => return Err(failed(source)),
            }
        }
        Ok(room)
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
        self.granted.cuda_visible_devices()
    }

    /// The part of the machine that it is, as it was looked at: of the GPUs those that it has a
    /// share of.
    pub fn granted(&self) -> &Inventory {
        &self.granted
    }

    /// The locks themselves, which closing the last copy of a descriptor frees.
    pub(crate) fn into_descriptors(self) -> Vec<OwnedFd> {
        self.locks.into_iter().map(OwnedFd::from).collect()
    }
}

#[cfg(test)]
mod tests {
    use experiments::schema::resources::Memory;

    use super::*;
    use crate::slots::{ForeignProcesses, GpuProcess};

    fn inventory(cpus: u32, gpus: usize) -> Inventory {
        let gpu = |i| Gpu { uuid: format!("GPU-{i}"), ..Gpu::default() };
        Inventory { cpus, gpus: (0..gpus).map(gpu).collect(), ..Inventory::default() }
    }

    fn request(value: serde_json::Value) -> Request {
        let resources = serde_json::from_value(value).unwrap();
        Request { resources, foreign_processes: ForeignProcesses::Avoided }
    }

    fn wanted(cpus: u32, gpus: u32, share: &str) -> Request {
        request(serde_json::json!({"cpus": cpus, "gpus": gpus, "share": share}))
    }

    /// The GPUs that were given, or `-`.
    fn take(slots: &Slots, inventory: &Inventory, wanted: &Request) -> (String, Option<Lease>) {
        let lease = slots.try_lease(inventory, wanted).unwrap().ok();
        (lease.as_ref().map_or("-".to_owned(), Lease::cuda_visible_devices), lease)
    }

    fn said(slots: &Slots, inventory: &Inventory, wanted: &Request) -> String {
        slots.try_lease(inventory, wanted).unwrap().unwrap_err().to_string()
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
    #[test]
    fn why_nothing_is_free_is_said_of_every_gpu() {
        let folder = tempfile::tempdir().unwrap();
        let (slots, mut inventory) = (Slots::at(folder.path()), inventory(4, 4));
        let stranger =
            GpuProcess { pid: 4711, name: "python".to_owned(), memory: Some(Memory(20 << 30)) };
        inventory.gpus[3].processes.push(stranger);
        let requests = [wanted(1, 2, "1/2"), wanted(1, 2, "1/2"), wanted(1, 1, "1/3")];
        let leases = requests.map(|wanted| take(&slots, &inventory, &wanted));
        assert_eq!(
            leases.each_ref().map(|(gpus, _)| gpus.as_str()),
            ["GPU-0,GPU-1", "GPU-2,GPU-0", "GPU-1"]
        );
        assert_eq!(
            said(&slots, &inventory, &wanted(1, 1, "3/4")),
            "waits for 3/4 of 1 GPU and 1 CPU: GPU-0 is full (2 trials), GPU-1 is full (2 trials), \
             GPU-2 is full (1 trial), GPU-3 is kept busy by pid 4711 (python, 20.0 GiB); `orch run \
             --allow-busy-gpus` uses busy ones too"
        );
        assert_eq!(
            said(&slots, &inventory, &wanted(2, 0, "1")),
            "waits for 2 CPUs: 1 of 4 CPUs are free"
        );
    }

    #[test]
    fn a_trial_s_memory_and_cap_are_kept_until_it_ends_and_its_memory_is_back() {
        let folder = tempfile::tempdir().unwrap();
        let (slots, mut inventory) = (Slots::at(folder.path()), inventory(4, 1));
        let gib = |n: u64| Memory(n << 30);
        let gpu = &mut inventory.gpus[0];
        (gpu.memory, gpu.free) = (gib(80), gib(80));
        let picky = request(serde_json::json!({"gpus": 1, "share": "1/4", "memory": "50GiB"}));
        let first = take(&slots, &inventory, &picky).1;
        assert!(first.is_some());
        let refused = said(&slots, &inventory, &picky);
        assert!(refused.ends_with("GPU-0 has 30.0 GiB left of the 50.0 GiB needed"), "{refused}");
        let alone = request(serde_json::json!({"gpus": 1, "share": "1/4", "per_gpu": 1}));
        let refused = said(&slots, &inventory, &alone);
        assert!(refused.ends_with("GPU-0 has 1 trial, as many as `per_gpu` allows"), "{refused}");

        inventory.gpus[0].used = gib(50);
        drop(first);
        let refused = said(&slots, &inventory, &alone);
        assert!(refused.ends_with("is giving back 50.0 GiB of a trial that has just ended"));
        inventory.gpus[0].used = gib(0);
        let _second = take(&slots, &inventory, &alone).1.unwrap();
        let refused = said(&slots, &inventory, &wanted(1, 1, "1/12"));
        assert!(refused.contains("as many as `per_gpu` allows"), "{refused}");
    }
}
