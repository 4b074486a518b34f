//! Initial weights of a network, from a file: a public checkpoint of the unofficial SR3, under
//! its own names, or a checkpoint of ours.

use std::path::Path;

use tch::nn::VarStore;

use crate::checkpoint::{Checkpoint, Weights};
use crate::model::parameters;
use crate::weights::{WeightsError, WeightsFile};

/// The network inside the unofficial SR3's `GaussianDiffusion`.
const NETWORK: &str = "denoise_fn.";
/// The noise schedule, which that keeps beside the network. Ours follows from the config.
const SCHEDULE: [&str; 12] = [
    "betas",
    "alphas_cumprod",
    "alphas_cumprod_prev",
    "sqrt_alphas_cumprod",
    "sqrt_one_minus_alphas_cumprod",
    "log_one_minus_alphas_cumprod",
    "sqrt_recip_alphas_cumprod",
    "sqrt_recipm1_alphas_cumprod",
    "posterior_variance",
    "posterior_log_variance_clipped",
    "posterior_mean_coef1",
    "posterior_mean_coef2",
];

/// Copies the weights in the safetensors file at `path` into the network of `store`. The file must
/// hold exactly its parameters, as they are or with the prefix `denoise_fn.`, beside the noise
/// schedule; or be a checkpoint of ours, whose averages and moments are left out.
pub fn load(path: &Path, store: &VarStore) -> Result<(), WeightsError> {
    let file = open(path)?;
    file.load(&parameters::by_name(store), role(&file))
}

/// Fails where [`load`] would, and returns a digest of the file's contents.
pub(crate) fn check(path: &Path, store: &VarStore) -> Result<String, WeightsError> {
    let file = open(path)?;
    file.check(&parameters::by_name(store), role(&file))?;
    file.digest()
}

/// The file at `path`; a checkpoint of ours must be intact.
fn open(path: &Path) -> Result<WeightsFile, WeightsError> {
    let file = WeightsFile::open(path)?;
    if Checkpoint::is(&file) {
        file.verify()?;
    }
    Ok(file)
}

/// Maps the name of a tensor in `file` to the parameter's name; to none for the schedule and averages.
fn role(file: &WeightsFile) -> fn(&str) -> Option<&str> {
    if Checkpoint::is(file) {
        return |name| Weights::Raw.role(name);
    }
    |name| {
        let name = name.strip_prefix(NETWORK).unwrap_or(name);
        (!SCHEDULE.contains(&name)).then_some(name)
    }
}
