//! The training loop.

use std::collections::BTreeMap;
use std::io;
use std::ops::ControlFlow;

use experiments::protocol::events::Event;
use experiments::protocol::number::Number;
use tch::{Device, Kind, Tensor};

use super::batch_sampler::{BatchSample, BatchSampler};
use super::images::{Batch, Images};
use super::optimiser::{Optimiser, averaging_share, learning_rate};
use super::pretrained;
use super::stopwatch::Stopwatch;
use crate::attempt::{Attempt, Outcome};
use crate::bridge::{self, BridgeError};
use crate::checkpoint::{self, Checkpoint, CheckpointError, Header, Progress};
use crate::config::{Config, Sampler};
use crate::diffusion::objective::{Noised, Objective};
use crate::diffusion::schedule::Schedule;
use crate::error_chain::error_chain;
use crate::evaluate::{Chain, Scores, Upscaler, Validation};
use crate::failure::Failure;
use crate::model::{Mode, Unet, parameters};
use crate::random::{Purpose, Stream};
use crate::weights::WeightsError;

/// One trial's training, at some step.
pub(crate) struct Trainer<'a> {
    config: &'a Config,
    seed: u64,
    schedule: Schedule,
    network: Unet,
    optimiser: Optimiser,
    /// A network whose weights are the running average of the other's.
    average: Unet,
    averages: Vec<Tensor>,
    /// Sum of the losses since the last point of the training curve; on the device, so that
    /// steps need not wait for its value.
    loss: Tensor,
    progress: Progress,
    saved: Option<u64>,
    watch: Stopwatch,
    lap: Lap,
}

/// Step and time of the training curve's last point, for the pace since.
#[derive(Debug, Clone, Copy, Default)]
struct Lap {
    step: u64,
    seconds: f64,
}

impl<'a> Trainer<'a> {
    /// A training with zero weights: call [`begin`](Self::begin) next.
    pub(crate) fn new(config: &'a Config, seed: u64, device: Device) -> Self {
        let unet = || Unet::new(&config.model, config.diffusion.outputs(), device);
        let (network, average) = (unet(), unet());
        Self {
            config,
            seed,
            schedule: Schedule::new(&config.diffusion),
            optimiser: Optimiser::new(network.store()),
            averages: parameters::by_name(average.store()).into_values().collect(),
            network,
            average,
            loss: Tensor::zeros([], (Kind::Float, device)),
            progress: Progress::default(),
            saved: None,
            watch: Stopwatch::default(),
            lap: Lap::default(),
        }
    }

    /// Goes on from the newest checkpoint of `attempt` that can be read, and returns its step. Where
    /// there is none, begins with the weights that the config names, or with random ones.
    pub(crate) fn begin(&mut self, attempt: &Attempt) -> Result<Option<u64>, Failure> {
        if let Some(progress) = self.resume(attempt)? {
            self.saved = Some(progress.step);
            self.watch = Stopwatch::resumed(progress.train_seconds);
            self.lap = Lap { step: progress.step, seconds: progress.train_seconds };
            self.progress = progress;
            return Ok(self.saved);
        }
        let store = self.network.store();
        match &self.config.model.init_from {
            Some(path) => pretrained::load(path, store).map_err(Failure::Weights)?,
            None => parameters::initialise(
                store,
                Stream::new(self.seed, Purpose::Weights, &[]).torch_seed(),
            ),
        }
        parameters::copy(store, self.average.store());
        Ok(None)
    }

    /// Loads the newest checkpoint that is intact.
    fn resume(&self, attempt: &Attempt) -> Result<Option<Progress>, Failure> {
        let paths = checkpoint::list(&attempt.checkpoints)?;
        for path in &paths {
            let opened = Checkpoint::open_of(&attempt.trial, path);
            let loaded = opened.and_then(|Checkpoint { weights, header }| {
                weights.load(&self.state(), |name| Some(name))?;
                Ok(header.progress)
            });
            match loaded {
                Ok(progress) => return Ok(Some(progress)),
                Err(
                    CheckpointError::Io(error) | CheckpointError::Weights(WeightsError::Io(error)),
                ) => return Err(error.into()),
                Err(error) => {
                    tracing::warn!("{}; trying the previous one", error_chain(&error));
                }
            }
        }
        if !paths.is_empty() {
            tracing::warn!("no checkpoint can be resumed from; training starts from the beginning");
        }
        Ok(None)
    }

