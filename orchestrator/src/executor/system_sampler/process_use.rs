//! The use of CPU and memory by all descendants of a holder.

use std::time::Instant;

use procfs::process::Process;
use rustix::process::Pid;

use crate::platform::process_tree::children;

/// The use of CPU and memory up to now.
#[derive(Debug)]
pub(super) struct ProcessUse {
    read_at: Instant,
    /// CPU time of the processes and of all that they, or the holder, have waited for, in seconds.
    cpu_secs: f64,
    /// Resident memory in bytes; memory that processes share is counted in each.
    pub(super) memory: u64,
    /// Number of processes.
    pub(super) processes: u32,
}

impl ProcessUse {
    /// Reads the descendants of `holder`, this process left out.
    pub(super) fn read(holder: Pid) -> Self {
        let (mut ticks, mut memory, mut processes) = (0, 0, 0);
        let this = rustix::process::getpid();
        if let Some(holder) = stat(holder) {
            ticks += waited_for(&holder);
        }
        let mut found = children(holder);
        while let Some(pid) = found.pop() {
            if pid == this {
                continue;
            }
            let Some(stat) = stat(pid) else { continue };
            found.extend(children(pid));
            ticks += stat.utime + stat.stime + waited_for(&stat);
            memory += stat.rss * procfs::page_size();
            processes += 1;
        }
        let cpu_secs = ticks as f64 / procfs::ticks_per_second() as f64;
        Self { read_at: Instant::now(), cpu_secs, memory, processes }
    }

    /// Cores that were busy on average since `before`.
    pub(super) fn cores_since(&self, before: &Self) -> f64 {
        let elapsed = self.read_at.duration_since(before.read_at).as_secs_f64();
        // Of a process whose parent ignores its end, the time is lost.
        let cores = (self.cpu_secs - before.cpu_secs).max(0.0) / elapsed;
        (cores * 1e3).round() / 1e3
    }
}

fn stat(pid: Pid) -> Option<procfs::process::Stat> {
    Process::new(pid.as_raw_nonzero().get()).ok()?.stat().ok()
}

/// Ticks of CPU time of the ended children that the process has waited for, and of theirs.
fn waited_for(stat: &procfs::process::Stat) -> u64 {
    u64::try_from(stat.cutime + stat.cstime).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn a_child_that_has_ended_is_counted_as_the_system_counts_it() {
        let this = rustix::process::getpid();
        // As a holder's: a process of its own, whose child computes for a while and whose other child waits.
        let script =
            "python3 -c 'import time\nwhile time.process_time() < 1.5: pass'; echo done; read line";
        let mut holder = Command::new("sh")
            .args(["-c", script])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let before = ProcessUse::read(Pid::from_child(&holder));
        let mut line = String::new();
        let mut output = std::io::BufReader::new(holder.stdout.take().unwrap());
        std::io::BufRead::read_line(&mut output, &mut line).unwrap();
        let now = ProcessUse::read(Pid::from_child(&holder));
        let busy = now.cpu_secs - before.cpu_secs;
        let of_this = ProcessUse::read(this);
        drop(holder.stdin.take());
        holder.wait().unwrap();
        assert!((1.4..2.5).contains(&busy), "{busy}");
        assert_eq!((now.processes, now.memory), (0, 0));
        assert!(of_this.processes >= 1 && of_this.memory > 100_000);
    }
}
