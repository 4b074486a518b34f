//! An inventory from a file, for tests and for dry runs on machines without a GPU.

use std::collections::BTreeSet;
use std::path::Path;

use experiments::schema::resources::Memory;
use experiments::yaml::source::{FileError, Source};
use serde::Deserialize;

use super::inventory::{Gpu, GpuProcess, Inventory};

/// The file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    /// Those of this machine if absent.
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
    /// What its processes leave if absent.
    #[serde(default)]
    free: Option<Memory>,
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

/// What the file at `path` says now; no cores if it does not name any.
pub(super) fn read(path: &Path) -> Result<Inventory, FileError> {
    let source = Source::read(path)?;
    let file: File = source.decode()?;
    let mut seen = BTreeSet::new();
    for (i, gpu) in file.gpus.iter().enumerate() {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
        if gpu.uuid.is_empty() || !gpu.uuid.chars().all(plain) || !seen.insert(&gpu.uuid) {
            let message = format!("`{}` cannot be the UUID of one more GPU", gpu.uuid);
            let hint = Some("use letters, digits and `-`, and each only once");
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

fn gpu(gpu: FileGpu) -> Gpu {
    let of_processes = gpu.processes.iter().filter_map(|process| process.memory);
    let used = of_processes.fold(0u64, |sum, memory| sum.saturating_add(memory.0));
    let free = gpu.free.unwrap_or(Memory(gpu.memory.0.saturating_sub(used)));
    let process = |p: FileProcess| GpuProcess { pid: p.pid, name: p.name, memory: p.memory };
    Gpu {
        uuid: gpu.uuid,
        name: gpu.name,
        memory: gpu.memory,
        free,
        used: Memory(gpu.memory.0.saturating_sub(free.0)),
        processes: gpu.processes.into_iter().map(process).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_makes_a_machine_up_as_yaml_or_json() {
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
