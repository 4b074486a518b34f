//! `orch-worker train`: runs one trial to its end, resuming from its newest checkpoint.

use std::collections::BTreeMap;
use std::io;
use std::ops::ControlFlow;
use std::path::Path;

use experiments::protocol::events::{Event, MetricInfo, PROTOCOL};
use experiments::protocol::exit::{WORKER_DONE, WORKER_STOPPED};
use experiments::protocol::number::Number;

use crate::attempt::{Attempt, Outcome};
use crate::config::{Config, Method};
use crate::data::{self, DataError, PrepareContext};
use crate::diffusion::schedule::Schedule;
use crate::error_chain::error_chain;
use crate::evaluate::{
    Scores, Validation, measure_bicubic, measure_networks, measure_steps_sweep,
    steps_sweep_descriptions,
};
use crate::failure::{self, Failure};
use crate::train::Trainer;
use crate::train::images::Images;
use crate::{build_id, device};

/// Points that suffice to plot a schedule.
const SCHEDULE_POINTS: usize = 100;

/// Runs the trial whose `trial.json` is at `path`; returns the exit code.
pub fn train(path: &Path) -> i32 {
    let mut attempt = match Attempt::from_env(path) {
        Ok(attempt) => attempt,
        Err(failure) => {
            tracing::error!("{}", error_chain(&failure));
            return failure.exit_code();
        }
    };
    match failure::caught(|| run(&mut attempt)).flatten() {
        Ok(Outcome::Done) => WORKER_DONE,
        Ok(Outcome::Stopped) => {
            tracing::info!("stopped on request; the next attempt resumes from the checkpoint");
            WORKER_STOPPED
        }
        Err(failure) => {
            let (class, message) = (failure.class(), error_chain(&failure));
            tracing::error!("{class}: {message}");
            if let Err(error) = attempt.emit(Event::Failed { class, message }) {
                tracing::error!("cannot write the event: {error}");
            }
            failure.exit_code()
        }
    }
}

fn run(attempt: &mut Attempt) -> Result<Outcome, Failure> {
    let config = Config::parse(&attempt.trial.config).map_err(Failure::Config)?;
    match config.method {
        Method::Bicubic => bicubic(attempt, &config),
        Method::Diffusion => diffusion(attempt, &config),
    }
}

fn bicubic(attempt: &mut Attempt, config: &Config) -> Result<Outcome, Failure> {
    hello(attempt, config, "CPU".to_owned(), true, None)?;
    let ControlFlow::Continue(set) =
        prepared(attempt, |context| Validation::open(config, tch::Device::Cpu, context))?
    else {
        return Ok(Outcome::Stopped);
    };
    let measurement = measure_bicubic(&set);
    measurement.report(attempt, 0, &set, config.evaluation.sheet_images)?;
    result(attempt, measurement.values(), 0, 0.0)?;
    Ok(Outcome::Done)
}

fn diffusion(attempt: &mut Attempt, config: &Config) -> Result<Outcome, Failure> {
    let (seed, cpus) = (attempt.trial.seed, attempt.trial.cpus);
    let device = device::set_up(config, cpus)?;
    let mut trainer = Trainer::new(config, seed, device);
    let resumed = trainer.begin(attempt)?;
    let deterministic = device == tch::Device::Cpu || config.deterministic;
    hello(attempt, config, device::describe(device, cpus), deterministic, resumed)?;
    report_schedule(attempt, &Schedule::new(&config.diffusion))?;
    let ControlFlow::Continue((images, set)) = prepared(attempt, |context| {
        let images = Images::open(config, device, context)?;
        Ok((images, Validation::open(config, device, context)?))
    })?
    else {
        return Ok(Outcome::Stopped);
    };
    if trainer.run(attempt, &images, &set)? == Outcome::Stopped {
        return Ok(Outcome::Stopped);
    }
    let measurement = match measure_networks(attempt, &set, trainer.upscalers(), &config.evaluation)
    {
        ControlFlow::Continue(measurement) => measurement,
        ControlFlow::Break(stop) => return Ok(stop.map(|()| Outcome::Stopped)?),
    };
    let [_, averaged] = trainer.upscalers();
    let sweep = match measure_steps_sweep(attempt, &set, averaged, &config.evaluation) {
        ControlFlow::Continue(sweep) => sweep,
        ControlFlow::Break(stop) => return Ok(stop.map(|()| Outcome::Stopped)?),
    };
    measurement.report(attempt, trainer.step(), &set, config.evaluation.sheet_images)?;
    let mut values = measurement.values();
    values.extend(sweep);
    result(attempt, values, trainer.parameters(), trainer.seconds())?;
    Ok(Outcome::Done)
}

