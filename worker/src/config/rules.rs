//! The rules of a config beyond its types: sizes that divide, probabilities, a chain that
//! exists.

use experiments::protocol::check::Problem;

use super::plan::Plan;
use super::{
    Config, Diffusion, Evaluation, Injection, Loss, Method, Model, Residual, ScheduleKind, Source,
    Training, Variance,
};

/// Everything that is wrong with `config`; empty if nothing is.
pub(super) fn problems(config: &Config) -> Vec<Problem> {
    let mut found = Findings::default();
    data(config, &mut found);
    image(config, &mut found);
    model(&config.model, &mut found);
    diffusion(&config.diffusion, &mut found);
    training(&config.training, &mut found);
    accumulation(config, &mut found);
    evaluation(&config.evaluation, config.diffusion.steps, &mut found);
    found.0
}

#[derive(Default)]
struct Findings(Vec<Problem>);

impl Findings {
    /// Notes `message` at `pointer` unless the rule holds.
    fn require(&mut self, holds: bool, pointer: &str, message: impl Into<String>) {
        if !holds {
            self.0.push(Problem { pointer: pointer.to_owned(), message: message.into() });
        }
    }

    fn at_least_one(&mut self, value: u64, pointer: &str) {
        self.require(value >= 1, pointer, "must be at least 1");
    }
}

fn data(config: &Config, found: &mut Findings) {
    let data = &config.data;
    match data.source {
        Source::Faces => {
            let message = "only `source: folder` reads files";
            found.require(data.train.is_empty(), "/data/train", message);
            found.require(data.validation.is_empty(), "/data/validation", message);
            found.require(data.validation_share.is_none(), "/data/validation_share", message);
            found.require(data.validation_list.is_none(), "/data/validation_list", message);
        }
        Source::Folder => folders(config, found),
    }
    let least = |count: Option<usize>| count.map_or(1, |count| count as u64);
    found.at_least_one(least(data.train_count), "/data/train_count");
    found.at_least_one(least(data.validation_count), "/data/validation_count");
}

fn folders(config: &Config, found: &mut Findings) {
    let data = &config.data;
    let is_split = data.validation_share.is_some();
    let learns = config.method == Method::Diffusion;
    let message = "`source: folder` needs the path of a folder here";
    found.require(!data.train.is_empty() || !(learns || is_split), "/data/train", message);
    let list = data.validation_list.as_ref().is_none_or(|list| !list.as_os_str().is_empty());
    found.require(list, "/data/validation_list", "the path is empty");
    if let Some(share) = data.validation_share {
        let message = "must be above 0 and below 1";
        found.require(share > 0.0 && share < 1.0, "/data/validation_share", message);
        let message = "the validation images come from `validation` or are a share of `train`, not \
                       both: remove one";
        found.require(data.validation.is_empty(), "/data/validation_share", message);
        let message = "a list picks from the folders of `validation`, which `validation_share` \
                       replaces: remove one";
        found.require(data.validation_list.is_none(), "/data/validation_list", message);
    } else {
        let message = "`source: folder` needs the path of a folder here, or a `validation_share` \
                       of the training images";
        found.require(!data.validation.is_empty(), "/data/validation", message);
    }
}

fn image(config: &Config, found: &mut Findings) {
    let (size, low) = (config.image.size, config.image.low);
    if low == 0 || low >= size || !size.is_multiple_of(low) {
        let message = format!("must divide the size, {size}, and be smaller");
        found.require(false, "/image/low", message);
    }
    // The metrics' windows are 11 pixels wide.
    found.require((11..=4096).contains(&size), "/image/size", "must be from 11 to 4096");
    let halvings = config.model.multipliers.len().saturating_sub(1);
    let factor = 1_usize.checked_shl(halvings as u32).unwrap_or(usize::MAX);
    let message = format!("must divide by {factor}: the network halves it {halvings} times");
    found.require(size.is_multiple_of(factor), "/image/size", message);
}

