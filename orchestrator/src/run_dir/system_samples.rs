//! `system.jsonl`: samples of an attempt's use of CPU, memory and GPUs, taken by its holder while it ran. They are
//! kept apart from the points that a worker reports.

use std::io::{self, BufRead, BufReader, ErrorKind};
use std::path::Path;

use experiments::regular_file;
use serde::{Deserialize, Serialize};

/// One sample.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct SystemSample {
    /// Seconds since 1970.
    pub(crate) time: f64,
    /// Cores that were busy, on average since the sample before; 1.5 is one and a half.
    pub(crate) cpu: f64,
    /// Resident memory of all processes, in bytes; memory that processes share is counted in each.
    pub(crate) memory: u64,
    /// Number of processes.
    pub(crate) processes: u32,
    /// The GPUs that it holds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) gpus: Vec<GpuSample>,
}

/// One GPU of a sample. What others do on a shared GPU is part of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct GpuSample {
    /// Its name for `CUDA_VISIBLE_DEVICES`.
    pub(crate) uuid: String,
    /// Share of the last second or less in which it computed, in percent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) utilization: Option<u32>,
    /// Memory in use, in bytes.
    pub(crate) memory: u64,
    /// Power, in watts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) power: Option<u32>,
    /// Temperature, in degrees Celsius.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) temperature: Option<u32>,
}

/// The samples of a file, which may still grow; none if there is no file. A line that is not a sample, as of a
/// disk that was full, is skipped.
pub(crate) fn read(path: &Path) -> io::Result<Vec<SystemSample>> {
    let file = match regular_file::open(path) {
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        file => file?,
    };
    let mut samples = Vec::new();
    for line in BufReader::new(file).split(b'\n') {
        samples.extend(serde_json::from_slice::<SystemSample>(&line?).ok());
    }
    Ok(samples)
}
