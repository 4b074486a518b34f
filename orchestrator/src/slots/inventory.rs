//! The cores and GPUs of a machine at one moment, as values. [`super::Machine`] reads them.

use std::path::PathBuf;

use experiments::schema::resources::{Memory, Resources};

/// The cores and GPUs that trials can be given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inventory {
    /// CPU cores.
    pub cpus: u32,
    /// GPUs, in the order of their PCI addresses.
    pub gpus: Vec<Gpu>,
    /// Version of the GPUs' driver.
    pub driver: Option<String>,
    /// The reason for missing GPUs, for people; `None` if none is missing.
    pub note: Option<String>,
    /// The mock inventory's file; `None` for a real machine.
    pub mock: Option<PathBuf>,
}

/// A GPU, or one of the devices that a GPU is divided into (MIG).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Gpu {
    /// Its name for `CUDA_VISIBLE_DEVICES`, for example `GPU-8f5c…`.
    pub uuid: String,
    /// Its name for people.
    pub name: String,
    /// Total memory.
    pub memory: Memory,
    /// Memory that is available now.
    pub free: Memory,
    /// Memory that processes have now, without the driver's own.
    pub used: Memory,
    /// Share of the last second or less in which it computed, in percent; `None` where that is not reported.
    pub utilization: Option<u32>,
    /// Power that it draws, in watts; `None` where that is not reported.
    pub power: Option<u32>,
    /// Temperature of its die, in degrees Celsius; `None` where that is not reported.
    pub temperature: Option<u32>,
    /// The processes that compute on it, as far as they are visible.
    pub processes: Vec<GpuProcess>,
}

/// A process that computes on a GPU.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GpuProcess {
    /// Its id.
    pub pid: u32,
    /// The program's name; empty if unknown.
    pub name: String,
    /// Its memory on the GPU; `None` where the driver does not report it.
    pub memory: Option<Memory>,
}

/// The trial asks for more than the machine has, however long it waits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Infeasible {
    /// Too few cores.
    #[error("a trial needs {wanted} CPU cores and {} has {}", machine(inventory), inventory.cpus)]
    Cpus {
        /// Cores asked for.
        wanted: u32,
        /// All of the machine.
        inventory: Inventory,
    },
    /// Too few GPUs.
    #[error(
        "a trial needs {wanted} GPUs and {} has {}{}",
        machine(inventory), inventory.gpus.len(), because(inventory)
    )]
    Gpus {
        /// GPUs asked for.
        wanted: u32,
        /// All of the machine.
        inventory: Inventory,
    },
    /// Too few GPUs with enough memory.
    #[error(
        "a trial needs {gpus} GPUs with {wanted} of memory each and {} has: {}",
        machine(inventory),
        sizes(inventory)
    )]
    Memory {
        /// GPUs asked for.
        gpus: u32,
        /// Memory asked for on each.
        wanted: Memory,
        /// All of the machine.
        inventory: Inventory,
    },
}

fn machine(inventory: &Inventory) -> String {
    match &inventory.mock {
        Some(file) => format!("the mock machine of `{}`", file.display()),
        None => "this machine".to_owned(),
    }
}

fn because(inventory: &Inventory) -> String {
    inventory.note.as_ref().map(|note| format!(" ({note})")).unwrap_or_default()
}

fn sizes(inventory: &Inventory) -> String {
    let mut texts = Vec::new();
    for gpu in &inventory.gpus {
        texts.push(format!("{} {} ({})", gpu.short_uuid(), gpu.name, gpu.memory));
    }
    texts.join(", ")
}

impl Inventory {
    /// The `CUDA_VISIBLE_DEVICES` of a worker that is to see these GPUs: UUIDs, or empty.
    pub(crate) fn cuda_visible_devices(&self) -> String {
        self.gpus.iter().map(|gpu| gpu.uuid.as_str()).collect::<Vec<_>>().join(",")
    }

    /// `Err` if a trial that needs `wanted` could not run here even if the machine were idle.
    pub(crate) fn feasible(&self, wanted: &Resources) -> Result<(), Infeasible> {
        if wanted.cpus > self.cpus {
            return Err(Infeasible::Cpus { wanted: wanted.cpus, inventory: self.clone() });
        }
        let gpus = wanted.gpus as usize;
        if gpus > self.gpus.len() {
            return Err(Infeasible::Gpus { wanted: wanted.gpus, inventory: self.clone() });
        }
        let memory = wanted.memory.unwrap_or_default();
        if gpus > self.gpus.iter().filter(|gpu| gpu.memory >= memory).count() {
            let (gpus, inventory) = (wanted.gpus, self.clone());
            return Err(Infeasible::Memory { gpus, wanted: memory, inventory });
        }
        Ok(())
    }
}

impl Gpu {
    /// The first part of the UUID, for people: `GPU-8f5c1a2b`.
    pub(crate) fn short_uuid(&self) -> &str {
        short_uuid(&self.uuid)
    }
}

/// The first part of a GPU's UUID, for people: `GPU-8f5c1a2b`.
pub(crate) fn short_uuid(uuid: &str) -> &str {
    let end = uuid.match_indices('-').nth(1).map_or(uuid.len(), |(at, _)| at);
    &uuid[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_infeasible_request_is_explained() {
        let note = Some("no NVIDIA driver: none".to_owned());
        let mut inventory = Inventory { cpus: 2, note, ..Inventory::default() };
        let wanted = |cpus, gpus| Resources { cpus, gpus, ..Resources::default() };
        let error = |inventory: &Inventory, wanted: &Resources| {
            inventory.feasible(wanted).unwrap_err().to_string()
        };
        assert_eq!(inventory.feasible(&wanted(2, 0)), Ok(()));
        assert_eq!(
            error(&inventory, &wanted(1, 1)),
            "a trial needs 1 GPUs and this machine has 0 (no NVIDIA driver: none)"
        );
        assert_eq!(
            error(&inventory, &wanted(3, 0)),
            "a trial needs 3 CPU cores and this machine has 2"
        );

        let gpu = |uuid: &str, gib: u64| Gpu {
            uuid: uuid.to_owned(),
            name: "T9".to_owned(),
            memory: Memory(gib << 30),
            ..Gpu::default()
        };
        inventory.gpus = vec![gpu("GPU-8f5c1a2b-77", 16), gpu("GPU-1", 24)];
        inventory.mock = Some("gpus.yaml".into());
        let large = |gpus| Resources { memory: Some(Memory(20 << 30)), ..wanted(1, gpus) };
        assert_eq!(inventory.feasible(&large(1)), Ok(()));
        assert_eq!(
            error(&inventory, &large(2)),
            "a trial needs 2 GPUs with 20.0 GiB of memory each and the mock machine of \
             `gpus.yaml` has: GPU-8f5c1a2b T9 (16.0 GiB), GPU-1 T9 (24.0 GiB)"
        );
    }
}
