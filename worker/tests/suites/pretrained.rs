//! Training from initial weights in a file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use experiments::protocol::check::Reply;
use experiments::protocol::events::Event;
use experiments::protocol::exit;
use serde_json::{Value, json};
use tch::{Device, Kind, Tensor};
use tempfile::TempDir;
use worker::config::Config;
use worker::model::{Mode, Unet};
use worker::train::pretrained;

use crate::common::golden;
use crate::common::rows::{config, with};
use crate::common::trial::{TrialFolder, weights};

/// The golden network's config, with the initial weights in `path`.
fn small(path: &Path) -> Value {
    json!({"model": {
        "inner": 16, "multipliers": [1, 2, 2], "blocks": 1, "groups": 8, "attention": 0,
        "dropout": 0, "init_from": path,
    }})
}

fn network() -> Unet {
    let config = small(Path::new("unused"));
    let config = Config::parse(config.as_object().unwrap()).unwrap();
    Unet::new(&config.model, config.diffusion.outputs(), Device::Cpu)
}

/// The golden network's weights as the unofficial SR3 saves them: its names after `prefix`, beside
/// the noise schedule.
fn state_dict(golden: &BTreeMap<String, Tensor>, prefix: &str) -> BTreeMap<String, Tensor> {
    let weights = golden.iter().filter_map(|(name, tensor)| {
        let name = name.strip_prefix("weight.")?;
        Some((format!("{prefix}{name}"), tensor.shallow_clone()))
    });
    let buffers = ["betas", "alphas_cumprod_prev", "posterior_log_variance_clipped"];
    let buffers = buffers.map(|name| (name.to_owned(), Tensor::from_slice(&[0.5_f64; 7])));
    weights.chain(buffers).collect()
}

fn golden() -> BTreeMap<String, Tensor> {
    let tensors = Tensor::read_safetensors(golden::path("unet_small.safetensors")).unwrap();
    tensors.into_iter().collect()
}

fn write(folder: &TempDir, name: &str, tensors: &BTreeMap<String, Tensor>) -> PathBuf {
    let path = folder.path().join(name);
    Tensor::write_safetensors(&tensors.iter().collect::<Vec<_>>(), &path).unwrap();
    path
}

#[test]
fn a_state_dict_of_the_unofficial_sr3_is_its_network() {
    let (folder, golden) = (TempDir::new().unwrap(), golden());
    let input = |name: &str| &golden[&format!("in.{name}")];
    for prefix in ["", "denoise_fn."] {
        let network = network();
        let path = write(&folder, "gen.safetensors", &state_dict(&golden, prefix));
        pretrained::load(&path, network.store()).unwrap();
        let output = network.forward(input("cond"), input("y"), input("level"), Mode::Evaluate);
        golden::assert_close(&output, &golden["out.eps_hat"], 1e-5);
    }
}

/// What `orch-worker check` says to a config.
fn check(config: &Value) -> Reply {
    let request = json!({"trial": "a", "seed": 0, "cpus": 1, "config": config});
    let mut output = Vec::new();
    worker::commands::check::check(request.to_string().as_bytes(), &mut output).unwrap();
    serde_json::from_slice(&output).unwrap()
}

#[test]
fn weights_that_do_not_fit_are_found_before_training() {
    let (folder, golden) = (TempDir::new().unwrap(), golden());
    let mut tensors = state_dict(&golden, "denoise_fn.");
    let fitting = check(&small(&write(&folder, "good.safetensors", &tensors)));
    assert!(fitting.problems.is_empty(), "{:?}", fitting.problems);

    tensors.remove("denoise_fn.downs.0.weight");
    tensors.insert(
        "denoise_fn.downs.0.bias".to_owned(),
        Tensor::zeros([3], (Kind::Float, Device::Cpu)),
    );
    tensors.insert("gammas".to_owned(), Tensor::from_slice(&[0.5_f32]));
    let path = write(&folder, "bad.safetensors", &tensors);
    let [problem] = &check(&small(&path)).problems[..] else { panic!("one problem") };
    assert_eq!(problem.pointer, "/model/init_from");
    let named = [
        "bad.safetensors",
        "`denoise_fn.downs.0.bias` is F32 [3] instead of F32 [16]",
        "`gammas` is surplus",
        "`downs.0.weight` is missing",
    ];
    assert!(named.iter().all(|part| problem.message.contains(part)), "{}", problem.message);

    let missing = check(&small(&folder.path().join("gone.safetensors")));
    assert_eq!(missing.problems[0].pointer, "/model/init_from");
    assert!(missing.problems[0].message.contains("gone.safetensors"));
}

#[test]
fn other_weights_under_the_same_path_are_other_data() {
    let (folder, golden) = (TempDir::new().unwrap(), golden());
    let mut tensors = state_dict(&golden, "");
    let path = write(&folder, "gen.safetensors", &tensors);
    let first = check(&small(&path)).data.unwrap();
    assert_eq!(check(&small(&path)).data.unwrap(), first);
    let bias = &tensors["downs.0.bias"] + 1.0;
    tensors.insert("downs.0.bias".to_owned(), bias);
    write(&folder, "gen.safetensors", &tensors);
    let second = check(&small(&path)).data.unwrap();
    assert_ne!(second, first);
    let random = check(&json!({})).data.unwrap();
    assert!(random != first && first.starts_with(&random), "{first} is not {random} and more");
}

#[test]
fn a_checkpoints_weights_are_begun_with_and_read_only_once() {
    let source = TrialFolder::new(&config());
    source.finish("events");
    let checkpoint = source.checkpoints().remove(0);

    // Steps too small to change an f32 show the initial weights.
    let changes = json!({
        "model": {"init_from": checkpoint}, "training": {"learning_rate": 1e-30, "warmup": 0},
    });
    let folder = TrialFolder::new(&with(config(), &changes));
    let mut first = folder.start("first");
    folder.wait_for("first", |e| matches!(e, Event::Checkpoint { step: 10, .. }));
    first.kill().unwrap();
    first.wait().unwrap();
    let raw = |path: &Path| -> BTreeMap<String, Vec<u8>> {
        let beside = ["ema.", "adam.", "training."];
        let is_raw = |name: &str| !beside.iter().any(|b| name.starts_with(b));
        weights(path).into_iter().filter(|(name, _)| is_raw(name)).collect()
    };
    let begun_with = raw(&checkpoint);
    assert!(begun_with.len() > 50);
    assert_eq!(raw(&folder.checkpoints()[0]), begun_with);

    let whole = std::fs::read(&checkpoint).unwrap();
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 1;
    std::fs::write(&checkpoint, flipped).unwrap();
    let fresh = || TrialFolder::new(&with(config(), &changes)).finish("events");
    let (code, events) = fresh();
    assert_eq!(code, 1);
    let Some(Event::Failed { class, message }) = events.last() else { panic!("{events:?}") };
    assert_eq!(class.as_str(), "data");
    assert!(message.contains("model.init_from") && message.contains("is damaged"), "{message}");

    std::fs::remove_file(&checkpoint).unwrap();
    let (code, events) = folder.finish("second");
    assert_eq!(code, exit::WORKER_DONE);
    assert!(matches!(&events[0], Event::Hello { resumed_from: Some(10..), .. }));

    let (code, events) = fresh();
    assert_eq!(code, 1);
    let Some(Event::Failed { class, message }) = events.last() else { panic!("{events:?}") };
    assert_eq!(class.as_str(), "data");
    let name = checkpoint.file_name().unwrap().to_str().unwrap();
    assert!(message.contains("model.init_from") && message.contains(name), "{message}");
}
