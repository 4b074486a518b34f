//! The device that a trial computes on, and libtorch's set-up for it.

use std::env;
use std::path::PathBuf;

use tch::{Cuda, Device};

use crate::bridge;
use crate::config;
use crate::failure::Failure;

/// Environment variable with the place of `libtorch_cuda.so`: the file or its folder, for example
/// `site-packages/torch/lib` of a PyTorch of the same version.
pub(crate) const ENV_CUDA: &str = "ORCH_LIBTORCH_CUDA";
const CUDA_LIBRARY: &str = "libtorch_cuda.so";

/// Opens libtorch's CUDA part where there is one, so that one binary serves machines with and
/// without a GPU. Must come before any other use of libtorch.
pub fn open_cuda() {
    let place = env::var_os(ENV_CUDA).map(PathBuf::from);
    let asked_for = place.is_some();
    // A bare name is looked for in LD_LIBRARY_PATH and beside the libtorch that is linked.
    let path = place.map_or_else(
        || PathBuf::from(CUDA_LIBRARY),
        |place| if place.is_dir() { place.join(CUDA_LIBRARY) } else { place },
    );
    match bridge::open_library(&path) {
        Ok(()) => tracing::debug!("opened `{}`", path.display()),
        Err(error) if asked_for => tracing::warn!("cannot open `{}`: {error}", path.display()),
        Err(error) => tracing::debug!("no CUDA library: {error}"),
    }
}

/// Chooses the device and sets libtorch up for `threads` threads.
pub(crate) fn set_up(config: &config::Config, threads: u32) -> Result<Device, Failure> {
    // OpenMP allows a number of threads to be set at any time, the other pool only before use.
    tch::set_num_threads(threads.max(1) as i32);
    tch::set_num_interop_threads(1);
    bridge::flush_denormals()?;
    if config.deterministic {
        bridge::deterministic()?;
    }
    match config.device {
        config::Device::Cpu => Ok(Device::Cpu),
        config::Device::Auto => Ok(Device::cuda_if_available()),
        config::Device::Cuda if Cuda::is_available() => Ok(Device::Cuda(0)),
        config::Device::Cuda => Err(Failure::NoGpu),
    }
}

/// The device in words, for `hello`: `CPU, 4 threads`.
pub(crate) fn describe(device: Device, threads: u32) -> String {
    match device {
        Device::Cuda(_) => "one CUDA GPU".to_owned(),
        _ if threads == 1 => "CPU, 1 thread".to_owned(),
        _ => format!("CPU, {threads} threads"),
    }
}
