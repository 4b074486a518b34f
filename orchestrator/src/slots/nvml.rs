//! NVIDIA's management library, NVML: the GPUs that the driver knows. The only file that names it.

use experiments::schema::resources::Memory;
use nvml_wrapper::enums::device::UsedGpuMemory;
use nvml_wrapper::error::NvmlError;
use nvml_wrapper::{Device, Nvml};

use super::inventory::{Gpu, GpuProcess, Inventory};

/// Names of processes are cut after so many bytes.
const NAME_BYTES: usize = 256;

/// The driver, or why there is none.
#[derive(Debug)]
pub(super) struct Driver(Result<Box<Nvml>, NvmlError>);

impl Driver {
    pub(super) fn open() -> Self {
        Self(Nvml::init().map(Box::new))
    }

    /// The GPUs as they are now; those that do not answer are named in the note. Cores are not
    /// counted.
    pub(super) fn look(&self) -> Inventory {
        let nothing = |e: &NvmlError| Inventory { note: Some(absence(e)), ..Inventory::default() };
        let nvml = match &self.0 {
            Ok(nvml) => nvml,
            Err(e) => return nothing(e),
        };
        let count = match nvml.device_count() {
            Ok(count) => count,
            Err(e) => return nothing(&e),
        };
        let (mut gpus, mut silent) = (Vec::new(), Vec::new());
        for index in 0..count {
            match nvml.device_by_index(index).and_then(|device| parts(nvml, &device)) {
                Ok(parts) => gpus.extend(parts),
                Err(e) => silent.push(format!("GPU {index} does not answer: {e}")),
            }
        }
        Inventory {
            gpus,
            driver: nvml.sys_driver_version().ok(),
            note: (!silent.is_empty()).then(|| silent.join("; ")),
            ..Inventory::default()
        }
    }
}

/// Why there are no GPUs.
fn absence(error: &NvmlError) -> String {
    match error {
        NvmlError::LibloadingError(_) => {
            "no NVIDIA driver: there is no `libnvidia-ml.so.1`".to_owned()
        }
        other => format!("no NVIDIA driver: {other}"),
    }
}

/// The GPU, or the devices that it is divided into.
fn parts(nvml: &Nvml, device: &Device) -> Result<Vec<Gpu>, NvmlError> {
    let divided = device.mig_mode().is_ok_and(|mode| mode.current == 1);
    if !divided {
        return Ok(vec![gpu(nvml, device)?]);
    }
    let places = 0..device.mig_device_count()?;
    // Most places are empty.
    let devices = places.filter_map(|place| device.mig_device_by_index(place).ok());
    devices.map(|device| gpu(nvml, &device)).collect()
}

fn gpu(nvml: &Nvml, device: &Device) -> Result<Gpu, NvmlError> {
    let memory = device.memory_info()?;
    // Not every driver tells for every kind of device; then memory alone says what is busy.
    let processes = device.running_compute_processes().unwrap_or_default();
    let process = |p: nvml_wrapper::struct_wrappers::device::ProcessInfo| GpuProcess {
        pid: p.pid,
        name: nvml.sys_process_name(p.pid, NAME_BYTES).map_or(String::new(), |n| program(&n)),
        memory: match p.used_gpu_memory {
            UsedGpuMemory::Used(bytes) => Some(Memory(bytes)),
            UsedGpuMemory::Unavailable => None,
        },
    };
    Ok(Gpu {
        uuid: device.uuid()?,
        name: device.name()?,
        memory: Memory(memory.total),
        free: Memory(memory.free),
        used: Memory(memory.used),
        processes: processes.into_iter().map(process).collect(),
    })
}

/// The program's own name of a command line or path.
fn program(command: &str) -> String {
    let path = command.split_whitespace().next().unwrap_or_default();
    path.rsplit('/').next().unwrap_or_default().to_owned()
}
