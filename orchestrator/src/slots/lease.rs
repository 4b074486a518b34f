//! Leasing slots: all that a trial needs or none, without waiting for any.

use std::cmp::Reverse;
use std::fs::{File, TryLockError};
use std::os::fd::OwnedFd;

use super::inventory::{Gpu, Inventory};
use super::lock_files::{SlotError, Slots};
use super::occupancy::{Occupancy, SlotRecord};
use super::placement::{self, Request};
use super::unavailable::{GpuOffer, Unavailable};
use crate::platform::clock;

/// A GPU has so many parts, each with a lock file, and so many slot records, one for each trial.
pub(crate) const PARTS_PER_GPU: u8 = 12;

/// Slots that are leased while this value lives or, once a worker was started with it, while that
/// worker or one of its descendants lives.
#[derive(Debug)]
pub struct Lease {
    locks: Vec<File>,
    granted: Inventory,
}

/// The rest of a GPU, locked.
struct Room {
    free_parts: Vec<File>,
    /// The first free slot record, by its file's name.
    free_record: Option<(String, File)>,
    occupancy: Occupancy,
}

impl Slots {
    /// Leases what `request` asks for, preferring the GPUs that are least in use; `Err` with the
    /// reason while that is unavailable.
    pub fn try_lease(
        &self,
        inventory: &Inventory,
        request: &Request,
    ) -> Result<Result<Lease, Unavailable>, SlotError> {
        let _turn = self.wait_for_turn()?;
        let wanted = &request.resources;
        let cores = (0..inventory.cpus).map(|core| format!("cpu.{core}"));
        let locks = self.lock_free(cores, wanted.cpus as usize)?;
        if locks.len() < wanted.cpus as usize {
            return Ok(Err(Unavailable::of_cpus(wanted, inventory, locks.len())));
        }
        let granted = Inventory { cpus: wanted.cpus, gpus: Vec::new(), ..inventory.clone() };
        let lease = Lease { locks, granted };
        if wanted.gpus == 0 { Ok(Ok(lease)) } else { self.add_gpus(lease, inventory, request) }
    }

    fn add_gpus(
        &self,
        mut lease: Lease,
        inventory: &Inventory,
        request: &Request,
    ) -> Result<Result<Lease, Unavailable>, SlotError> {
        let wanted = &request.resources;
        let (mut candidates, mut offers) = (Vec::new(), Vec::new());
        for gpu in &inventory.gpus {
            let room = self.room(gpu)?;
            let free = if room.free_record.is_some() { room.free_parts.len() } else { 0 };
            let rejection =
                placement::rejection(gpu, free, &room.occupancy, request, clock::now_ms());
            if rejection.is_none() {
                candidates.push((gpu, room));
            }
            offers.push(GpuOffer { gpu: gpu.short_uuid().to_owned(), rejection });
        }
        if candidates.len() < wanted.gpus as usize {
            return Ok(Err(Unavailable::of_gpus(wanted, inventory, offers)));
        }
        // A stable sort: of equals the first.
        candidates.sort_by_key(|(_, room)| Reverse(room.free_parts.len()));
        for (gpu, room) in candidates.into_iter().take(wanted.gpus as usize) {
            let first = room.occupancy.trials == 0;
            let used_before = if first { gpu.used } else { room.occupancy.used_before };
            let (name, record) = room.free_record.expect("a GPU without a free record is full");
            SlotRecord::new(wanted, used_before)
                .write(&record)
                .map_err(|source| self.error(&name, source))?;
            lease.locks.push(record);
            lease.locks.extend(room.free_parts.into_iter().take(wanted.share.twelfths().into()));
            lease.granted.gpus.push(gpu.clone());
        }
        Ok(Ok(lease))
    }

    /// Locks what is free of a GPU and counts its trials. Only in one's turn.
    fn room(&self, gpu: &Gpu) -> Result<Room, SlotError> {
        let parts = (0..PARTS_PER_GPU).map(|part| format!("{}.{part}", gpu.uuid));
        let mut room = Room {
            free_parts: self.lock_free(parts, PARTS_PER_GPU.into())?,
            free_record: None,
            occupancy: Occupancy::default(),
        };
        for number in 0..PARTS_PER_GPU {
            let name = format!("{}.record.{number}", gpu.uuid);
            let file = self.open(&name)?;
            let record = SlotRecord::read(&file).map_err(|source| self.error(&name, source))?;
            match file.try_lock() {
                Ok(()) => {
                    if let Some(record) = record {
                        room.occupancy
                            .add_left(&file, record, clock::now_ms())
                            .map_err(|source| self.error(&name, source))?;
                    }
                    room.free_record.get_or_insert((name, file));
                }
                Err(TryLockError::WouldBlock) => room.occupancy.add_taken(record.as_ref()),
                Err(TryLockError::Error(source)) => return Err(self.error(&name, source)),
            }
        }
        Ok(room)
    }
}

