//! The rules for placing a trial on a GPU. Values only.

use std::fmt;
use std::time::Duration;

use experiments::schema::resources::{Memory, Resources};

use super::inventory::{Gpu, GpuProcess};
use super::occupancy::Occupancy;

/// Memory that may be in use on an idle GPU, by the driver and a desktop.
const IDLE_MEMORY: Memory = Memory(1 << 30);

/// Longest time for memory to be freed after the last of our trials on a GPU has ended. Memory in use
/// after that counts as a foreign process's.
const MEMORY_RELEASE_TIME: Duration = Duration::from_secs(30);

/// A trial's request to the machine.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// Leased while the trial runs.
    pub resources: Resources,
    /// The treatment of GPUs with foreign processes.
    pub foreign_processes: ForeignProcesses,
}

/// The treatment of GPUs on which processes other than our trials compute.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ForeignProcesses {
    /// Do not use such a GPU.
    #[default]
    Avoided,
    /// Use it as any other.
    Tolerated,
}

/// The reason why a trial cannot have a part of a GPU now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rejection {
    /// Too few parts are free.
    Full {
        /// Our trials on it.
        trials: usize,
    },
    /// One more trial would exceed its own limit or that of a trial on the GPU.
    Capped {
        /// Our trials on it.
        trials: usize,
    },
    /// The last of our trials on it has just ended and its memory is not yet freed.
    ReleasingMemory {
        /// The processes that still compute there.
        processes: Vec<GpuProcess>,
        /// Memory in use.
        used: Memory,
    },
    /// Foreign processes compute on it.
    ForeignProcesses(Vec<GpuProcess>),
    /// Its memory is in use by processes that are not visible.
    InUse(Memory),
    /// Too little memory is free, or not promised to the trials that are there.
    Memory {
        /// Memory that is left.
        left: Memory,
        /// Memory that the trial asks for.
        wanted: Memory,
    },
}

/// `None` if the trial may be placed on `gpu`, which has `free_twelfths` left.
pub fn rejection(
    gpu: &Gpu,
    free_twelfths: usize,
    occupancy: &Occupancy,
    request: &Request,
    now_ms: i64,
) -> Option<Rejection> {
    let wanted = &request.resources;
    let trials = occupancy.trials;
    if free_twelfths < usize::from(wanted.share.twelfths()) {
        return Some(Rejection::Full { trials });
    }
    let cap = [wanted.per_gpu, occupancy.cap].into_iter().flatten().min();
    if cap.is_some_and(|cap| trials >= cap as usize) {
        return Some(Rejection::Capped { trials });
    }
    let foreign = if trials == 0 { foreign_use(gpu, occupancy, request, now_ms) } else { None };
    foreign.or_else(|| lack_of_memory(gpu, occupancy, wanted.memory?))
}

/// Use, by others than our trials, of a GPU that has none of them.
fn foreign_use(
    gpu: &Gpu,
    occupancy: &Occupancy,
    request: &Request,
    now_ms: i64,
) -> Option<Rejection> {
    let since_left = occupancy.left_ms.and_then(|left_ms| u64::try_from(now_ms - left_ms).ok());
    let just_left = since_left.is_some_and(|ms| Duration::from_millis(ms) < MEMORY_RELEASE_TIME);
    let (processes, used) = (gpu.processes.clone(), gpu.used);
    // Memory that was in use before our trials came is not theirs to free.
    if just_left && used > IDLE_MEMORY.max(occupancy.used_before) {
        return Some(Rejection::ReleasingMemory { processes, used });
    }
    match request.foreign_processes {
        ForeignProcesses::Tolerated => None,
        ForeignProcesses::Avoided if !processes.is_empty() => {
            Some(Rejection::ForeignProcesses(processes))
        }
        ForeignProcesses::Avoided => {
            let in_use = used > IDLE_MEMORY && request.resources.memory.is_none();
            in_use.then_some(Rejection::InUse(used))
        }
    }
}

/// A trial that has just started does not use all the memory yet that it asked for: promised memory
/// counts as used.
fn lack_of_memory(gpu: &Gpu, occupancy: &Occupancy, wanted: Memory) -> Option<Rejection> {
    let promised = gpu.memory.0.saturating_sub(occupancy.promised.0);
    let left = gpu.free.min(Memory(promised));
    (left < wanted).then_some(Rejection::Memory { left, wanted })
}

impl Rejection {
    /// True if `--allow-busy-gpus` would lift it.
    pub(super) fn is_by_foreign_processes(&self) -> bool {
        matches!(self, Self::ForeignProcesses(_) | Self::InUse(_))
    }
}

impl fmt::Display for Rejection {
    /// Follows the GPU's name: `is full (3 trials)`.
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let counted = |n: usize| format!("{n} trial{}", if n == 1 { "" } else { "s" });
        match self {
            // Another supervisor is about to start one.
            Self::Full { trials: 0 } => f.write_str("is full"),
            Self::Full { trials } => write!(f, "is full ({})", counted(*trials)),
            Self::Capped { trials } => {
                write!(f, "has {}, as many as `per_gpu` allows", counted(*trials))
            }
            Self::ReleasingMemory { processes, used } if processes.is_empty() => {
                write!(f, "is giving back {used} of a trial that has just ended")
            }
            Self::ReleasingMemory { processes, .. } => write!(
                f,
                "is giving back the memory of a trial that has just ended, which {} still holds",
                text(processes)
            ),
            Self::ForeignProcesses(processes) => {
                write!(f, "is kept busy by {}", text(processes))
            }
            Self::InUse(used) => write!(f, "has {used} in use by processes that cannot be seen"),
            Self::Memory { left, wanted } => write!(f, "has {left} left of the {wanted} needed"),
        }
    }
}

