//! What a machine has, as one look at it shows: values only. [`super::Machine`] looks.

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
    /// Why there are no GPUs, or fewer than one may expect.
    pub note: Option<String>,
    /// The file that makes all of this up, if one does.
    pub mock: Option<PathBuf>,
}

/// A GPU, or one of the devices that a GPU is divided into (MIG).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Gpu {
    /// Its name for `CUDA_VISIBLE_DEVICES`, for example `GPU-8f5c…`.
    pub uuid: String,
    /// Its name for people.
    pub name: String,
    /// All of its memory.
    pub memory: Memory,
    /// What of it can be had now.
    pub free: Memory,
    /// What of it processes have now; not what the driver keeps to itself.
    pub used: Memory,
    /// The processes that compute on it, as far as this one can see them.
    pub processes: Vec<GpuProcess>,
}

/// A process that computes on a GPU.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GpuProcess {
    /// Its id.
    pub pid: u32,
    /// Its program's name; empty if that cannot be told.
    pub name: String,
    /// The GPU's memory that it has, where the driver tells.
    pub memory: Option<Memory>,
}

/// The machine can never give a trial what it asks for, however long it waits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Infeasible {
    /// Too few cores.
    #[error("a trial needs {wanted} CPU cores and {} has {}", machine(inventory), inventory.cpus)]
    Cpus {
        /// Cores asked for.
        wanted: u32,
        /// What there is.
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
        /// What there is.
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
        /// What there is.
        inventory: Inventory,
    },
}

fn machine(inventory: &Inventory) -> String {
    match &inventory.mock {
        Some(file) => format!("the machine that `{}` makes up", file.display()),
        None => "this machine".to_owned(),
    }
}

fn because(inventory: &Inventory) -> String {
    inventory.note.as_ref().map(|note| format!(" ({note})")).unwrap_or_default()
}

fn sizes(inventory: &Inventory) -> String {
    let size = |gpu: &Gpu| format!("{} {} ({})", gpu.short_uuid(), gpu.name, gpu.memory);
    inventory.gpus.iter().map(size).collect::<Vec<_>>().join(", ")
}

impl Inventory {
    /// What a worker's `CUDA_VISIBLE_DEVICES` must be that is to see these GPUs: UUIDs, or nothing.
    pub fn cuda_visible_devices(&self) -> String {
        self.gpus.iter().map(|gpu| gpu.uuid.as_str()).collect::<Vec<_>>().join(",")
    }

    /// Whether this machine could run a trial that needs `wanted`, if it had nothing else to do.
    pub fn feasible(&self, wanted: &Resources) -> Result<(), Infeasible> {
        let inventory = || self.clone();
        if wanted.cpus > self.cpus {
            return Err(Infeasible::Cpus { wanted: wanted.cpus, inventory: inventory() });
        }
        let gpus = wanted.gpus as usize;
        if gpus > self.gpus.len() {
            return Err(Infeasible::Gpus { wanted: wanted.gpus, inventory: inventory() });
        }
        let memory = wanted.memory.unwrap_or_default();
        if gpus > self.gpus.iter().filter(|gpu| gpu.memory >= memory).count() {
            let (gpus, inventory) = (wanted.gpus, inventory());
            return Err(Infeasible::Memory { gpus, wanted: memory, inventory });
        }
        Ok(())
    }
}

impl Gpu {
    /// As much of the UUID as people need: `GPU-8f5c1a2b`.
    pub fn short_uuid(&self) -> &str {
        let end = self.uuid.match_indices('-').nth(1).map_or(self.uuid.len(), |(at, _)| at);
        &self.uuid[..end]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_machine_cannot_do_is_said_in_words() {
        let note = Some("no NVIDIA driver: none".to_owned());
        let mut inventory = Inventory { cpus: 2, note, ..Inventory::default() };
        let wanted = |cpus, gpus| Resources { cpus, gpus, ..Resources::default() };
        let refusal = |inventory: &Inventory, wanted: &Resources| {
            inventory.feasible(wanted).unwrap_err().to_string()
        };
        assert_eq!(inventory.feasible(&wanted(2, 0)), Ok(()));
        assert_eq!(
            refusal(&inventory, &wanted(1, 1)),
            "a trial needs 1 GPUs and this machine has 0 (no NVIDIA driver: none)"
        );
        assert_eq!(
            refusal(&inventory, &wanted(3, 0)),
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
            refusal(&inventory, &large(2)),
            "a trial needs 2 GPUs with 20.0 GiB of memory each and the machine that `gpus.yaml` \
             makes up has: GPU-8f5c1a2b T9 (16.0 GiB), GPU-1 T9 (24.0 GiB)"
        );
    }
}