    /// Trains on `images` to the last step, or until a stop is requested; either way the state is saved.
    /// The training curves are measured on `set`.
    pub(crate) fn run(
        &mut self,
        attempt: &mut Attempt,
        images: &Images,
        set: &Validation,
    ) -> Result<Outcome, Failure> {
        let mut batch_sampler = BatchSampler::new(self.seed, images.count());
        loop {
            if self.is_due(self.config.evaluation.every)
                && self.progress.validated != Some(self.step())
            {
                self.watch.pause();
                let _stopping = self.validate(attempt, set)?;
            }
            let is_last = self.step() == self.config.training.iterations;
            let is_stopping = attempt.is_stopping();
            let is_due = self.step() > 0 && self.is_due(self.config.training.checkpoint_every);
            if is_stopping || is_due {
                self.watch.pause();
                self.checkpoint(attempt)?;
            }
            if is_stopping {
                return Ok(Outcome::Stopped);
            }
            if is_last {
                return Ok(Outcome::Done);
            }
            self.watch.start();
            self.train_step(images, &mut batch_sampler)?;
            self.report_progress(attempt)?;
            if self.is_due(self.config.training.log_every) {
                self.log(attempt)?;
            }
        }
    }

    /// Completed optimiser steps, in all attempts.
    pub(crate) fn step(&self) -> u64 {
        self.progress.step
    }

    /// Seconds spent training, in all attempts.
    pub(crate) fn seconds(&self) -> f64 {
        self.watch.elapsed().as_secs_f64()
    }

    /// Number of scalars in the network.
    pub(crate) fn parameters(&self) -> usize {
        parameters::count(self.network.store())
    }

    /// Samples with the weights as they are, and with their average.
    pub(crate) fn upscalers(&self) -> [Upscaler<'_>; 2] {
        let precision = self.config.evaluation.precision;
        let (schedule, diffusion, seed) = (&self.schedule, &self.config.diffusion, self.seed);
        [&self.network, &self.average].map(|network| Upscaler {
            network,
            schedule,
            diffusion,
            precision,
            seed,
        })
    }

