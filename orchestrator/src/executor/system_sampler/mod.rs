//! `orch sample-system`: samples an attempt's use of CPU, memory and GPUs while its worker runs.

mod process_use;

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::thread;
use std::time::Duration;

use experiments::regular_file;
use rustix::process::{Pid, Signal};

use self::process_use::ProcessUse;
use crate::platform::clock;
use crate::run_dir::attempt::{AttemptDir, Command};
use crate::run_dir::system_samples::{GpuSample, SystemSample};
use crate::slots::Machine;

/// Longest wait for the sampler's start, and from there for its first sample.
const LONGEST_FIRST_WAIT: Duration = Duration::from_secs(5);

/// The wait for the sampler's start, and from there for its first sample.
pub(crate) fn first_wait(interval: Duration) -> Duration {
    interval.min(LONGEST_FIRST_WAIT)
}

/// Appends samples of `attempt` to its file until it is killed; `holder` is the attempt's holder and this
/// process's parent.
pub(crate) fn sample(attempt: &AttemptDir, holder: Pid) -> io::Result<()> {
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    let Ok(Some(command)) = attempt.read_command() else { return Ok(()) };
    let Some(interval) = command.sample_secs.map(Duration::from_secs_f64) else { return Ok(()) };
    let gpus = Gpus::of(attempt, &command);
    let mut before = ProcessUse::read(holder);
    let mut wait = first_wait(interval);
    // The holder may have died before its death had a signal.
    while rustix::process::getppid() == Some(holder) {
        thread::sleep(wait);
        wait = interval;
        let now = ProcessUse::read(holder);
        let sample = SystemSample {
            time: clock::now_ms() as f64 / 1e3,
            cpu: now.cores_since(&before),
            memory: now.memory,
            processes: now.processes,
            gpus: gpus.read(),
        };
        before = now;
        // A full disk costs samples.
        let _ = append(attempt, &sample);
    }
    Ok(())
}

fn append(attempt: &AttemptDir, sample: &SystemSample) -> io::Result<()> {
    let mut options = OpenOptions::new();
    // Closed again: the end of a lost attempt kills what has its files open.
    let mut file = regular_file::open_with(options.create(true).append(true), &attempt.system())?;
    file.write_all((serde_json::to_string(sample)? + "\n").as_bytes())
}

/// The GPUs of an attempt; `None` without any, so that no driver is loaded.
struct Gpus(Option<(Machine, Selection)>);

/// The GPUs among those of the machine that this process may use.
enum Selection {
    /// Those with these UUIDs.
    Given(Vec<String>),
    /// All that the cluster allocated.
    Visible,
}

impl Gpus {
    fn of(attempt: &AttemptDir, command: &Command) -> Self {
        let given: Vec<_> = command.provenance.gpus.iter().map(|gpu| gpu.uuid.clone()).collect();
        let is_masked = std::env::var("CUDA_VISIBLE_DEVICES").is_ok_and(|mask| !mask.is_empty());
        let selection = if !given.is_empty() {
            Selection::Given(given)
        } else if attempt.job().exists() && is_masked {
            Selection::Visible
        } else {
            return Self(None);
        };
        Self(Some((Machine::open(), selection)))
    }

    fn read(&self) -> Vec<GpuSample> {
        let Some((machine, selection)) = &self.0 else { return Vec::new() };
        // One that does not respond is missing in the sample.
        let gpus = machine.read_inventory().map(|inventory| inventory.gpus).unwrap_or_default();
        let is_own = |uuid: &String| match selection {
            Selection::Given(given) => given.contains(uuid),
            Selection::Visible => true,
        };
        let own = gpus.into_iter().filter(|gpu| is_own(&gpu.uuid));
        own.map(|gpu| GpuSample {
            uuid: gpu.uuid,
            utilization: gpu.utilization,
            memory: gpu.used.0,
            power: gpu.power,
            temperature: gpu.temperature,
        })
        .collect()
    }
}
