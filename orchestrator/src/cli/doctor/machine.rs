//! Checks of cores, memory and GPUs, and of optional programs.

use std::fs;
use std::process::{Command, Stdio};

use experiments::schema::resources::Memory;

use super::Finding;
use crate::slots::{ENV_INVENTORY, Gpu, Inventory, Machine};

/// With less available memory than this, a worker hardly fits.
const LITTLE_MEMORY: Memory = Memory(1 << 30);

/// An idle GPU has at most this much of its memory in use.
const IDLE_GPU: Memory = Memory(1 << 30);

/// Findings about the machine, and its inventory for further checks; `None` if it cannot be read.
pub(crate) fn machine() -> (Vec<Finding>, Option<Inventory>) {
    let mut findings = Vec::new();
    let inventory = match Machine::open().read_inventory() {
        Ok(inventory) => inventory,
        Err(error) => {
            let advice = format!("correct the file, or unset `{ENV_INVENTORY}`");
            return (vec![Finding::problem("inventory", error.to_string(), &advice)], None);
        }
    };
    if let Some(file) = &inventory.mock {
        let found = format!("CPUs and GPUs are mocked by `{}`", file.display());
        let advice = format!("unset `{ENV_INVENTORY}` to see this machine");
        findings.push(Finding::warning("inventory", found, &advice));
    }
    findings.push(Finding::ok("CPUs", inventory.cpus.to_string()));
    findings.extend(memory());
    findings.extend(gpus(&inventory));
    (findings, Some(inventory))
}

/// Findings about programs that `orch` uses if they are installed.
pub(crate) fn programs() -> Vec<Finding> {
    let output = Command::new("git").arg("--version").stdin(Stdio::null()).output();
    let version = output.ok().filter(|output| output.status.success());
    vec![match version {
        Some(output) => {
            Finding::ok("git", String::from_utf8_lossy(&output.stdout).trim().to_owned())
        }
        None => Finding::warning(
            "git",
            "`git` is not in `PATH`",
            "install it, so that every attempt's commit is recorded",
        ),
    }]
}

fn memory() -> Option<Finding> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let of = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        Some(Memory(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? << 10))
    };
    let (total, available) = (of("MemTotal:")?, of("MemAvailable:")?);
    let found = format!("{total}, {available} available");
    Some(if available < LITTLE_MEMORY {
        Finding::warning("memory", found, "free some before workers are started")
    } else {
        Finding::ok("memory", found)
    })
}

fn gpus(inventory: &Inventory) -> Vec<Finding> {
    let note = inventory.note.clone().unwrap_or_default();
    let hardware = inventory.mock.is_none() && has_nvidia_hardware();
    if inventory.gpus.is_empty() && hardware {
        let advice = "install or reload NVIDIA's driver; `nvidia-smi` must work";
        return vec![Finding::problem("GPUs", format!("one is installed, but: {note}"), advice)];
    }
    let mut all = match (inventory.gpus.len(), note.as_str()) {
        (0, "") => vec![Finding::ok("GPUs", "none")],
        (0, note) => vec![Finding::ok("GPUs", format!("none ({note})"))],
        (n, "") => vec![Finding::ok("GPUs", n.to_string())],
        (n, note) => {
            vec![Finding::warning("GPUs", format!("{n}; {note}"), "check that this is intended")]
        }
    };
    all.extend(inventory.driver.iter().map(|driver| Finding::ok("driver", driver)));
    all.extend(inventory.gpus.iter().map(gpu));
    all
}

fn gpu(gpu: &Gpu) -> Finding {
    let found =
        format!("{}: {} with {}, {} free", gpu.short_uuid(), gpu.name, gpu.memory, gpu.free);
    match gpu.processes.len() {
        0 if gpu.used > IDLE_GPU => {
            let found = format!("{found}; {} in use by processes that are not visible", gpu.used);
            Finding::warning("GPU", found, "find their owner; `docs/gpus.md` has the rules")
        }
        0 => Finding::ok("GPU", found),
        _ => {
            let pids: Vec<_> =
                gpu.processes.iter().map(|p| format!("{} ({})", p.pid, p.name)).collect();
            Finding::ok("GPU", format!("{found}; in use by pid {}", pids.join(", ")))
        }
    }
}

/// True if the PCI bus has a display or compute controller of NVIDIA, with any driver or none.
fn has_nvidia_hardware() -> bool {
    let devices = fs::read_dir("/sys/bus/pci/devices").into_iter().flatten().flatten();
    let is = |path: std::path::PathBuf, start: &str| {
        fs::read_to_string(path).is_ok_and(|text| text.trim().starts_with(start))
    };
    devices
        .map(|entry| entry.path())
        .any(|device| is(device.join("vendor"), "0x10de") && is(device.join("class"), "0x03"))
}
