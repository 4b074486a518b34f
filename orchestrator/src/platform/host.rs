//! Which machine this is: whose locks can be asked about, whose slots are counted, and what it is
//! made of, for people.

use std::fs::File;
use std::io::{BufRead, BufReader};

use serde::{Deserialize, Serialize};

/// A machine, and which of its boots.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Host {
    /// The name it has on the network.
    pub name: String,
    /// systemd's machine id, where there is one.
    pub machine_id: Option<String>,
    /// Changes with every boot; one running kernel has one.
    pub boot_id: Option<String>,
}

impl Host {
    /// This machine.
    pub fn this() -> Self {
        Self {
            name: rustix::system::uname().nodename().to_string_lossy().into_owned(),
            machine_id: first_line("/etc/machine-id"),
            boot_id: first_line("/proc/sys/kernel/random/boot_id"),
        }
    }

    /// Whether both are the same running kernel, which alone knows who holds a lock.
    pub fn same_boot(&self, other: &Self) -> bool {
        match (&self.boot_id, &other.boot_id) {
            (Some(a), Some(b)) => a == b,
            _ => self.same_machine(other),
        }
    }

    /// Whether both are the same machine, perhaps before and after a reboot.
    pub fn same_machine(&self, other: &Self) -> bool {
        self.name == other.name && self.machine_id == other.machine_id
    }

    /// The machine id, or the name where there is none; fit for a folder's name.
    pub fn id(&self) -> &str {
        self.machine_id.as_deref().unwrap_or(&self.name)
    }
}

/// Release of the running kernel.
pub fn kernel() -> String {
    rustix::system::uname().release().to_string_lossy().into_owned()
}

/// Model of the first processor, where the system tells.
pub fn cpu_model() -> Option<String> {
    let lines = BufReader::new(File::open("/proc/cpuinfo").ok()?).lines();
    // Not every line: there are some for each of perhaps hundreds of cores.
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
