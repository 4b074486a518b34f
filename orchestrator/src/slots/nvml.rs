//! The GPUs that NVIDIA's driver reports through its management library, NVML. The only file that
//! names it.

use experiments::schema::resources::Memory;
use nvml_wrapper::enum_wrappers::device::TemperatureSensor;
use nvml_wrapper::enums::device::UsedGpuMemory;
use nvml_wrapper::error::NvmlError;
use nvml_wrapper::{Device, Nvml};

use super::inventory::{Gpu, GpuProcess, Inventory};

/// Longest process name that is read.
const NAME_BYTES: usize = 256;

/// The driver, or the reason why it cannot be used.
#[derive(Debug)]
pub(super) struct Driver(Result<Box<Nvml>, NvmlError>);

impl Driver {
    pub(super) fn open() -> Self {
        Self(Nvml::init().map(Box::new))
    }

    /// The GPUs as they are now, with a note about those that do not respond. The number of cores is
    /// left at 0.
    pub(super) fn read_inventory(&self) -> Inventory {
        let nvml = match &self.0 {
            Ok(nvml) => nvml,
            Err(e) => return without_gpus(e),
        };
        let count = match nvml.device_count() {
            Ok(count) => count,
            Err(e) => return without_gpus(&e),
        };
        let (mut gpus, mut errors) = (Vec::new(), Vec::new());
        for index in 0..count {
            match nvml.device_by_index(index).and_then(|device| devices(nvml, &device)) {
                Ok(devices) => gpus.extend(devices),
                Err(e) => errors.push(format!("GPU {index} does not respond: {e}")),
            }
        }
        Inventory {
            gpus,
            driver: nvml.sys_driver_version().ok(),
            note: (!errors.is_empty()).then(|| errors.join("; ")),
            ..Inventory::default()
        }
    }
}

fn without_gpus(error: &NvmlError) -> Inventory {
    let note = match error {
        NvmlError::LibloadingError(_) => {
            "no NVIDIA driver: there is no `libnvidia-ml.so.1`".to_owned()
        }
        other => format!("no NVIDIA driver: {other}"),
    };
    Inventory { note: Some(note), ..Inventory::default() }
}

/// The GPU, or the MIG devices that it is divided into.
fn devices(nvml: &Nvml, device: &Device) -> Result<Vec<Gpu>, NvmlError> {
    let divided = device.mig_mode().is_ok_and(|mode| mode.current == 1);
    if !divided {
        return Ok(vec![gpu(nvml, device)?]);
    }
    // Most indices have no device.
    (0..device.mig_device_count()?)
        .filter_map(|index| device.mig_device_by_index(index).ok())
        .map(|device| gpu(nvml, &device))
        .collect()
}

fn gpu(nvml: &Nvml, device: &Device) -> Result<Gpu, NvmlError> {
    let memory = device.memory_info()?;
    let mut processes = Vec::new();
    // Not every driver reports them for every device; then memory alone shows that it is in use.
    for process in device.running_compute_processes().unwrap_or_default() {
        processes.push(GpuProcess {
            pid: process.pid,
            name: nvml
                .sys_process_name(process.pid, NAME_BYTES)
                .map_or(String::new(), |command| program(&command)),
            memory: match process.used_gpu_memory {
                UsedGpuMemory::Used(bytes) => Some(Memory(bytes)),
                UsedGpuMemory::Unavailable => None,
            },
        });
    }
    Ok(Gpu {
        uuid: device.uuid()?,
        name: device.name()?,
        memory: Memory(memory.total),
        free: Memory(memory.free),
        used: Memory(memory.used),
        // A device of a divided GPU has none.
        utilization: device.utilization_rates().ok().map(|rates| rates.gpu),
        power: device.power_usage().ok().map(|milliwatts| (milliwatts + 500) / 1000),
        temperature: device.temperature(TemperatureSensor::Gpu).ok(),
        processes,
    })
}

/// The file name of a command line's program.
fn program(command: &str) -> String {
    let path = command.split_whitespace().next().unwrap_or_default();
    path.rsplit('/').next().unwrap_or_default().to_owned()
}
