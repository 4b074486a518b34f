//! The final measurement: every validation image by the row's own chain, scored and kept.

use std::collections::BTreeMap;
use std::io;
use std::ops::ControlFlow;
use std::time::Instant;

use experiments::protocol::number::Number;

use super::{Chain, Scores, Upscaler, Validation};
use crate::attempt::Attempt;
use crate::config::Evaluation;
use crate::failure::Failure;
use crate::image::{Rgb, bicubic};

/// Suffixes of the metrics of the raw and of the averaged weights.
const SUFFIXES: [&str; 2] = ["", "_ema"];

/// The trial's final values and the images they belong to.
#[derive(Debug)]
pub(crate) struct Measurement {
    /// Scores and images of each set of weights, by the suffix of their names.
    series: Vec<(&'static str, Series)>,
    /// Wall time of making one image.
    seconds_per_image: f64,
}

#[derive(Debug)]
struct Series {
    /// Scores of each image, their mean over the sampling seeds.
    scores: Vec<Scores>,
    /// The first sampling seed's images.
    images: Vec<Rgb>,
}

/// Samples every image with the raw weights and with the averaged ones. Breaks when a stop is
/// requested; the next attempt restarts the measurement.
pub(crate) fn measure_networks(
    attempt: &mut Attempt,
    set: &Validation,
    upscalers: [Upscaler; 2],
    evaluation: &Evaluation,
) -> ControlFlow<io::Result<()>, Measurement> {
    let start = Instant::now();
    let steps = evaluation.steps.unwrap_or(upscalers[0].schedule.steps());
    let chain = Chain { sampler: evaluation.sampler, steps };
    let batches: Vec<_> = Validation::batches(set.last, evaluation.batch).collect();
    let chains = upscalers.len() as u64 * evaluation.sampling_seeds * batches.len() as u64;
    let of = chains * chain.steps as u64;
    let mut done = 0;
    let mut series = Vec::new();
    for (upscaler, suffix) in upscalers.into_iter().zip(SUFFIXES) {
        let mut scores = vec![Vec::new(); set.last];
        let mut first = Vec::new();
        for seed in 0..evaluation.sampling_seeds {
            for range in &batches {
                let condition = set.conditions(range.clone());
                let images = upscaler.sample(&condition, range.clone(), chain, seed, || {
                    done += 1;
                    attempt.tick("evaluate", done - 1, of)
                })?;
                for (i, score) in range.clone().zip(set.scores(range.clone(), &images)) {
                    scores[i].push(score);
                }
                if seed == 0 {
                    first.extend(images);
                }
            }
        }
        let scores = scores.iter().map(|scores| Scores::mean(scores)).collect();
        series.push((suffix, Series { scores, images: first }));
    }
    let made = set.last as f64 * evaluation.sampling_seeds as f64 * SUFFIXES.len() as f64;
    let seconds_per_image = start.elapsed().as_secs_f64() / made;
    ControlFlow::Continue(Measurement { series, seconds_per_image })
}

/// Measures bicubic upsampling, which has neither weights nor chance.
pub(crate) fn measure_bicubic(set: &Validation) -> Measurement {
    let start = Instant::now();
    let pairs = set.lows.iter().zip(&set.truths).take(set.last);
    let images: Vec<Rgb> =
        pairs.map(|(low, truth)| bicubic::resize(low, truth.width, truth.height)).collect();
    let seconds_per_image = start.elapsed().as_secs_f64() / set.last as f64;
    let series = Series { scores: set.scores(0..set.last, &images), images };
    Measurement { series: vec![("", series)], seconds_per_image }
}

impl Measurement {
    /// Mean scores, number of images and seconds per image, by the names that the table uses.
    pub(crate) fn values(&self) -> BTreeMap<String, Number> {
        let mut values = BTreeMap::new();
        for (suffix, series) in &self.series {
            values.extend(Scores::mean(&series.scores).named(suffix));
            values.insert("images".to_owned(), Number(series.scores.len() as f64));
        }
        values.insert("seconds_per_image".to_owned(), Number(self.seconds_per_image));
        values
    }

    /// Reports each image's scores as points at `step`, and keeps the pictures of the sheet.
    pub(crate) fn report(
        &self,
        attempt: &mut Attempt,
        step: u64,
        set: &Validation,
        pictures: usize,
    ) -> Result<(), Failure> {
        for (suffix, series) in &self.series {
            for (name, scores) in set.names.iter().zip(&series.scores) {
                attempt.emit_metrics(step, Some(name), scores.named(suffix))?;
            }
        }
        for i in 0..pictures.min(set.last) {
            let name = &set.names[i];
            attempt.picture(step, "lowres", name, &set.lows[i])?;
            attempt.picture(step, "bicubic", name, &set.upsampled[i])?;
            attempt.picture(step, "truth", name, &set.truths[i])?;
            let residual = set.truths[i].less(&set.upsampled[i]);
            attempt.picture(step, "residual", name, &residual)?;
            for (suffix, series) in &self.series {
                attempt.picture(step, &format!("sample{suffix}"), name, &series.images[i])?;
            }
        }
        Ok(())
    }
}
