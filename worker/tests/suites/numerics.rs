//! What must not change the numbers: in how many parts a batch is computed.

use std::collections::BTreeMap;

use experiments::protocol::events::Event;
use serde_json::{Value, json};
use tch::{Kind, Tensor};

use crate::common::rows::{config, with};
use crate::common::trial::TrialFolder;

/// The loss that a trial of one step says, and the tensors that it saves.
fn after_one_step(changes: &Value) -> (f64, BTreeMap<String, Tensor>) {
    let one_step = json!({
        "model": {"dropout": 0}, "training": {"iterations": 1}, "evaluation": {"images": 1},
    });
    let folder = TrialFolder::new(&with(with(config(), &one_step), changes));
    let (_, events) = folder.finish("events");
    let loss = events.iter().find_map(|event| match event {
        Event::Metrics { values, .. } => values.get("train/loss"),
        _ => None,
    });
    let tensors = Tensor::read_safetensors(&folder.checkpoints()[0]).unwrap();
    (loss.unwrap().0, tensors.into_iter().collect())
}

#[test]
fn accumulated_gradients_are_those_of_the_whole_batch() {
    for kind in ["simple", "hybrid"] {
        let changes = |accumulate| json!({"training": {"accumulate": accumulate}, "diffusion": {"loss": kind}});
        let (loss, whole) = after_one_step(&changes(1));
        let (mean_loss, parts) = after_one_step(&changes(4));
        assert!((mean_loss / loss - 1.0).abs() < 1e-6, "{mean_loss} is not {loss}");
        // After one step Adam's first moment is a tenth of the gradient.
        let mut compared = 0;
        for (name, gradient) in whole.iter().filter(|(name, _)| name.starts_with("adam.mean.")) {
            let norm = |t: &Tensor| t.to_kind(Kind::Double).norm().double_value(&[]);
            let error = norm(&(&parts[name] - gradient)) / norm(gradient);
            // Sums of up to a thousand terms, each rounded to 6e-8.
            assert!(error < 1e-5, "{kind}: {name} differs by {error}");
            compared += 1;
        }
        assert!(compared > 50);
    }
}
