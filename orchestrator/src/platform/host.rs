//! This machine's identity, by which locks and slots are told apart from other machines', and its
//! kernel and processor, for people.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

/// A machine, in one of its boots.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Host {
    /// Its network name.
    pub name: String,
    /// systemd's machine id; `None` where there is none.
    pub machine_id: Option<String>,
    /// The kernel's id of the boot, which changes with every reboot; `None` where it cannot be read.
    pub boot_id: Option<String>,
}

impl Host {
    /// The machine that this process runs on, read once.
    pub(crate) fn this() -> &'static Self {
        static THIS: OnceLock<Host> = OnceLock::new();
        THIS.get_or_init(|| Self {
            name: rustix::system::uname().nodename().to_string_lossy().into_owned(),
            machine_id: first_line("/etc/machine-id"),
            boot_id: first_line("/proc/sys/kernel/random/boot_id"),
        })
    }

    /// True if both are the same running kernel, which alone knows who holds a lock.
    pub(crate) fn same_boot(&self, other: &Self) -> bool {
        match (&self.boot_id, &other.boot_id) {
            (Some(a), Some(b)) => a == b,
            _ => self.same_machine(other),
        }
    }

    /// True if both are the same machine, perhaps before and after a reboot.
    pub(crate) fn same_machine(&self, other: &Self) -> bool {
        self.name == other.name && self.machine_id == other.machine_id
    }

    /// The machine id, or the name where there is none; fit for a folder's name.
    pub(crate) fn id(&self) -> &str {
        self.machine_id.as_deref().unwrap_or(&self.name)
    }
}

/// Release of the running kernel.
pub(crate) fn kernel() -> String {
    rustix::system::uname().release().to_string_lossy().into_owned()
}

/// Model of the first processor, read once; `None` where the system does not tell.
pub(crate) fn cpu_model() -> Option<String> {
    static MODEL: OnceLock<Option<String>> = OnceLock::new();
    MODEL.get_or_init(read_cpu_model).clone()
}

/// Reads what is read once, so that processes forked from this one need not.
pub(crate) fn remember() {
    Host::this();
    cpu_model();
    // Which instructions it may use: in a virtual machine, asking the processor takes longer than a file.
    memchr::memrchr(b'\n', b"");
}

fn read_cpu_model() -> Option<String> {
    let lines = BufReader::new(File::open("/proc/cpuinfo").ok()?).lines();
    // Not every line: each of perhaps hundreds of cores has a paragraph.
    let line = lines.map_while(Result::ok).find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

fn first_line(path: &str) -> Option<String> {
    let text = std::fs::read_to_string(path).ok()?;
    text.lines().next().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reboot_is_the_same_machine_and_another_boot() {
        let host = |name: &str, machine: Option<&str>, boot: Option<&str>| Host {
            name: name.to_owned(),
            machine_id: machine.map(str::to_owned),
            boot_id: boot.map(str::to_owned),
        };
        let before = host("a", Some("m"), Some("1"));
        let after = host("a", Some("m"), Some("2"));
        assert!(before.same_machine(&after) && !before.same_boot(&after));
        // Containers of one machine have names of their own and share the kernel.
        assert!(before.same_boot(&host("b", None, Some("1"))));
        assert!(!before.same_machine(&host("a", Some("other"), Some("2"))));
    }
}
