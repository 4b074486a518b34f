//! The random choices of a training step: its images, their flips and their noise levels. All of
//! them follow from the seed and the step's number.

use crate::config::{Diffusion, Level, Loss, Training};
use crate::diffusion::schedule::{NoiseLevel, Schedule};
use crate::random::{Purpose, Stream};

/// The images of one step's batch, and the randomness applied to them.
#[derive(Debug, Clone, PartialEq)]
pub struct BatchSample {
    /// Index of each image of the batch.
    pub(crate) images: Vec<usize>,
    /// True for each image that is mirrored.
    pub(crate) flips: Vec<bool>,
    /// The step of the chain it is noised to, and the noise level within that step.
    pub(crate) levels: Vec<(usize, NoiseLevel)>,
    /// Seed of libtorch's generators for noise and dropout.
    pub(crate) torch_seed: i64,
}

/// Draws the choices of every step of one trial.
#[derive(Debug)]
pub struct BatchSampler {
    seed: u64,
    images: usize,
    /// The last epoch's order, kept because the next step most likely needs it too.
    epoch: Option<(u64, Vec<usize>)>,
}

impl BatchSampler {
    /// For a trial's `seed` and number of training images, at least 1.
    pub fn new(seed: u64, images: usize) -> Self {
        Self { seed, images, epoch: None }
    }

    /// The choices of the `step`th step, from 1.
    pub fn sample(
        &mut self,
        step: u64,
        training: &Training,
        diffusion: &Diffusion,
        schedule: &Schedule,
    ) -> BatchSample {
        let mut stream = Stream::new(self.seed, Purpose::Step, &[step]);
        let first = (step - 1) * training.batch as u64;
        let images = (0..training.batch as u64).map(|i| self.image(first + i)).collect();
        let flips = (0..training.batch).map(|_| training.flip && stream.unit() < 0.5).collect();
        let shared = 1 + stream.below(schedule.steps());
        let levels = (0..training.batch).map(|_| {
            let t = match diffusion.level {
                Level::Batch => shared,
                Level::Sample => 1 + stream.below(schedule.steps()),
            };
            // The hybrid loss's bound is about the very levels of the chain.
            let part = if diffusion.loss == Loss::Hybrid { 1.0 } else { stream.unit() };
            (t, schedule.continuous_level(t, part))
        });
        let levels = levels.collect();
        let torch_seed = Stream::new(self.seed, Purpose::Noise, &[step]).torch_seed();
        BatchSample { images, flips, levels, torch_seed }
    }

    /// The image at `position` of the endless sequence of shuffled epochs.
    fn image(&mut self, position: u64) -> usize {
        let (epoch, place) = (position / self.images as u64, position % self.images as u64);
        if self.epoch.as_ref().is_none_or(|(kept, _)| *kept != epoch) {
            let order = Stream::new(self.seed, Purpose::Order, &[epoch]).permutation(self.images);
            self.epoch = Some((epoch, order));
        }
        let (_, order) = self.epoch.as_ref().expect("the epoch was just kept");
        order[place as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(
        batch_sampler: &mut BatchSampler,
        steps: impl IntoIterator<Item = u64>,
        level: Level,
    ) -> Vec<BatchSample> {
        let diffusion = Diffusion { steps: 50, level, ..Diffusion::default() };
        let schedule = Schedule::new(&diffusion);
        let training = Training { batch: 3, ..Training::default() };
        steps
            .into_iter()
            .map(|step| batch_sampler.sample(step, &training, &diffusion, &schedule))
            .collect()
    }

    #[test]
    fn a_step_draws_the_same_wherever_the_attempt_began() {
        let through = samples(&mut BatchSampler::new(5, 7), 1..=20, Level::Sample);
        let resumed = samples(&mut BatchSampler::new(5, 7), 11..=20, Level::Sample);
        assert_eq!(through[10..], resumed);
        assert_ne!(samples(&mut BatchSampler::new(6, 7), 11..=20, Level::Sample), resumed);
    }

    #[test]
    fn every_image_comes_once_an_epoch() {
        let drawn = samples(&mut BatchSampler::new(5, 7), 1..=14, Level::Batch);
        let images: Vec<usize> = drawn.into_iter().flat_map(|d| d.images).collect();
        for epoch in images.chunks(7) {
            let mut seen = epoch.to_vec();
            seen.sort_unstable();
            assert_eq!(seen, (0..7).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_shared_step_still_gives_each_sample_its_own_level() {
        let schedule = Schedule::new(&Diffusion { steps: 50, ..Diffusion::default() });
        for sample in samples(&mut BatchSampler::new(1, 4), 1..=30, Level::Batch) {
            let signal: Vec<f64> = sample.levels.iter().map(|(_, level)| level.signal).collect();
            assert!((signal[0] - signal[1]).abs() > 0.0 && (signal[1] - signal[2]).abs() > 0.0);
            let between = |t: usize| {
                signal
                    .iter()
                    .all(|s| (schedule.level(t).signal..=schedule.level(t - 1).signal).contains(s))
            };
            assert!((1..=50).any(between), "{signal:?} lie in different steps");
        }
    }
}
