//! `make bench`: how fast training images are prepared and brought to the device, and whether memory
//! stays flat. It writes synthetic faces into a temporary folder, reads them as a trial does, and
//! prints what it measured; nothing here passes or fails.
#![expect(clippy::print_stdout, reason = "the measurements are for people")]

use std::hint::black_box;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::Parser;
use tch::{Cuda, Device};
use worker::config::{Config, Data, Image, Source, Training};
use worker::data::{self, PrepareContext, Split};
use worker::device;
use worker::diffusion::schedule::Schedule;
use worker::image::{Rgb, bicubic};
use worker::train::batch_sampler::BatchSampler;
use worker::train::images::Images;

/// Different faces among the images; the rest are the same with another top row.
const FACES: usize = 200;
/// Pictures younger than this are not remembered by the cache.
const SETTLED: Duration = Duration::from_secs(3);

/// Measures the way of training images from their files to the device.
#[derive(Parser)]
struct Arguments {
    /// Number of images; FFHQ has 70000.
    #[arg(long, default_value_t = 3000)]
    images: usize,
    /// Side of the images in pixels.
    #[arg(long, default_value_t = 128)]
    size: usize,
    /// Side of the low-resolution images in pixels.
    #[arg(long, default_value_t = 16)]
    low: usize,
    /// Threads that prepare images.
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// Folder for the images and the cache, about 130 kB an image, used as it is if it has images;
    /// a temporary one if absent.
    #[arg(long)]
    folder: Option<PathBuf>,
    /// Given by `cargo bench`.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> anyhow::Result<()> {
    device::open_cuda();
    // Threads that wait for each other measure what else the machine does.
    tch::set_num_threads(1);
    let arguments = Arguments::parse();
    let temporary = tempfile::tempdir()?;
    let folder = arguments.folder.as_deref().unwrap_or(temporary.path());
    let config = config(&arguments, folder);
    let count = arguments.images;
    if !config.data.train[0].exists() {
        write_images(&arguments, &config.data.train[0])?;
        thread::sleep(SETTLED);
    }

    let mut go_on = |_, _| ControlFlow::Continue(());
    let cache = Some(folder.join("cache"));
    let context = &mut PrepareContext::new(cache, arguments.threads, &mut go_on);
    for name in ["fingerprint, at first", "fingerprint, again"] {
        timed(name, count, || data::fingerprint(&config.data, &config.image, context))?;
    }
    let device = Device::cuda_if_available();
    timed("open, preparing", count, || Images::open(&config, device, context))?;
    let images = timed("open, again", count, || Images::open(&config, device, context))?;
    for batch in [4, 64, 256] {
        epoch(&images, &config, batch)?;
    }
    upsample(&config.image);
    Ok(())
}

fn config(arguments: &Arguments, folder: &Path) -> Config {
    let data =
        Data { source: Source::Folder, train: vec![folder.join("train")], ..Data::default() };
    let image = Image { size: arguments.size, low: arguments.low };
    Config { data, image, ..Config::default() }
}

/// Writes as many different PNGs as asked for, made from few faces, for drawing them takes longest.
fn write_images(arguments: &Arguments, folder: &Path) -> anyhow::Result<()> {
    let (count, size) = (arguments.images, arguments.size);
    let faces = Data { train_count: Some(FACES.min(count)), ..Data::default() };
    let mut go_on = |_, _| ControlFlow::Continue(());
    let context = &mut PrepareContext::new(None, arguments.threads, &mut go_on);
    let image = Image { size, low: arguments.low };
    let faces = data::open(&faces, &image, Split::Train)?.pack(context)?;
    let faces: Vec<Rgb> = (0..faces.len()).map(|i| faces.pair(i).high).collect();
    for i in 0..count {
        let mut face = faces[i % faces.len()].clone();
        face.pixels.iter_mut().zip(i.to_le_bytes()).for_each(|(pixel, byte)| *pixel ^= byte);
        // In folders of a thousand, as FFHQ comes.
        let path = folder.join(format!("{:02}000/{i:05}.png", i / 1000));
        if i % 1000 == 0 {
            fs_err::create_dir_all(path.parent().unwrap_or(folder))?;
        }
        face.save_png(&path)?;
    }
    Ok(())
}

/// Brings every image to the device once, in the order of a trial.
fn epoch(images: &Images, config: &Config, batch: usize) -> anyhow::Result<()> {
    let training = Training { batch, ..config.training.clone() };
    let schedule = Schedule::new(&config.diffusion);
    let mut batch_sampler = BatchSampler::new(0, images.count());
    let steps = (images.count() / batch) as u64;
    let before = anonymous_kib()?;
    let start = Instant::now();
    for step in 1..=steps {
        drop(images.batch(&batch_sampler.sample(step, &training, &config.diffusion, &schedule)));
    }
    if Cuda::is_available() {
        Cuda::synchronize(0);
    }
    let seconds = start.elapsed().as_secs_f64();
    println!(
        "epoch in batches of {batch}: {:.0} images/s, {:.3} ms a batch; memory of its own {} → {} MiB",
        steps as f64 * batch as f64 / seconds,
        1e3 * seconds / steps as f64,
        before / 1024,
        anonymous_kib()? / 1024,
    );
    Ok(())
}

/// What a condition would cost if it were not packed.
fn upsample(image: &Image) {
    const TIMES: usize = 200;
    let low = Rgb { width: image.low, height: image.low, pixels: vec![9; image.low.pow(2) * 3] };
    let start = Instant::now();
    for _ in 0..TIMES {
        black_box(bicubic::resize(black_box(&low), image.size, image.size));
    }
    let each = start.elapsed() / TIMES as u32;
    println!("upsampling {} → {} px, one thread: {each:.2?} an image", image.low, image.size);
}

fn timed<T, E>(name: &str, count: usize, work: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
    let start = Instant::now();
    let done = work()?;
    let seconds = start.elapsed().as_secs_f64();
    println!("{name}: {seconds:.2} s, {:.0} images/s", count as f64 / seconds);
    Ok(done)
}

/// Memory that is not a map of a file.
fn anonymous_kib() -> anyhow::Result<u64> {
    let status = fs_err::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
    let number = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
    number.context("/proc/self/status has no `RssAnon`")
}
