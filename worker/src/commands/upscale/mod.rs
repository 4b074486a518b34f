//! `orch-worker upscale`: super-resolves a person's pictures with a checkpoint.

mod display;
mod model;

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context;
use fs_err as fs;
use signal_hook::consts::{SIGINT, SIGTERM};
use tch::Device;

use self::display::Display;
use self::model::{Model, SamplingOptions};
use crate::bridge;
use crate::checkpoint::Weights;
use crate::config::Sampler;
use crate::device::open_cuda;
use crate::failure;
use crate::image::{Rgb, bicubic, files};

/// Exit code: the request cannot be carried out as it is; nothing was made.
const UNUSABLE: i32 = 2;
/// Exit code after Ctrl-C, as shells have it.
const INTERRUPTED: i32 = 130;

/// Arguments of `orch-worker upscale`.
#[derive(Debug, clap::Args)]
pub struct Upscale {
    /// Pictures (PNG or JPEG), or folders of them.
    #[arg(required = true, value_name = "IN")]
    inputs: Vec<PathBuf>,
    /// Checkpoint of a trial: the newest file in its `checkpoints` folder.
    #[arg(long, value_name = "FILE")]
    checkpoint: PathBuf,
    /// Folder for the results, PNG files of the inputs' names. It is made if need be.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Checkpoint that enlarges the result once more; may be given again.
    #[arg(long, value_name = "FILE")]
    cascade: Vec<PathBuf>,
    /// Sampling steps; as many as in training if not given. With `ddim`, 20 to 100 are enough.
    #[arg(long, value_name = "N")]
    steps: Option<usize>,
    /// The chain: `ddpm` adds fresh noise at every step, `ddim` is deterministic after the first.
    #[arg(long, value_enum, default_value = "ddpm")]
    sampler: Sampler,
    /// Another seed invents other details. The same seed makes the same pictures.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Averaged weights or those of the last step.
    #[arg(long, value_enum, default_value = "ema")]
    weights: Weights,
    /// First reduce each picture until its shorter side is what the model was trained on, as the
    /// paper does with faces whose truth is known. Otherwise a picture is taken as it is.
    #[arg(long)]
    reduce: bool,
    /// Pictures at a time, of those that have the same size.
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..))]
    batch: u16,
    /// Compute on the CPU even where there is a GPU.
    #[arg(long)]
    cpu: bool,
    /// Replace results that are already there.
    #[arg(long)]
    force: bool,
}

/// One picture, reduced already where that is requested, and where its result goes.
struct Job {
    image: Rgb,
    output: PathBuf,
}

/// Enlarges the pictures, or reports every problem with the request. Returns the exit code.
pub fn upscale(request: &Upscale) -> i32 {
    let (models, jobs) = match prepare(request) {
        Ok(prepared) => prepared,
        Err(problems) => {
            super::report_errors(problems);
            return UNUSABLE;
        }
    };
    let outcome = failure::caught(|| run(request, &models, jobs));
    match outcome.map_err(anyhow::Error::from).flatten() {
        Ok(ControlFlow::Continue(())) => 0,
        Ok(ControlFlow::Break(())) => INTERRUPTED,
        Err(error) => {
            super::report_errors([error]);
            1
        }
    }
}

impl Upscale {
    fn options(&self) -> SamplingOptions {
        SamplingOptions { sampler: self.sampler, steps: self.steps, seed: self.seed }
    }
}

