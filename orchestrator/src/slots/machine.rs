//! Looking at this machine: the one place where what it has comes from, be it NVIDIA's management
//! library or the file that [`ENV_INVENTORY`] names.

use std::env;
use std::path::PathBuf;
use std::thread;

use experiments::yaml::source::FileError;

use super::inventory::Inventory;
use super::{mock_inventory, nvml, visible_devices};

/// Environment variable with the path of a file that makes an inventory up.
pub const ENV_INVENTORY: &str = "ORCH_INVENTORY";

/// Environment variable by which this process was given some of the GPUs.
const ENV_MASK: &str = "CUDA_VISIBLE_DEVICES";

/// A machine that can be looked at again and again.
#[derive(Debug)]
pub struct Machine {
    gpus: Gpus,
    mask: Option<String>,
}

#[derive(Debug)]
enum Gpus {
    Driver(nvml::Driver),
    Mock(PathBuf),
}

impl Machine {
    /// The machine that this process is to use: what it runs on, or what [`ENV_INVENTORY`] makes
    /// up.
    pub fn open() -> Self {
        let file = env::var_os(ENV_INVENTORY).filter(|path| !path.is_empty());
        let gpus = match file {
            Some(path) => Gpus::Mock(path.into()),
            None => Gpus::Driver(nvml::Driver::open()),
        };
        Self { gpus, mask: env::var(ENV_MASK).ok() }
    }

    /// What there is now. Of the GPUs only those count that an inherited `CUDA_VISIBLE_DEVICES`
    /// lets through.
    pub fn look(&self) -> Result<Inventory, FileError> {
        let mut seen = match &self.gpus {
            Gpus::Driver(driver) => driver.look(),
            Gpus::Mock(path) => mock_inventory::read(path)?,
        };
        if seen.cpus == 0 {
            seen.cpus = thread::available_parallelism().map_or(1, |n| n.get() as u32);
        }
        let (gpus, hidden) = visible_devices::apply(seen.gpus, self.mask.as_deref());
        let notes: Vec<String> = seen.note.into_iter().chain(hidden).collect();
        let note = (!notes.is_empty()).then(|| notes.join("; "));
        Ok(Inventory { gpus, note, ..seen })
    }
}