    /// Reports progress. A stop request is handled at the head of the loop, not here.
    fn report_progress(&self, attempt: &mut Attempt) -> io::Result<()> {
        match attempt.tick("train", self.step(), self.config.training.iterations) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(stop) => stop,
        }
    }

    /// SR3 algorithm 1, one line each.
    fn train_step(
        &mut self,
        images: &Images,
        batch_sampler: &mut BatchSampler,
    ) -> Result<(), Failure> {
        let (training, step) = (&self.config.training, self.step() + 1);
        let sample = batch_sampler.sample(step, training, &self.config.diffusion, &self.schedule);
        let batch = images.batch(&sample);
        tch::manual_seed(sample.torch_seed);
        let noised = self.noised(&batch, &sample);
        let (loss, gradients) = self.gradients(&batch.condition, &noised)?;
        self.optimiser.step(step, learning_rate(training, step), &gradients)?;
        tch::no_grad(|| {
            self.loss += &loss;
            bridge::lerp(&self.averages, &self.optimiser.weights, averaging_share(training, step))
        })?;
        self.progress.step = step;
        self.progress.loss_steps += 1;
        Ok(())
    }

    /// The batch with its noise, which is drawn for all images at once: that of each is the same
    /// however the batch is divided.
    fn noised(&self, batch: &Batch, sample: &BatchSample) -> Noised {
        let y0 = self.config.diffusion.residual.y0(&batch.high, &batch.condition);
        let eps = y0.randn_like();
        Noised::new(y0, eps, &sample.levels)
    }

    /// The loss and its gradients, the means of those of the micro-batches.
    fn gradients(
        &self,
        condition: &Tensor,
        noised: &Noised,
    ) -> Result<(Tensor, Vec<Tensor>), BridgeError> {
        let training = &self.config.training;
        let size = training.batch / training.accumulate;
        let mut means: Vec<Tensor> = Vec::new();
        for part in 0..training.accumulate {
            let (first, length) = ((part * size) as i64, size as i64);
            let noised = noised.narrow(part * size, size);
            let loss = self.loss(&condition.narrow(0, first, length), &noised);
            let mut values = self.optimiser.gradients(&loss);
            values.push(loss.detach());
            if means.is_empty() {
                means = values;
            } else {
                bridge::lerp(&means, &values, 1.0 / (part + 1) as f64)?;
            }
        }
        let loss = means.pop().expect("there is a micro-batch, and its loss is the last entry");
        Ok((loss, means))
    }

    /// The loss of a noised batch, a scalar.
    fn loss(&self, condition: &Tensor, noised: &Noised) -> Tensor {
        let level = noised.signal.reshape([-1, 1]);
        let output = self.config.training.precision.run(level.device(), || {
            self.network.forward(condition, &noised.y_t, &level, Mode::Train)
        });
        Objective { config: &self.config.diffusion, schedule: &self.schedule }.loss(&output, noised)
    }

    /// Reports the training curves' values since their last point.
    fn log(&mut self, attempt: &mut Attempt) -> Result<(), Failure> {
        let loss = self.mean_loss()?;
        let (step, seconds) = (self.step(), self.seconds());
        let pace = (step - self.lap.step) as f64 / (seconds - self.lap.seconds);
        self.lap = Lap { step, seconds };
        let _zeroed = self.loss.zero_();
        self.progress.loss_steps = 0;
        let values = [
            ("train/loss", loss),
            ("train/learning_rate", learning_rate(&self.config.training, step)),
            ("train/it_per_second", pace),
        ];
        let values = values.map(|(name, value)| (name.to_owned(), Number(value))).into();
        Ok(attempt.emit_metrics(step, None, values)?)
    }

    /// Mean loss since the training curve's last point; an error if it is not finite.
    fn mean_loss(&self) -> Result<f64, Failure> {
        let steps = self.progress.loss_steps;
        let loss = self.loss.double_value(&[]) / steps.max(1) as f64;
        if loss.is_finite() {
            return Ok(loss);
        }
        Err(Failure::Diverged { from: self.step() - steps, to: self.step(), loss })
    }

    /// Reports the validation curves' values, unless a stop is requested meanwhile.
    fn validate(
        &mut self,
        attempt: &mut Attempt,
        set: &Validation,
    ) -> Result<ControlFlow<()>, Failure> {
        // Samples of a diverged network are meaningless, and take as long.
        self.mean_loss()?;
        let evaluation = &self.config.evaluation;
        let (step, of) = (self.step(), self.config.training.iterations);
        let whole = Chain { sampler: Sampler::Ddpm, steps: self.config.diffusion.steps };
        let chain =
            evaluation.ddim_steps.map_or(whole, |steps| Chain { sampler: Sampler::Ddim, steps });
        let mut values = BTreeMap::new();
        let mut pictures = Vec::new();
        for (upscaler, name) in self.upscalers().into_iter().zip(["val/psnr", "val/psnr_ema"]) {
            let (mut scores, mut made) = (Vec::new(), Vec::new());
            for range in Validation::batches(set.curve, evaluation.batch) {
                let condition = set.conditions(range.clone());
                let sampled = upscaler.sample(&condition, range.clone(), chain, 0, || {
                    attempt.tick("train", step, of)
                });
                let images = match sampled {
                    ControlFlow::Continue(images) => images,
                    ControlFlow::Break(stop) => return Ok(ControlFlow::Break(stop?)),
                };
                scores.extend(set.scores(range, &images));
                made.extend(images);
                made.truncate(evaluation.sheet_images);
            }
            values.insert(name.to_owned(), Number(Scores::mean(&scores).psnr()));
            pictures.push(made);
        }
        // Of the weights as they are.
        for (item, image) in set.names.iter().zip(&pictures[0]) {
            attempt.picture_of_step(step, "val/sample", item, image)?;
        }
        attempt.emit_metrics(step, None, values.clone())?;
        self.progress.validated = Some(step);
        self.progress.validation = values;
        Ok(ControlFlow::Continue(()))
    }

    /// Saves the state, unless it is saved already, and reports it.
    fn checkpoint(&mut self, attempt: &mut Attempt) -> Result<(), Failure> {
        let step = self.step();
        if self.saved == Some(step) {
            return Ok(());
        }
        self.mean_loss()?;
        self.progress.train_seconds = self.seconds();
        let (trial, build) = (attempt.trial.clone(), attempt.build.clone());
        let header = Header { trial, build, progress: self.progress.clone() };
        let sync_events = || attempt.sync_events();
        let path = checkpoint::save(&attempt.checkpoints, &self.state(), &header, sync_events)?;
        self.saved = Some(step);
        let path = attempt.relative(&path);
        Ok(attempt.emit(Event::Checkpoint { step, path, hash: None })?)
    }

    /// Every tensor that the next step depends on, by its name in a checkpoint.
    fn state(&self) -> BTreeMap<String, Tensor> {
        let lists = [
            ("", &self.optimiser.weights),
            ("ema.", &self.averages),
            ("adam.mean.", &self.optimiser.means),
            ("adam.square.", &self.optimiser.squares),
        ];
        let names = parameters::by_name(self.network.store());
        let named = lists.into_iter().flat_map(|(prefix, list)| {
            names.keys().zip(list).map(move |(n, t)| (format!("{prefix}{n}"), t.shallow_clone()))
        });
        named.chain([("training.loss".to_owned(), self.loss.shallow_clone())]).collect()
    }

    /// True every `every` steps, and at the last one.
    fn is_due(&self, every: u64) -> bool {
        self.step().is_multiple_of(every) || self.step() == self.config.training.iterations
    }
}
