//! Whether a trial may have a part of a GPU now, and if not, why. Values only.

use std::fmt;
use std::time::Duration;

use experiments::schema::resources::{Memory, Resources};

use super::inventory::{Gpu, GpuProcess};
use super::occupancy::Occupancy;

/// Memory that may be in use on a GPU that nobody uses: what a driver and a desktop take.
const BASELINE: Memory = Memory(1 << 30);

/// How long memory may take to come back after the last of our trials on a GPU has ended. What is
/// held longer counts as a stranger's.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a trial asks of a machine.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// What it holds while it runs.
    pub resources: Resources,
    /// What to do about GPUs that others compute on.
    pub foreign_processes: ForeignProcesses,
}

/// What to do about GPUs on which processes compute that are none of our trials'.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ForeignProcesses {
    /// Leave such a GPU to them.
    #[default]
    Avoided,
    /// Use it all the same.
    Tolerated,
}

/// Why a trial cannot have a part of a GPU now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rejection {
    /// Too little of it is left.
    Full {
        /// Our trials on it.
        trials: usize,
    },
    /// One trial more would be too many for it or for one that is there.
    Capped {
        /// Our trials on it.
        trials: usize,
    },
    /// The last of our trials on it has just ended and its memory is not back.
    Returning {
        /// What still computes there.
        holders: Vec<GpuProcess>,
        /// Memory in use.
        used: Memory,
    },
    /// Others compute on it.
    ForeignProcesses(Vec<GpuProcess>),
    /// Its memory is in use, and nobody can be seen who uses it.
    InUse(Memory),
    /// Too little memory is free, or not promised to the trials that are there.
    Memory {
        /// What can be had.
        left: Memory,
        /// What is needed.
        wanted: Memory,
    },
}

/// What keeps a trial from `gpu`, which has `free_twelfths` left beside its occupants.
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
    let others = if trials == 0 { others(gpu, occupancy, request, now_ms) } else { None };
    others.or_else(|| memory(gpu, occupancy, wanted.memory?))
}

/// Who else is on a GPU that has none of our trials.
fn others(gpu: &Gpu, occupancy: &Occupancy, request: &Request, now_ms: i64) -> Option<Rejection> {
    let since_left = occupancy.left_ms.and_then(|left_ms| u64::try_from(now_ms - left_ms).ok());
    let just_left = since_left.is_some_and(|ms| Duration::from_millis(ms) < PATIENCE);
    let (holders, used) = (gpu.processes.clone(), gpu.used);
    // What was there before our trials came is not theirs to give back.
    if just_left && used > BASELINE.max(occupancy.used_before) {
        return Some(Rejection::Returning { holders, used });
    }
    match request.foreign_processes {
        ForeignProcesses::Tolerated => None,
        ForeignProcesses::Avoided if !holders.is_empty() => {
            Some(Rejection::ForeignProcesses(holders))
        }
        ForeignProcesses::Avoided => {
            let in_the_way = used > BASELINE && request.resources.memory.is_none();
            in_the_way.then_some(Rejection::InUse(used))
        }
    }
}

/// A trial that has just started does not have the memory yet that it asked for, hence the sum.
fn memory(gpu: &Gpu, occupancy: &Occupancy, wanted: Memory) -> Option<Rejection> {
    let promised = gpu.memory.0.saturating_sub(occupancy.promised.0);
    let left = gpu.free.min(Memory(promised));
    (left < wanted).then_some(Rejection::Memory { left, wanted })
}

impl fmt::Display for Rejection {
    /// What the GPU is or has: `is full (3 trials)`.
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let counted = |n: usize| format!("{n} trial{}", if n == 1 { "" } else { "s" });
        match self {
            // A supervisor that is about to start one.
            Self::Full { trials: 0 } => f.write_str("is full"),
            Self::Full { trials } => write!(f, "is full ({})", counted(*trials)),
            Self::Capped { trials } => {
                write!(f, "has {}, as many as `per_gpu` allows", counted(*trials))
            }
            Self::Returning { holders, used } if holders.is_empty() => {
                write!(f, "is giving back {used} of a trial that has just ended")
            }
            Self::Returning { holders, .. } => write!(
                f,
                "is giving back the memory of a trial that has just ended, which {} still holds",
                in_words(holders)
            ),
            Self::ForeignProcesses(processes) => {
                write!(f, "is kept busy by {}", in_words(processes))
            }
            Self::InUse(used) => write!(f, "has {used} in use by processes that cannot be seen"),
            Self::Memory { left, wanted } => write!(f, "has {left} left of the {wanted} needed"),
        }
    }
}

