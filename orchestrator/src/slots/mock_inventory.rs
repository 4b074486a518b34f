//! A mock inventory, read from a file, for tests and for dry runs on machines without a GPU.

use std::collections::BTreeSet;
use std::path::Path;

use experiments::schema::resources::Memory;
use experiments::yaml::source::{FileError, Source};
use serde::Deserialize;

use super::inventory::{Gpu, GpuProcess, Inventory};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    /// This machine's if absent.
    #[serde(default)]
    cpus: u32,
    #[serde(default)]
    driver: Option<String>,
    #[serde(default)]
    gpus: Vec<FileGpu>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileGpu {
    uuid: String,
    #[serde(default)]
    name: String,
    memory: Memory,
    /// The memory without that of the processes if absent.
    #[serde(default)]
    free: Option<Memory>,
    #[serde(default)]
    utilization: Option<u32>,
    #[serde(default)]
    power: Option<u32>,
    #[serde(default)]
    temperature: Option<u32>,
    #[serde(default)]
    processes: Vec<FileProcess>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileProcess {
    pid: u32,
    #[serde(default)]
    name: String,
    #[serde(default)]
    memory: Option<Memory>,
}

/// The inventory in the file at `path`; 0 cores if the file does not give a number.
pub(super) fn read(path: &Path) -> Result<Inventory, FileError> {
    let source = Source::read(path)?;
    let file: File = source.decode()?;
    let mut seen = BTreeSet::new();
    for (i, gpu) in file.gpus.iter().enumerate() {
        if !is_file_name(&gpu.uuid) || !seen.insert(&gpu.uuid) {
            let message = format!("`{}` is not a valid UUID, or not unique", gpu.uuid);
            let hint = Some("use letters, digits and `-`, and each UUID once");
            let finding = source.finding(&format!("/gpus/{i}/uuid"), message).hint(hint);
            return Err(finding.into_error());
        }
    }
    Ok(Inventory {
        cpus: file.cpus,
        gpus: file.gpus.into_iter().map(gpu).collect(),
        driver: file.driver,
        note: None,
        mock: Some(path.to_owned()),
    })
}

/// UUIDs become parts of lock files' names.
fn is_file_name(uuid: &str) -> bool {
    !uuid.is_empty() && uuid.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
}

fn gpu(gpu: FileGpu) -> Gpu {
    let of_processes = gpu.processes.iter().filter_map(|process| process.memory);
    let used = of_processes.fold(0u64, |sum, memory| sum.saturating_add(memory.0));
    let free = gpu.free.unwrap_or(Memory(gpu.memory.0.saturating_sub(used)));
    let mut processes = Vec::new();
    for FileProcess { pid, name, memory } in gpu.processes {
        processes.push(GpuProcess { pid, name, memory });
    }
    Gpu {
        uuid: gpu.uuid,
        name: gpu.name,
        memory: gpu.memory,
        free,
        used: Memory(gpu.memory.0.saturating_sub(free.0)),
        utilization: gpu.utilization,
        power: gpu.power,
        temperature: gpu.temperature,
        processes,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mock_inventory_is_yaml_or_json() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gpus.yaml");
        let process = "{\"pid\": 7, \"name\": \"python\", \"memory\": \"20GiB\"}";
        std::fs::write(
            &path,
            format!(
                "{{\"cpus\": 4, \"gpus\": [
                  {{\"uuid\": \"GPU-1\", \"memory\": \"80GiB\", \"processes\": [{process}]}},
                  {{\"uuid\": \"GPU-2\", \"memory\": \"80GiB\", \"free\": \"79GiB\"}}]}}"
            ),
        )
        .unwrap();
        let inventory = read(&path).unwrap();
        assert_eq!((inventory.cpus, inventory.mock.as_deref()), (4, Some(path.as_path())));
        let memory: Vec<_> =
            inventory.gpus.iter().map(|g| (g.free.0 >> 30, g.used.0 >> 30)).collect();
        assert_eq!(memory, [(60, 20), (79, 1)]);

        for gpus in [
            "{uuid: GPU-1, memory: 80GiB, busy: yes}",
            "{uuid: ../GPU-1, memory: 80GiB}",
            "{uuid: GPU-1, memory: 80GiB}\n  - {uuid: GPU-1, memory: 80GiB}",
        ] {
            std::fs::write(&path, format!("gpus:\n  - {gpus}\n")).unwrap();
            let error = read(&path).unwrap_err().to_string();
            assert!(error.contains(&format!("gpus.yaml:{}:", 1 + gpus.lines().count())), "{error}");
        }
    }
}