/// Reads all inputs before anything is written, so that all problems are reported at once.
fn prepare(request: &Upscale) -> Result<(Vec<Model>, Vec<Job>), Vec<anyhow::Error>> {
    let mut problems = Vec::new();
    let device = match device(request) {
        Ok(device) => device,
        Err(error) => return Err(vec![error]),
    };
    let checkpoints = [&request.checkpoint].into_iter().chain(&request.cascade);
    let models = checkpoints.map(|path| {
        let model = Model::load(path, request.weights, device)?;
        model.chain(request.options()).with_context(|| format!("`{}`", path.display()))?;
        Ok(model)
    });
    let models: Vec<Model> = successes(models, &mut problems);
    let inputs = request.inputs.iter().map(|input| pictures(input));
    let inputs: Vec<_> = successes(inputs, &mut problems).into_iter().flatten().collect();
    let mut taken = BTreeMap::new();
    let factor = models.iter().fold(1, |factor: usize, model| factor.saturating_mul(model.factor));
    let jobs = inputs.into_iter().map(|(name, path)| {
        let output = request.out.join(name).with_extension("png");
        if let Some(other) = taken.insert(output.clone(), path.clone()) {
            let (one, other) = (other.display(), path.display());
            anyhow::bail!("`{one}` and `{other}` would both become `{}`", output.display());
        }
        if fs::canonicalize(&output).is_ok_and(|there| Some(there) == fs::canonicalize(&path).ok())
        {
            anyhow::bail!(
                "`{}` would be replaced by its result; choose another --out",
                path.display()
            );
        }
        if !request.force && output.exists() {
            anyhow::bail!("`{}` exists; --force replaces it", output.display());
        }
        let mut image = Rgb::load(&path)?;
        if let Some(first) = models.first().filter(|_| request.reduce) {
            image = reduced(&image, first.low);
        }
        let [width, height] =
            [image.width, image.height].map(|side| side.saturating_mul(factor));
        anyhow::ensure!(
            Rgb::fits(width, height),
            "`{}` would become {width}×{height} pixels, too many for memory; use --reduce, or cut it \
             into parts",
            path.display()
        );
        Ok(Job { image, output })
    });
    let jobs = successes(jobs, &mut problems);
    if problems.is_empty() { Ok((models, jobs)) } else { Err(problems) }
}

/// The device, set up so that the same seed makes the same pictures.
fn device(request: &Upscale) -> anyhow::Result<Device> {
    open_cuda();
    bridge::deterministic()?;
    Ok(if request.cpu { Device::Cpu } else { Device::cuda_if_available() })
}

/// The successes; the errors are added to `problems`.
fn successes<T>(
    results: impl Iterator<Item = anyhow::Result<T>>,
    problems: &mut Vec<anyhow::Error>,
) -> Vec<T> {
    results.filter_map(|result| result.map_err(|error| problems.push(error)).ok()).collect()
}

/// The pictures at `input` by the names of their results.
fn pictures(input: &Path) -> anyhow::Result<Vec<(String, PathBuf)>> {
    if input.is_dir() {
        let found = files::find(input)?;
        anyhow::ensure!(!found.is_empty(), "`{}` holds no PNG or JPEG image", input.display());
        return Ok(found);
    }
    let name = input.file_name().with_context(|| format!("`{}` is not a file", input.display()))?;
    Ok(vec![(name.to_string_lossy().into_owned(), input.to_owned())])
}

fn run(request: &Upscale, models: &[Model], mut jobs: Vec<Job>) -> anyhow::Result<ControlFlow<()>> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register(signal, Arc::clone(&stop))?;
    }
    let size = |job: &Job| (job.image.width, job.image.height);
    jobs.sort_by_key(size);
    let same_size = jobs.chunk_by(|a, b| size(a) == size(b));
    let mut display = Display::new(jobs.len(), models.len());
    for batch in same_size.flat_map(|group| group.chunks(request.batch.into())) {
        let mut images: Vec<Rgb> = batch.iter().map(|job| job.image.clone()).collect();
        for (stage, model) in (1..).zip(models) {
            display.begin(batch.len(), stage, model.chain(request.options())?.steps);
            let enlarged = model.enlarge(&images, request.options(), || {
                display.step();
                let stopped = stop.load(Ordering::Relaxed);
                if stopped { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            })?;
            match enlarged {
                ControlFlow::Continue(enlarged) => images = enlarged,
                ControlFlow::Break(()) => return Ok(ControlFlow::Break(())),
            }
        }
        for (job, image) in batch.iter().zip(&images) {
            job.save(image)?;
            display.finished(&job.output, &job.image, image)?;
        }
    }
    Ok(ControlFlow::Continue(()))
}

/// The picture with its shorter side reduced to `low` pixels; a smaller one stays as it is.
fn reduced(image: &Rgb, low: usize) -> Rgb {
    let scale = low as f64 / image.width.min(image.height) as f64;
    if scale >= 1.0 {
        return image.clone();
    }
    let [width, height] =
        [image.width, image.height].map(|side| (side as f64 * scale).round() as usize);
    bicubic::resize(image, width, height)
}

impl Job {
    /// Writes the result; it is complete when its name appears.
    fn save(&self, image: &Rgb) -> anyhow::Result<()> {
        let folder = self.output.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder)?;
        let partial = self.output.with_extension("png.partial");
        image.save_png(&partial)?;
        Ok(fs::rename(partial, &self.output)?)
    }
}
