//! What this machine has, as far as this process may use it.

use std::thread;

use experiments::resources::Resources;
use nvml_wrapper::Nvml;
use nvml_wrapper::error::NvmlError;

use super::mask;

/// The cores and GPUs that trials can be given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inventory {
    /// CPU cores.
    pub cpus: u32,
    /// GPUs, in the order of their PCI addresses.
    pub gpus: Vec<Gpu>,
    /// Why there are no GPUs, or fewer than one may expect.
    pub note: Option<String>,
}

/// A GPU.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gpu {
    /// Its name for `CUDA_VISIBLE_DEVICES`, for example `GPU-8f5c…`.
    pub uuid: String,
    /// Its name for people.
    pub name: String,
    /// Its memory.
    pub memory_bytes: u64,
}

/// The machine can never give a trial what it asks for, however long it waits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Infeasible {
    /// Too few cores.
    #[error("a trial needs {wanted} CPU cores and this machine has {there}")]
    Cpus {
        /// Cores asked for.
        wanted: u32,
        /// Cores there are.
        there: u32,
    },
    /// Too few GPUs.
    #[error("a trial needs {wanted} GPUs and this machine has {there}{}", because(note.as_ref()))]
    Gpus {
        /// GPUs asked for.
        wanted: u32,
        /// GPUs there are.
        there: usize,
        /// [`Inventory::note`].
        note: Option<String>,
    },
}

fn because(note: Option<&String>) -> String {
    note.map(|note| format!(" ({note})")).unwrap_or_default()
}

impl Inventory {
    /// Counts the cores that this process may use and asks NVIDIA's management library for the
    /// GPUs, of which only those in an inherited `CUDA_VISIBLE_DEVICES` count.
    pub fn detect() -> Self {
        let cpus = thread::available_parallelism().map_or(1, |n| n.get() as u32);
        let mask = std::env::var("CUDA_VISIBLE_DEVICES").ok();
        let (gpus, note) = match all_gpus() {
            Ok(gpus) => mask::apply(gpus, mask.as_deref()),
            Err(e) => (Vec::new(), Some(format!("no NVIDIA driver: {e}"))),
        };
        Self { cpus, gpus, note }
    }

    /// Whether this machine could run a trial that needs `wanted`, if it had nothing else to do.
    pub fn feasible(&self, wanted: &Resources) -> Result<(), Infeasible> {
        if wanted.cpus > self.cpus {
            return Err(Infeasible::Cpus { wanted: wanted.cpus, there: self.cpus });
        }
        let there = self.gpus.len();
        if wanted.gpus as usize > there {
            return Err(Infeasible::Gpus { wanted: wanted.gpus, there, note: self.note.clone() });
        }
        Ok(())
    }
}

fn all_gpus() -> Result<Vec<Gpu>, NvmlError> {
    let nvml = Nvml::init()?;
    let gpu = |index| {
        let device = nvml.device_by_index(index)?;
        let (uuid, name) = (device.uuid()?, device.name()?);
        Ok(Gpu { uuid, name, memory_bytes: device.memory_info()?.total })
    };
    (0..nvml.device_count()?).map(gpu).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_machine_cannot_do_is_said_in_words() {
        let note = Some("no NVIDIA driver: none".to_owned());
        let inventory = Inventory { cpus: 2, gpus: vec![], note };
        let wanted = |cpus, gpus| Resources { cpus, gpus, ..Resources::default() };
        assert_eq!(inventory.feasible(&wanted(2, 0)), Ok(()));
        let error = inventory.feasible(&wanted(1, 1)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "a trial needs 1 GPUs and this machine has 0 (no NVIDIA driver: none)"
        );
        let error = inventory.feasible(&wanted(3, 0)).unwrap_err();
        assert_eq!(error.to_string(), "a trial needs 3 CPU cores and this machine has 2");
    }

    #[test]
    fn every_machine_has_a_core() {
        assert!(Inventory::detect().cpus >= 1);
    }
}
