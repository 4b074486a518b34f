//! A sweep over the number of sampling steps: quality and time of one network, by both kinds of
//! chain, at several lengths.

use std::collections::BTreeMap;
use std::io;
use std::ops::ControlFlow;
use std::time::Instant;

use experiments::protocol::events::MetricInfo;
use experiments::protocol::number::Number;

use super::{Chain, Scores, Upscaler, Validation};
use crate::attempt::Attempt;
use crate::config::{Evaluation, Sampler};

/// Both kinds of chain by the name that metrics give them.
const SAMPLERS: [(Sampler, &str); 2] = [(Sampler::Ddpm, "ddpm"), (Sampler::Ddim, "ddim")];

/// Samples every image with every chain of the sweep and reports each chain's mean scores as a point
/// whose step is the chain's length: `ddim/psnr`, `ddim/seconds_per_image`, and so on. Returns the
/// same for the result, by names like `psnr_ddim_20`. Breaks when a stop is requested.
pub(crate) fn measure_steps_sweep(
    attempt: &mut Attempt,
    set: &Validation,
    upscaler: Upscaler,
    evaluation: &Evaluation,
) -> ControlFlow<io::Result<()>, BTreeMap<String, Number>> {
    let batches: Vec<_> = Validation::batches(set.last, evaluation.batch).collect();
    let of = 2 * (evaluation.sweep.iter().sum::<usize>() * batches.len()) as u64;
    let mut done = 0;
    let mut result = BTreeMap::new();
    for &steps in &evaluation.sweep {
        let mut point = BTreeMap::new();
        for (sampler, name) in SAMPLERS {
            let start = Instant::now();
            let mut scores = Vec::new();
            for range in &batches {
                let condition = set.conditions(range.clone());
                let chain = Chain { sampler, steps };
                let images = upscaler.sample(&condition, range.clone(), chain, 0, || {
                    done += 1;
                    attempt.tick("sweep", done - 1, of)
                })?;
                scores.extend(set.scores(range.clone(), &images));
            }
            let seconds = Number(start.elapsed().as_secs_f64() / set.last as f64);
            let mut values = Scores::mean(&scores).named("");
            values.insert("seconds_per_image".to_owned(), seconds);
            for (metric, value) in values {
                result.insert(format!("{metric}_{name}_{steps}"), value);
                point.insert(format!("{name}/{metric}"), value);
            }
        }
        if let Err(error) = attempt.emit_metrics(steps as u64, None, point) {
            return ControlFlow::Break(Err(error));
        }
    }
    ControlFlow::Continue(result)
}

/// Descriptions of the sweep's points, by their names in events.
pub(crate) fn steps_sweep_descriptions() -> BTreeMap<String, MetricInfo> {
    let mut descriptions = BTreeMap::new();
    for (_, name) in SAMPLERS {
        for (metric, mut info) in Scores::descriptions() {
            info.description += "; averaged weights, against the number of sampling steps";
            descriptions.insert(format!("{name}/{metric}"), info);
        }
    }
    descriptions
}