/// The result of `open`, or a break if a stop was requested while it ran.
fn prepared<T>(
    attempt: &mut Attempt,
    open: impl FnOnce(&mut PrepareContext) -> Result<T, DataError>,
) -> Result<ControlFlow<(), T>, Failure> {
    let threads = attempt.trial.cpus as usize;
    let mut written = Ok(());
    let opened = open(&mut PrepareContext::new(data::cache::folder(), threads, &mut |done, of| {
        attempt.tick("data", done as u64, of as u64).map_break(|outcome| written = outcome)
    }));
    match opened {
        Err(DataError::Stopped) => Ok(ControlFlow::Break(written?)),
        opened => Ok(ControlFlow::Continue(opened?)),
    }
}

/// Reports the noise schedule at no more than [`SCHEDULE_POINTS`] of its steps and its last. Every
/// attempt reports all of it: readers discard an attempt's points beyond its last checkpoint.
fn report_schedule(attempt: &mut Attempt, schedule: &Schedule) -> io::Result<()> {
    let steps = schedule.steps();
    for t in (0..steps).step_by(steps.div_ceil(SCHEDULE_POINTS)).chain([steps]) {
        let gamma = Number(schedule.gamma(t));
        attempt.emit_metrics(
            t as u64,
            None,
            BTreeMap::from([("schedule/gamma".to_owned(), gamma)]),
        )?;
    }
    Ok(())
}

fn hello(
    attempt: &mut Attempt,
    config: &Config,
    device: String,
    deterministic: bool,
    resumed_from: Option<u64>,
) -> io::Result<()> {
    let mut metrics = match config.method {
        Method::Bicubic => BTreeMap::new(),
        Method::Diffusion => curves(config),
    };
    let list = config.data.validation_list.as_ref();
    let images = list.map_or_else(String::new, |list| format!("; images of `{}`", list.display()));
    for (name, mut info) in Scores::descriptions() {
        info.description += &images;
        let ema = format!("{}; averaged weights", info.description);
        metrics.insert(
            format!("{name}_ema"),
            MetricInfo { description: ema, unit: info.unit.clone() },
        );
        metrics.insert(name.to_owned(), info);
    }
    metrics.extend(costs());
    attempt.emit(Event::Hello {
        protocol: PROTOCOL,
        program: build_id::PROGRAM.to_owned(),
        build: Some(attempt.build.clone()),
        device: Some(device),
        resumed_from,
        deterministic,
        metrics,
    })
}

/// Descriptions of the final values that tell a row's cost.
fn costs() -> [(String, MetricInfo); 3] {
    [
        ("parameters", "Scalars in the network", None),
        ("train_seconds", "Time spent training, in all attempts", Some("s")),
        ("seconds_per_image", "Time to sample an image of the final measurement", Some("s/image")),
    ]
    .map(|(name, description, unit)| {
        let (description, unit) = (description.to_owned(), unit.map(str::to_owned));
        (name.to_owned(), MetricInfo { description, unit })
    })
}

/// Descriptions of the curves' metrics.
fn curves(config: &Config) -> BTreeMap<String, MetricInfo> {
    let evaluation = &config.evaluation;
    let own = config.diffusion.steps;
    let chain = match evaluation.ddim_steps {
        None => format!("the row's own chain of {own} steps"),
        Some(n) => {
            format!("a short DDIM chain of {n} steps (not by the row's own chain of {own})")
        }
    };
    let psnr = |weights: &str| {
        let images = evaluation.curve_images;
        format!("PSNR of the first {images} validation images, sampled by {chain}, {weights}")
    };
    let mut curves = BTreeMap::new();
    if !evaluation.sweep.is_empty() {
        curves.extend(steps_sweep_descriptions());
    }
    curves.extend(
        [
            ("val/psnr", psnr("raw weights"), Some("dB")),
            ("val/psnr_ema", psnr("averaged weights"), Some("dB")),
            (
                "train/loss",
                "Training loss since the last point; of `loss: simple` the mean absolute error"
                    .to_owned(),
                None,
            ),
            ("train/learning_rate", "Adam's learning rate".to_owned(), None),
            (
                "schedule/gamma",
                "Share of the image's variance that the noise schedule leaves; its step is t, of T"
                    .to_owned(),
                None,
            ),
            (
                "train/it_per_second",
                "Training steps per second since the last point".to_owned(),
                Some("1/s"),
            ),
        ]
        .map(|(name, description, unit)| {
            (name.to_owned(), MetricInfo { description, unit: unit.map(str::to_owned) })
        }),
    );
    curves
}

fn result(
    attempt: &mut Attempt,
    mut values: BTreeMap<String, Number>,
    parameters: usize,
    train_seconds: f64,
) -> io::Result<()> {
    values.insert("parameters".to_owned(), Number(parameters as f64));
    values.insert("train_seconds".to_owned(), Number(train_seconds));
    attempt.emit(Event::Result { values })
}