/// The largest process: `pid 4711 (python, 20.0 GiB) and 2 more`.
fn text(processes: &[GpuProcess]) -> String {
    let Some(first) = processes.iter().max_by_key(|process| process.memory) else {
        return "no process".to_owned();
    };
    let name = Some(first.name.clone()).filter(|name| !name.is_empty());
    let memory = first.memory.map(|memory| memory.to_string());
    let details: Vec<String> = name.into_iter().chain(memory).collect();
    let details =
        if details.is_empty() { String::new() } else { format!(" ({})", details.join(", ")) };
    let more = match processes.len() - 1 {
        0 => String::new(),
        n => format!(" and {n} more"),
    };
    format!("pid {}{details}{more}", first.pid)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: u64 = 1 << 30;

    fn gpu(used_gib: u64, pids: &[u32]) -> Gpu {
        let process = |pid: &u32| GpuProcess {
            pid: *pid,
            name: "python".to_owned(),
            memory: Some(Memory(20 * GIB)),
        };
        Gpu {
            memory: Memory(80 * GIB),
            free: Memory((80 - used_gib) * GIB),
            used: Memory(used_gib * GIB),
            processes: pids.iter().map(process).collect(),
            ..Gpu::default()
        }
    }

    fn request(memory_gib: Option<u64>, per_gpu: Option<u32>) -> Request {
        let memory = memory_gib.map(|gib| Memory(gib * GIB));
        let resources = Resources { gpus: 1, memory, per_gpu, ..Resources::default() };
        Request { resources, foreign_processes: ForeignProcesses::Avoided }
    }

    fn placed(gpu: &Gpu, occupancy: &Occupancy, request: &Request) -> String {
        let found = rejection(gpu, 12, occupancy, request, 100_000);
        found.map_or("may have it".to_owned(), |rejection| rejection.to_string())
    }

    #[test]
    fn a_gpu_with_foreign_processes_is_avoided_unless_they_are_tolerated() {
        let empty = Occupancy::default();
        let mut request = request(None, None);
        assert_eq!(placed(&gpu(0, &[]), &empty, &request), "may have it");
        assert_eq!(placed(&gpu(1, &[]), &empty, &request), "may have it");
        let busy = gpu(20, &[4711]);
        assert_eq!(placed(&busy, &empty, &request), "is kept busy by pid 4711 (python, 20.0 GiB)");
        assert_eq!(
            placed(&gpu(2, &[]), &empty, &request),
            "has 2.0 GiB in use by processes that cannot be seen"
        );
        // On a GPU with one of our trials, every process is taken for ours.
        let one = Occupancy { trials: 1, ..Occupancy::default() };
        assert_eq!(placed(&busy, &one, &request), "may have it");
        request.foreign_processes = ForeignProcesses::Tolerated;
        assert_eq!(placed(&busy, &empty, &request), "may have it");
    }

    #[test]
    fn memory_that_is_asked_for_must_be_free_and_not_promised() {
        let empty = Occupancy::default();
        let twenty = request(Some(20), None);
        assert_eq!(placed(&gpu(60, &[]), &empty, &twenty), "may have it");
        assert_eq!(
            placed(&gpu(61, &[]), &empty, &twenty),
            "has 19.0 GiB left of the 20.0 GiB needed"
        );
        let promised = |gib| Occupancy { trials: 3, promised: Memory(gib * GIB), ..empty.clone() };
        assert_eq!(placed(&gpu(0, &[]), &promised(60), &twenty), "may have it");
        assert_eq!(
            placed(&gpu(0, &[]), &promised(61), &twenty),
            "has 19.0 GiB left of the 20.0 GiB needed"
        );
    }

    #[test]
    fn a_cap_is_the_strictest_of_all_that_are_there() {
        let two = |cap| Occupancy { trials: 2, cap, ..Occupancy::default() };
        let capped = "has 2 trials, as many as `per_gpu` allows";
        assert_eq!(placed(&gpu(9, &[]), &two(None), &request(None, Some(2))), capped);
        assert_eq!(placed(&gpu(9, &[]), &two(Some(2)), &request(None, Some(3))), capped);
        assert_eq!(placed(&gpu(9, &[]), &two(Some(3)), &request(None, None)), "may have it");
    }

    #[test]
    fn memory_must_be_freed_before_a_gpu_is_leased_again_but_not_for_ever() {
        let left = |ago_ms: i64, used_before_gib: u64| Occupancy {
            left_ms: Some(100_000 - ago_ms),
            used_before: Memory(used_before_gib * GIB),
            ..Occupancy::default()
        };
        let mut request = request(Some(20), None);
        let slow = gpu(20, &[4711]);
        assert_eq!(
            placed(&slow, &left(5_000, 0), &request),
            "is giving back the memory of a trial that has just ended, which pid 4711 (python, \
             20.0 GiB) still holds"
        );
        assert_eq!(placed(&gpu(1, &[]), &left(5_000, 0), &request), "may have it");
        assert_eq!(
            placed(&slow, &left(31_000, 0), &request),
            "is kept busy by pid 4711 (python, 20.0 GiB)"
        );
        // Where foreign processes are tolerated the wait is no longer, and not for theirs.
        request.foreign_processes = ForeignProcesses::Tolerated;
        assert!(placed(&slow, &left(5_000, 0), &request).starts_with("is giving back"));
        assert_eq!(placed(&slow, &left(5_000, 20), &request), "may have it");
        assert_eq!(placed(&slow, &left(31_000, 0), &request), "may have it");
        // After the clock was set back no trial waits for ever.
        assert_eq!(placed(&slow, &left(-5_000, 0), &request), "may have it");
    }
}