fn model(model: &Model, found: &mut Findings) {
    let levels = model.multipliers.len();
    found.require(
        model.inner >= 4 && model.inner.is_multiple_of(2) && model.inner <= 1024,
        "/model/inner",
        "must be an even number from 4 to 1024",
    );
    found.require(
        levels >= 1 && model.multipliers.iter().all(|m| (1..=64).contains(m)),
        "/model/multipliers",
        "must name at least one level, each from 1 to 64",
    );
    found.at_least_one(model.blocks.into(), "/model/blocks");
    found.at_least_one(model.groups.into(), "/model/groups");
    found.at_least_one(model.heads.into(), "/model/heads");
    found.at_least_one(model.injection_channels.into(), "/model/injection_channels");
    found.require(
        model.injection == Injection::None || levels >= 3,
        "/model/injection",
        "enters above the bottleneck at a reduced resolution, which takes at least 3 levels",
    );
    // Its kernel is as wide as the small ones together, of which there would be one.
    found.require(
        model.injection != Injection::LargeKernel || levels != 3,
        "/model/injection",
        "is at 3 levels the same network as `small-kernels`: add a level, or choose that",
    );
    found.require(
        (0.0..1.0).contains(&model.dropout),
        "/model/dropout",
        "must be at least 0 and below 1",
    );
    if let Some(level) = model.attention {
        let message = format!("there are {levels} levels, counted from 0 at the bottleneck");
        found.require(levels == 0 || (level as usize) < levels, "/model/attention", message);
    }
    if !found.0.iter().any(|p| p.pointer.starts_with("/model")) {
        divisions(model, found);
    }
}

/// Every group normalisation and every attention must split its channels evenly.
fn divisions(model: &Model, found: &mut Findings) {
    let plan = Plan::new(model);
    let groups = model.groups;
    if let Some(width) = plan.normalised_widths().into_iter().find(|w| !w.is_multiple_of(groups)) {
        let message = format!("{groups} groups do not divide the {width} channels of a block");
        found.require(false, "/model/groups", message);
    }
    let heads = model.heads;
    if let Some(width) = plan.attended_widths().into_iter().find(|w| !w.is_multiple_of(heads)) {
        let message = format!("{heads} heads do not divide the {width} channels they attend to");
        found.require(false, "/model/heads", message);
    }
}

fn diffusion(diffusion: &Diffusion, found: &mut Findings) {
    found.require(
        (1..=50_000).contains(&diffusion.steps),
        "/diffusion/steps",
        "must be from 1 to 50000",
    );
    if diffusion.schedule == ScheduleKind::Linear {
        for (beta, pointer) in [
            (diffusion.linear_start, "/diffusion/linear_start"),
            (diffusion.linear_end, "/diffusion/linear_end"),
        ] {
            found.require(beta > 0.0 && beta < 1.0, pointer, "a beta lies between 0 and 1");
        }
        found.require(
            diffusion.linear_start <= diffusion.linear_end,
            "/diffusion/linear_end",
            "must not be below `linear_start`: noise only grows",
        );
    }
    loss(diffusion, found);
}

fn loss(diffusion: &Diffusion, found: &mut Findings) {
    let weight = diffusion.vlb_weight;
    found.require(
        weight > 0.0 && weight.is_finite(),
        "/diffusion/vlb_weight",
        "must be above 0: nothing else teaches the variance",
    );
    found.require(
        diffusion.min_snr.is_none_or(|clip| clip > 0.0 && clip.is_finite()),
        "/diffusion/min_snr",
        "must be above 0 (Hang et al. take 5)",
    );
    if diffusion.loss == Loss::Hybrid {
        found.require(
            diffusion.variance == Variance::Posterior,
            "/diffusion/variance",
            "`loss: hybrid` learns the variance, leave this out",
        );
    }
    found.require(
        diffusion.loss == Loss::Simple || diffusion.residual == Residual::None,
        "/diffusion/residual",
        "the bound of `loss: hybrid` and `loss: author` is about images of 8 bits, not residuals",
    );
}

