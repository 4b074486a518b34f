//! The cores and GPUs of this machine, and the attempts that hold them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::super::cache::Source;
use super::super::problem::Problem;
use super::super::stamp::Stamp;
use crate::platform::host::Host;
use crate::slots::{Gpu, Machine as Hardware, PARTS_PER_GPU, Slots, holders};

/// This machine.
#[derive(Debug, Clone, Default)]
pub(crate) struct Machine {
    /// Its name.
    pub(crate) host: String,
    pub(crate) cores: u32,
    /// The holders of cores, with the number that each has.
    pub(crate) of_cores: Vec<(Holder, usize)>,
    pub(crate) gpus: Vec<GpuView>,
    /// The reason why they cannot be read, or why some are missing.
    pub(crate) note: Option<String>,
}

/// A GPU with its holders.
#[derive(Debug, Clone)]
pub(crate) struct GpuView {
    pub(crate) gpu: Gpu,
    /// The share of it that each has, up to 1.
    pub(crate) holders: Vec<(Holder, f64)>,
}

/// An attempt that holds slots, of any run of this user.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Holder {
    /// The folder of its run.
    pub(crate) run: PathBuf,
    pub(crate) trial: String,
    /// `attempt-1`.
    pub(crate) attempt: String,
}

/// This machine, as something to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct MachineSource;

impl Source for MachineSource {
    type Value = Machine;

    fn stamp(&self) -> Stamp {
        Stamp::default()
    }

    fn read(&self) -> Result<Machine, Problem> {
        Ok(Machine::read())
    }

    fn changes_by_itself(_: &Machine) -> bool {
        true
    }
}

impl Machine {
    fn read() -> Self {
        let host = Host::this().name.clone();
        let inventory = match Hardware::open().read_inventory() {
            Ok(inventory) => inventory,
            Err(error) => return Self { host, note: Some(error.to_string()), ..Self::default() },
        };
        let slots = match Slots::of_this_machine() {
            Ok(slots) => slots,
            Err(error) => return Self { host, note: Some(error.to_string()), ..Self::default() },
        };
        let folder = std::path::absolute(slots.folder()).unwrap_or_else(|_| slots.folder().into());
        let held = held_by(holders(&folder).attempts);
        let of = |kind: &str| -> Vec<(Holder, usize)> {
            let count = |slots: &[String]| slots.iter().filter(|slot| is_of(slot, kind)).count();
            let counted = held.iter().map(|(holder, slots)| (holder.clone(), count(slots)));
            counted.filter(|(_, count)| *count > 0).collect()
        };
        let gpus = inventory.gpus.iter().map(|gpu| GpuView {
            holders: of(&gpu.uuid)
                .into_iter()
                .map(|(holder, parts)| (holder, parts as f64 / f64::from(PARTS_PER_GPU)))
                .collect(),
            gpu: gpu.clone(),
        });
        Self {
            host,
            cores: inventory.cpus,
            of_cores: of("cpu"),
            gpus: gpus.collect(),
            note: inventory.note,
        }
    }
}

/// True if the lock file `slot` is a part of `kind`: `cpu.3` of `cpu`, `GPU-8f5c.2` of `GPU-8f5c`.
fn is_of(slot: &str, kind: &str) -> bool {
    slot.rsplit_once('.').is_some_and(|(name, _)| name == kind)
}

fn held_by(
    attempts: BTreeMap<PathBuf, std::collections::BTreeSet<String>>,
) -> Vec<(Holder, Vec<String>)> {
    let held = attempts
        .into_iter()
        .filter_map(|(folder, slots)| Some((Holder::of(&folder)?, slots.into_iter().collect())));
    held.collect()
}

impl Holder {
    /// The attempt in `folder`, which is `RUN/trials/TRIAL/attempt-N`.
    fn of(folder: &Path) -> Option<Self> {
        let name = |path: &Path| Some(path.file_name()?.to_string_lossy().into_owned());
        let trial = folder.parent()?;
        let run = trial.parent()?.parent()?.to_owned();
        Some(Self { run, trial: name(trial)?, attempt: name(folder)? })
    }

    /// The name of its run.
    pub(crate) fn run_name(&self) -> String {
        self.run.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }
}
