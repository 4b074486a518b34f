//! The use of CPU, memory and GPUs by an attempt, summed up over its samples.

use std::collections::BTreeMap;

use experiments::schema::resources::Memory;
use serde_json::{Value, json};

use crate::run_dir::system_samples::{GpuSample, SystemSample};
use crate::slots::short_uuid;

/// The headings of [`SystemUse::rows`].
pub(super) const HEADING: [&str; 7] =
    ["", "samples", "busy", "busy at most", "memory at most", "power", "hottest"];

/// Mean and highest of some values; `None` where there are none.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Spread {
    mean: f64,
    max: f64,
}

/// One attempt's use of the machine.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct SystemUse {
    samples: usize,
    /// Busy cores.
    cpu: Spread,
    /// Resident bytes, at most.
    memory: u64,
    processes: u32,
    /// By UUID.
    gpus: BTreeMap<String, GpuUse>,
}

/// One attempt's use of a GPU.
#[derive(Debug, Clone, PartialEq)]
struct GpuUse {
    samples: usize,
    /// Percent of the time.
    utilization: Option<Spread>,
    /// Bytes, at most.
    memory: u64,
    /// Watts.
    power: Option<Spread>,
    /// Degrees Celsius, at most.
    temperature: Option<u32>,
}

impl Spread {
    fn of(values: impl Iterator<Item = f64> + Clone) -> Option<Self> {
        let count = values.clone().count();
        let max = values.clone().reduce(f64::max)?;
        Some(Self { mean: values.sum::<f64>() / count as f64, max })
    }

    fn to_json(self) -> Value {
        json!({"mean": self.mean, "max": self.max})
    }
}

impl SystemUse {
    /// The use by these samples; `None` if there are none.
    pub(super) fn of(samples: &[SystemSample]) -> Option<Self> {
        let mut gpus = BTreeMap::<&str, Vec<&GpuSample>>::new();
        for gpu in samples.iter().flat_map(|sample| &sample.gpus) {
            gpus.entry(&gpu.uuid).or_default().push(gpu);
        }
        let gpus = gpus.into_iter().map(|(uuid, gpu)| (uuid.to_owned(), GpuUse::of(&gpu)));
        Some(Self {
            samples: samples.len(),
            cpu: Spread::of(samples.iter().map(|sample| sample.cpu))?,
            memory: samples.iter().map(|sample| sample.memory).max()?,
            processes: samples.iter().map(|sample| sample.processes).max()?,
            gpus: gpus.collect(),
        })
    }

    /// A row for the processes and one for each GPU, under [`HEADING`]; `name` is the attempt's.
    pub(super) fn rows(&self, name: &str) -> Vec<[String; 7]> {
        let of_processes = [
            name.to_owned(),
            self.samples.to_string(),
            format!("{:.2} cores", self.cpu.mean),
            format!("{:.2} cores", self.cpu.max),
            Memory(self.memory).to_string(),
            String::new(),
            String::new(),
        ];
        let of_gpus = self.gpus.iter().map(|(uuid, gpu)| gpu.row(name, short_uuid(uuid)));
        std::iter::once(of_processes).chain(of_gpus).collect()
    }

    pub(super) fn to_json(&self) -> Value {
        let gpus = self.gpus.iter().map(|(uuid, gpu)| {
            json!({
                "uuid": uuid,
                "samples": gpu.samples,
                "utilization_percent": gpu.utilization.map(Spread::to_json),
                "max_memory_bytes": gpu.memory,
                "power_watts": gpu.power.map(Spread::to_json),
                "max_temperature_celsius": gpu.temperature,
            })
        });
        json!({
            "samples": self.samples,
            "cpu_cores": self.cpu.to_json(),
            "max_memory_bytes": self.memory,
            "max_processes": self.processes,
            "gpus": gpus.collect::<Vec<_>>(),
        })
    }
}

impl GpuUse {
    fn of(samples: &[&GpuSample]) -> Self {
        let utilization = samples.iter().filter_map(|gpu| gpu.utilization.map(f64::from));
        Self {
            samples: samples.len(),
            utilization: Spread::of(utilization),
            memory: samples.iter().map(|gpu| gpu.memory).max().unwrap_or_default(),
            power: Spread::of(samples.iter().filter_map(|gpu| gpu.power.map(f64::from))),
            temperature: samples.iter().filter_map(|gpu| gpu.temperature).max(),
        }
    }

    fn row(&self, name: &str, uuid: &str) -> [String; 7] {
        let percent = |value: f64| format!("{value:.0}%");
        let text = |value: Option<String>| value.unwrap_or_default();
        [
            format!("{name}, {uuid}"),
            self.samples.to_string(),
            text(self.utilization.map(|spread| percent(spread.mean))),
            text(self.utilization.map(|spread| percent(spread.max))),
            Memory(self.memory).to_string(),
            text(self.power.map(|spread| format!("{:.0} W", spread.mean))),
            text(self.temperature.map(|degrees| format!("{degrees} °C"))),
        ]
    }
}