/// `pid 4711 (python, 20.0 GiB) and 2 more`.
fn in_words(processes: &[GpuProcess]) -> String {
    let Some(first) = processes.iter().max_by_key(|process| process.memory) else {
        return "nobody".to_owned();
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

    fn said(gpu: &Gpu, occupancy: &Occupancy, request: &Request) -> String {
        let found = rejection(gpu, 12, occupancy, request, 100_000);
        found.map_or("may have it".to_owned(), |rejection| rejection.to_string())
    }

    #[test]
    fn a_gpu_that_others_use_is_left_to_them_unless_they_are_tolerated() {
        let nobody = Occupancy::default();
        let mut request = request(None, None);
        assert_eq!(said(&gpu(0, &[]), &nobody, &request), "may have it");
        assert_eq!(said(&gpu(1, &[]), &nobody, &request), "may have it");
        let busy = gpu(20, &[4711]);
        assert_eq!(said(&busy, &nobody, &request), "is kept busy by pid 4711 (python, 20.0 GiB)");
        assert_eq!(
            said(&gpu(2, &[]), &nobody, &request),
            "has 2.0 GiB in use by processes that cannot be seen"
        );
        // On a GPU that we have a trial on, what computes is taken for ours.
        let one = Occupancy { trials: 1, ..Occupancy::default() };
        assert_eq!(said(&busy, &one, &request), "may have it");
        request.foreign_processes = ForeignProcesses::Tolerated;
        assert_eq!(said(&busy, &nobody, &request), "may have it");
    }

    #[test]
    fn memory_that_is_asked_for_must_be_free_and_promised_to_nobody() {
        let nobody = Occupancy::default();
        let twenty = request(Some(20), None);
        assert_eq!(said(&gpu(60, &[]), &nobody, &twenty), "may have it");
        assert_eq!(
            said(&gpu(61, &[]), &nobody, &twenty),
            "has 19.0 GiB left of the 20.0 GiB needed"
        );
        let promised = |gib| Occupancy { trials: 3, promised: Memory(gib * GIB), ..nobody.clone() };
        assert_eq!(said(&gpu(0, &[]), &promised(60), &twenty), "may have it");
        assert_eq!(
            said(&gpu(0, &[]), &promised(61), &twenty),
            "has 19.0 GiB left of the 20.0 GiB needed"
        );
    }

    #[test]
    fn a_cap_is_the_strictest_of_all_that_are_there() {
        let two = |cap| Occupancy { trials: 2, cap, ..Occupancy::default() };
        let capped = "has 2 trials, as many as `per_gpu` allows";
        assert_eq!(said(&gpu(9, &[]), &two(None), &request(None, Some(2))), capped);
        assert_eq!(said(&gpu(9, &[]), &two(Some(2)), &request(None, Some(3))), capped);
        assert_eq!(said(&gpu(9, &[]), &two(Some(3)), &request(None, None)), "may have it");
    }

    #[test]
    fn memory_must_be_back_before_a_gpu_is_given_again_but_not_for_ever() {
        let left = |ago_ms: i64, used_before_gib: u64| Occupancy {
            left_ms: Some(100_000 - ago_ms),
            used_before: Memory(used_before_gib * GIB),
            ..Occupancy::default()
        };
        let mut request = request(Some(20), None);
        let slow = gpu(20, &[4711]);
        assert_eq!(
            said(&slow, &left(5_000, 0), &request),
            "is giving back the memory of a trial that has just ended, which pid 4711 (python, \
             20.0 GiB) still holds"
        );
        assert_eq!(said(&gpu(1, &[]), &left(5_000, 0), &request), "may have it");
        assert_eq!(
            said(&slow, &left(31_000, 0), &request),
            "is kept busy by pid 4711 (python, 20.0 GiB)"
        );
        // Who tolerates foreign_processes waits no longer than that, and not for what was there before.
        request.foreign_processes = ForeignProcesses::Tolerated;
        assert!(said(&slow, &left(5_000, 0), &request).starts_with("is giving back"));
        assert_eq!(said(&slow, &left(5_000, 20), &request), "may have it");
        assert_eq!(said(&slow, &left(31_000, 0), &request), "may have it");
        // A clock that was set back makes nobody wait for ever.
        assert_eq!(said(&slow, &left(-5_000, 0), &request), "may have it");
    }
}
