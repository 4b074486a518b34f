//! The one place that reads the cores and GPUs of this machine, from NVIDIA's management library or
//! from the mock inventory that [`ENV_INVENTORY`] names.

use std::env;
use std::path::PathBuf;
use std::thread;

use experiments::yaml::source::FileError;

use super::inventory::Inventory;
use super::{mock_inventory, nvml, visible_devices};

/// Environment variable with the path of a mock inventory.
pub const ENV_INVENTORY: &str = "ORCH_INVENTORY";

/// Environment variable that confines this process to some of the GPUs.
const ENV_MASK: &str = "CUDA_VISIBLE_DEVICES";

/// A source of inventories, which differ from call to call.
#[derive(Debug)]
pub struct Machine {
    /// The cores that this process may use.
    cpus: u32,
    gpus: Gpus,
    mask: Option<String>,
}

#[derive(Debug)]
enum Gpus {
    Driver(nvml::Driver),
    Mock(PathBuf),
}

impl Machine {
    /// The machine that this process runs on, or the mock machine of [`ENV_INVENTORY`].
    pub(crate) fn open() -> Self {
        let file = env::var_os(ENV_INVENTORY).filter(|path| !path.is_empty());
        let gpus = match file {
            Some(path) => Gpus::Mock(path.into()),
            None => Gpus::Driver(nvml::Driver::open()),
        };
        let cpus = thread::available_parallelism().map_or(1, |n| n.get() as u32);
        Self { cpus, gpus, mask: env::var(ENV_MASK).ok() }
    }

    /// The inventory as it is now, with only those GPUs that an inherited `CUDA_VISIBLE_DEVICES`
    /// makes visible.
    pub(crate) fn read_inventory(&self) -> Result<Inventory, FileError> {
        let mut all = match &self.gpus {
            Gpus::Driver(driver) => driver.read_inventory(),
            Gpus::Mock(path) => mock_inventory::read(path)?,
        };
        if all.cpus == 0 {
            all.cpus = self.cpus;
        }
        let (gpus, hidden) = visible_devices::apply(all.gpus, self.mask.as_deref());
        let notes: Vec<String> = all.note.into_iter().chain(hidden).collect();
        let note = (!notes.is_empty()).then(|| notes.join("; "));
        Ok(Inventory { gpus, note, ..all })
    }
}
