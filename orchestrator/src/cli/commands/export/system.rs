//! `orch export --system`: samples of CPU, memory and GPUs, a line for each value.

use experiments::protocol::trial_id::TrialId;
use reports::table::record;
use serde::Serialize;

use crate::cli::args::ExportFormat;
use crate::cli::commands::error::{Result, VerbError};
use crate::run_dir::RunDir;
use crate::run_dir::system_samples::{self, SystemSample};
use crate::store::{Store, TrialRecord};

/// A sampled value, in the order of the columns.
#[derive(Serialize)]
struct Line<'a> {
    trial: &'a TrialId,
    variant: &'a str,
    seed: u64,
    attempt: u32,
    time: f64,
    metric: &'static str,
    /// The GPU; empty for the processes.
    gpu: &'a str,
    value: f64,
}

/// Gives every line to `write`, and returns their number.
pub(super) async fn write_lines<E>(
    run: &RunDir,
    store: &mut Store,
    trials: &[TrialRecord],
    format: ExportFormat,
    mut write: impl FnMut(&str) -> Result<(), E>,
) -> Result<u64>
where
    VerbError: From<E>,
{
    let mut count = 0;
    if format == ExportFormat::Csv {
        write("trial,variant,seed,attempt,time,metric,gpu,value\n")?;
    }
    for trial in trials {
        for attempt in store.attempts_of(&trial.id).await? {
            let file = run.attempt(&trial.id, attempt.number).system();
            for sample in system_samples::read(&file)? {
                for (metric, gpu, value) in values(&sample) {
                    let line = Line {
                        trial: &trial.id,
                        variant: &trial.variant,
                        seed: trial.seed,
                        attempt: attempt.number,
                        time: sample.time,
                        metric,
                        gpu,
                        value,
                    };
                    write(&if format == ExportFormat::Csv { line.csv() } else { line.json()? })?;
                    count += 1;
                }
            }
        }
    }
    Ok(count)
}

/// The values of a sample: metric with its unit, GPU, value.
fn values(sample: &SystemSample) -> Vec<(&'static str, &str, f64)> {
    let mut values = vec![
        ("cpu_cores", "", sample.cpu),
        ("memory_bytes", "", sample.memory as f64),
        ("processes", "", f64::from(sample.processes)),
    ];
    for gpu in &sample.gpus {
        let of_gpu = [
            ("gpu_utilization_percent", gpu.utilization.map(f64::from)),
            ("gpu_memory_bytes", Some(gpu.memory as f64)),
            ("gpu_power_watts", gpu.power.map(f64::from)),
            ("gpu_temperature_celsius", gpu.temperature.map(f64::from)),
        ];
        let known = of_gpu.into_iter().filter_map(|(metric, value)| Some((metric, value?)));
        values.extend(known.map(|(metric, value)| (metric, gpu.uuid.as_str(), value)));
    }
    values
}

impl Line<'_> {
    fn csv(&self) -> String {
        record(&[
            self.trial.0.clone(),
            self.variant.to_owned(),
            self.seed.to_string(),
            self.attempt.to_string(),
            self.time.to_string(),
            self.metric.to_owned(),
            self.gpu.to_owned(),
            self.value.to_string(),
        ])
    }

    fn json(&self) -> serde_json::Result<String> {
        Ok(serde_json::to_string(self)? + "\n")
    }
}