impl Lease {
    /// The worker's `CUDA_VISIBLE_DEVICES`: UUIDs, or empty where it has no GPU.
    pub fn cuda_visible_devices(&self) -> String {
        self.granted.cuda_visible_devices()
    }

    /// The leased part of the machine, as the machine was when it was leased. Its GPUs are those of
    /// which a share is leased.
    pub(crate) fn granted(&self) -> &Inventory {
        &self.granted
    }

    /// The locks themselves, each of which is freed when the last copy of its descriptor closes.
    pub(crate) fn into_descriptors(self) -> Vec<OwnedFd> {
        self.locks.into_iter().map(OwnedFd::from).collect()
    }
}

#[cfg(test)]
mod tests {
    use experiments::schema::resources::Memory;

    use super::*;
    use crate::slots::ForeignProcesses;
    use crate::slots::inventory::GpuProcess;

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

    /// The GPUs that were leased, or `-`.
    fn take(slots: &Slots, inventory: &Inventory, wanted: &Request) -> (String, Option<Lease>) {
        let lease = slots.try_lease(inventory, wanted).unwrap().ok();
        (lease.as_ref().map_or("-".to_owned(), Lease::cuda_visible_devices), lease)
    }

    fn reason(slots: &Slots, inventory: &Inventory, wanted: &Request) -> String {
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
        let expected = ["GPU-0", "GPU-1", "GPU-0", "GPU-1", "GPU-0", "-", "-", "GPU-0"];
        assert_eq!(shares.map(&mut next), expected);
    }

    #[test]
    fn several_gpus_are_different_ones() {
        let folder = tempfile::tempdir().unwrap();
        let (slots, inventory) = (Slots::at(folder.path()), inventory(0, 3));
        let (pair, _first) = take(&slots, &inventory, &wanted(0, 2, "1"));
        assert_eq!(pair, "GPU-0,GPU-1");
        assert_eq!(take(&slots, &inventory, &wanted(0, 2, "1/12")).0, "-");
        assert_eq!(take(&slots, &inventory, &wanted(0, 1, "1")).0, "GPU-2");
    }

    #[test]
    fn a_rejected_request_leases_nothing_and_a_dropped_lease_frees_its_slots() {
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
    fn the_reason_names_every_gpu() {
        let folder = tempfile::tempdir().unwrap();
        let (slots, mut inventory) = (Slots::at(folder.path()), inventory(4, 4));
        let foreign =
            GpuProcess { pid: 4711, name: "python".to_owned(), memory: Some(Memory(20 << 30)) };
        inventory.gpus[3].processes.push(foreign);
        let requests = [wanted(1, 2, "1/2"), wanted(1, 2, "1/2"), wanted(1, 1, "1/3")];
        let leases = requests.map(|wanted| take(&slots, &inventory, &wanted));
        assert_eq!(
            leases.each_ref().map(|(gpus, _)| gpus.as_str()),
            ["GPU-0,GPU-1", "GPU-2,GPU-0", "GPU-1"]
        );
        assert_eq!(
            reason(&slots, &inventory, &wanted(1, 1, "3/4")),
            "waits for 3/4 of 1 GPU and 1 CPU: GPU-0 is full (2 trials), GPU-1 is full (2 trials), \
             GPU-2 is full (1 trial), GPU-3 is kept busy by pid 4711 (python, 20.0 GiB); `orch run \
             --allow-busy-gpus` uses busy ones too"
        );
        assert_eq!(
            reason(&slots, &inventory, &wanted(2, 0, "1")),
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
        let large = request(serde_json::json!({"gpus": 1, "share": "1/4", "memory": "50GiB"}));
        let first = take(&slots, &inventory, &large).1;
        assert!(first.is_some());
        let why = reason(&slots, &inventory, &large);
        assert!(why.ends_with("GPU-0 has 30.0 GiB left of the 50.0 GiB needed"), "{why}");
        let alone = request(serde_json::json!({"gpus": 1, "share": "1/4", "per_gpu": 1}));
        let why = reason(&slots, &inventory, &alone);
        assert!(why.ends_with("GPU-0 has 1 trial, as many as `per_gpu` allows"), "{why}");

        inventory.gpus[0].used = gib(50);
        drop(first);
        let why = reason(&slots, &inventory, &alone);
        assert!(why.ends_with("is giving back 50.0 GiB of a trial that has just ended"));
        inventory.gpus[0].used = gib(0);
        let _second = take(&slots, &inventory, &alone).1.unwrap();
        let why = reason(&slots, &inventory, &wanted(1, 1, "1/12"));
        assert!(why.contains("as many as `per_gpu` allows"), "{why}");
    }
}