fn training(training: &Training, found: &mut Findings) {
    found.at_least_one(training.batch as u64, "/training/batch");
    found.at_least_one(training.checkpoint_every, "/training/checkpoint_every");
    found.at_least_one(training.log_every, "/training/log_every");
    found.require(
        training.learning_rate > 0.0 && training.learning_rate.is_finite(),
        "/training/learning_rate",
        "must be above 0",
    );
    found.require(
        (0.0..1.0).contains(&training.ema),
        "/training/ema",
        "a decay is at least 0 and below 1",
    );
}

fn accumulation(config: &Config, found: &mut Findings) {
    let Training { batch, accumulate, .. } = config.training;
    let divides = accumulate >= 1 && batch.is_multiple_of(accumulate);
    let message = format!("must divide the batch, {batch}, into equal parts");
    found.require(divides, "/training/accumulate", message);
    found.require(
        !divides || accumulate == 1 || config.diffusion.loss != Loss::Author,
        "/training/accumulate",
        "must be 1: the `author` loss weighs its terms by the number of images in a pass",
    );
}

fn evaluation(evaluation: &Evaluation, steps: usize, found: &mut Findings) {
    found.at_least_one(evaluation.every, "/evaluation/every");
    found.at_least_one(evaluation.curve_images as u64, "/evaluation/curve_images");
    found.at_least_one(evaluation.batch as u64, "/evaluation/batch");
    found.at_least_one(evaluation.sampling_seeds, "/evaluation/sampling_seeds");
    let images = evaluation.images.map_or(1, |images| images as u64);
    found.at_least_one(images, "/evaluation/images");
    let mut require_length = |chain: usize, pointer: &str| {
        let message = format!("must be from 1 to the chain's length, {steps}");
        found.require((1..=steps.max(1)).contains(&chain), pointer, message);
    };
    require_length(evaluation.ddim_steps.unwrap_or(1), "/evaluation/ddim_steps");
    require_length(evaluation.steps.unwrap_or(1), "/evaluation/steps");
    for (i, chain) in evaluation.sweep.iter().enumerate() {
        require_length(*chain, &format!("/evaluation/sweep/{i}"));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::config::Config;

    fn pointers(config: &serde_json::Value) -> Vec<String> {
        let map = config.as_object().unwrap();
        let problems = Config::parse(map).map_or_else(|problems| problems, |_| Vec::new());
        problems.into_iter().map(|p| p.pointer).collect()
    }

    /// A config that reads folders as `data` says.
    fn folder(data: &serde_json::Value) -> serde_json::Value {
        let mut data = data.clone();
        data["source"] = "folder".into();
        json!({"data": data})
    }

    #[test]
    fn what_makes_no_sense_is_pointed_at() {
        let cases = [
            (json!({"image": {"size": 32, "low": 5}}), "/image/low"),
            (json!({"image": {"size": 36, "low": 9}}), "/image/size"),
            (json!({"model": {"groups": 48}}), "/model/groups"),
            (json!({"model": {"heads": 3}}), "/model/heads"),
            (json!({"model": {"attention": 5}}), "/model/attention"),
            (json!({"model": {"multipliers": []}}), "/model/multipliers"),
            (json!({"model": {"dropout": 1}}), "/model/dropout"),
            (json!({"diffusion": {"linear_end": 1.5}}), "/diffusion/linear_end"),
            (json!({"diffusion": {"linear_start": 0}}), "/diffusion/linear_start"),
            (json!({"diffusion": {"steps": 10}}), "/evaluation/ddim_steps"),
            (json!({"diffusion": {"vlb_weight": 0}}), "/diffusion/vlb_weight"),
            (json!({"diffusion": {"min_snr": -1}}), "/diffusion/min_snr"),
            (json!({"diffusion": {"loss": "hybrid", "variance": "beta"}}), "/diffusion/variance"),
            (json!({"diffusion": {"loss": "hybrid", "residual": "plain"}}), "/diffusion/residual"),
            (json!({"model": {"injection": "direct", "injection_channels": 8}}), "/model/groups"),
            (json!({"model": {"injection": "direct", "multipliers": [1, 2]}}), "/model/injection"),
            (
                json!({"model": {"injection": "large-kernel", "multipliers": [1, 2, 2]}}),
                "/model/injection",
            ),
            (json!({"evaluation": {"steps": 0}}), "/evaluation/steps"),
            (json!({"evaluation": {"sweep": [20, 3000]}}), "/evaluation/sweep/1"),
            (json!({"training": {"ema": 1}}), "/training/ema"),
            (json!({"training": {"learning_rate": 0}}), "/training/learning_rate"),
            (json!({"data": {"train": "faces"}}), "/data/train"),
            (json!({"data": {"validation_share": 0.1}}), "/data/validation_share"),
            (json!({"data": {"validation_list": "names.txt"}}), "/data/validation_list"),
            (json!({"data": {"source": "folder", "train": "a"}}), "/data/validation"),
            (folder(&json!({"validation": "b"})), "/data/train"),
            (folder(&json!({"validation_share": 0.1})), "/data/train"),
            (folder(&json!({"train": "a", "validation_share": 0})), "/data/validation_share"),
            (folder(&json!({"train": "a", "validation_share": 1})), "/data/validation_share"),
            (
                folder(&json!({"train": "a", "validation": "b", "validation_share": 0.1})),
                "/data/validation_share",
            ),
            (
                folder(&json!({"train": "a", "validation_share": 0.1, "validation_list": "c"})),
                "/data/validation_list",
            ),
            (
                folder(&json!({"train": "a", "validation": "b", "validation_list": ""})),
                "/data/validation_list",
            ),
            (
                folder(&json!({"train": "a", "validation": "b", "train_count": 0})),
                "/data/train_count",
            ),
            (
                folder(&json!({"train": "a", "validation": "b", "validation_count": 0})),
                "/data/validation_count",
            ),
        ];
        for (config, pointer) in cases {
            assert_eq!(pointers(&config), [pointer], "{config}");
        }
    }

    #[test]
    fn a_batch_falls_into_equal_parts_unless_the_loss_forbids_it() {
        let wrong = [
            json!({"training": {"accumulate": 0}}),
            json!({"training": {"batch": 6, "accumulate": 4}}),
            json!({"training": {"accumulate": 2}, "diffusion": {"loss": "author"}}),
        ];
        for config in wrong {
            assert_eq!(pointers(&config), ["/training/accumulate"], "{config}");
        }
        let divided = json!({"training": {"batch": 6, "accumulate": 3}});
        assert_eq!(pointers(&divided), [""; 0]);
    }

    #[test]
    fn precisions_have_names() {
        for (config, pointer) in [
            (json!({"training": {"precision": "fp16"}}), "/training/precision"),
            (json!({"evaluation": {"precision": 16}}), "/evaluation/precision"),
        ] {
            assert_eq!(pointers(&config), [pointer], "{config}");
        }
    }

    #[test]
    fn every_problem_is_reported_at_once() {
        let config = json!({"training": {"batch": 0, "log_every": 0}, "diffusion": {"steps": 0}});
        assert_eq!(
            pointers(&config),
            [
                "/diffusion/steps",
                "/training/batch",
                "/training/log_every",
                "/evaluation/ddim_steps"
            ]
        );
    }

    #[test]
    fn a_share_of_the_training_images_needs_no_other_folder() {
        let config = folder(&json!({"train": "a", "validation_share": 0.1}));
        assert_eq!(pointers(&config), [""; 0]);
    }

    #[test]
    fn bicubic_needs_no_training_images() {
        let config =
            json!({"method": "bicubic", "data": {"source": "folder", "validation": "faces"}});
        assert_eq!(pointers(&config), [""; 0]);
    }
}
