//! The network against the reference's: names, numbers, outputs and gradients.

use std::collections::BTreeMap;

use serde_json::Value;
use tch::nn::{Path, VarStore};
use tch::{Device, Kind, Reduction, Tensor};
use worker::config::{Config, Model};
use worker::model::blocks::{Attention, BlockConfig, Down, ResBlock, Up};
use worker::model::embedding::sinusoids;
use worker::model::{Mode, Unet, parameters};

use crate::golden;

#[test]
fn names_and_shapes_are_those_of_the_public_checkpoints() {
    let unet = Unet::new(&Model::default(), Device::Cpu);
    let ours: BTreeMap<String, Vec<i64>> =
        parameters::by_name(unet.store()).into_iter().map(|(n, t)| (n, t.size())).collect();
    let reference: BTreeMap<String, Vec<i64>> =
        serde_json::from_value(golden::json("unet_16_128_names.json")).unwrap();
    assert_eq!(ours, reference);
    assert_eq!(parameters::count(unet.store()), 97_807_491);
}

fn small() -> (Unet, BTreeMap<String, Tensor>) {
    let config = serde_json::json!({"model": {
        "inner": 16, "multipliers": [1, 2, 2], "blocks": 1, "groups": 8, "attention": 0, "dropout": 0,
    }});
    let config = Config::parse(config.as_object().unwrap()).unwrap();
    let unet = Unet::new(&config.model, Device::Cpu);
    let golden: BTreeMap<_, _> = Tensor::read_safetensors(golden::path("unet_small.safetensors"))
        .unwrap()
        .into_iter()
        .collect();
    tch::no_grad(|| {
        for (name, mut weight) in parameters::by_name(unet.store()) {
            weight.copy_(&golden[&format!("weight.{name}")]);
        }
    });
    (unet, golden)
}

#[test]
fn output_and_gradients_are_those_of_the_reference() {
    let (unet, golden) = small();
    assert_eq!(parameters::count(unet.store()), 263_091);
    let input = |name: &str| &golden[&format!("in.{name}")];
    let output = unet.forward(input("cond"), input("y"), input("level"), Mode::Train);
    golden::assert_close(&output, &golden["out.eps_hat"], 1e-5);
    let loss = output.l1_loss(input("eps"), Reduction::Mean);
    assert!((loss.double_value(&[]) - golden["out.loss"].double_value(&[0])).abs() < 1e-6);
    loss.backward();
    for (name, weight) in parameters::by_name(unet.store()) {
        let expected = &golden[&format!("grad.{name}")];
        let scale = expected.abs().max().double_value(&[]);
        golden::assert_close(&weight.grad(), expected, 1e-4 * scale);
    }
}

#[test]
fn noise_level_is_embedded_as_in_the_reference() {
    for row in golden::json("diffusion.json")["noise_embedding"].as_array().unwrap() {
        let dim = row["dim"].as_i64().unwrap();
        let level = Tensor::from(row["sqrt_gamma"].as_f64().unwrap()).reshape([1, 1]);
        golden::assert_close(
            &sinusoids(&level, dim),
            &golden::shaped(&row["value"], &[1, dim]),
            1e-9,
        );
    }
}

/// A golden weight: `offset + amplitude sin(0.7 i + 1.3 k)` over the flat index.
fn weight(k: f64, like: &Tensor, (amplitude, offset): (f64, f64)) -> Tensor {
    let index = Tensor::arange(like.numel() as i64, (Kind::Double, Device::Cpu));
    ((index * 0.7 + 1.3 * k).sin() * amplitude + offset).reshape(like.size())
}

const PLAIN: (f64, f64) = (0.3, 0.0);
const NORM: (f64, f64) = (0.2, 1.0);

/// Builds a piece and sets its parameters by name.
fn piece<T>(build: impl Fn(&Path) -> T, weights: &[(&str, f64, (f64, f64))]) -> T {
    let store = VarStore::new(Device::Cpu);
    let piece = build(&store.root());
    let mut left = parameters::by_name(&store);
    tch::no_grad(|| {
        for (name, k, shape) in weights {
            let mut parameter = left.remove(*name).unwrap();
            parameter.copy_(&weight(*k, &parameter, *shape));
        }
    });
    assert!(left.is_empty(), "parameters without a golden weight: {:?}", left.keys());
    piece
}

fn input(golden: &Value) -> Tensor {
    golden::tensor(&golden["input"]).to_kind(Kind::Float).unsqueeze(0)
}

#[test]
fn residual_block_and_attention_are_those_of_the_reference() {
    let golden = golden::json("network_pieces.json");
    let config = |heads| BlockConfig { groups: 2, dropout: 0.0, heads, embedding: 8 };
    let res_block = piece(
        |path| ResBlock::new(path, 4, 6, config(1)),
        &[
            ("noise_func.noise_func.0.weight", 1.0, PLAIN),
            ("noise_func.noise_func.0.bias", 2.0, PLAIN),
            ("block1.block.0.weight", 3.0, NORM),
            ("block1.block.0.bias", 4.0, PLAIN),
            ("block1.block.3.weight", 5.0, PLAIN),
            ("block1.block.3.bias", 6.0, PLAIN),
            ("block2.block.0.weight", 7.0, NORM),
            ("block2.block.0.bias", 8.0, PLAIN),
            ("block2.block.3.weight", 9.0, PLAIN),
            ("block2.block.3.bias", 10.0, PLAIN),
            ("res_conv.weight", 11.0, PLAIN),
            ("res_conv.bias", 12.0, PLAIN),
        ],
    );
    let embedding = golden::tensor(&golden["embedding"]).to_kind(Kind::Float).unsqueeze(0);
    let output = res_block.forward(&input(&golden), &embedding, Mode::Evaluate);
    golden::assert_close(&output.squeeze_dim(0), &golden::tensor(&golden["resblock_out"]), 1e-5);

    for (heads, name) in [(1, "attention_1head"), (2, "attention_2heads_scale_head_dim")] {
        let attention = piece(
            |path| Attention::new(path, 6, config(heads)),
            &[
                ("norm.weight", 20.0, NORM),
                ("norm.bias", 21.0, PLAIN),
                ("qkv.weight", 22.0, PLAIN),
                ("out.weight", 23.0, PLAIN),
                ("out.bias", 24.0, PLAIN),
            ],
        );
        let input = golden::tensor(&golden["resblock_out"]).to_kind(Kind::Float).unsqueeze(0);
        let output = attention.forward(&input).squeeze_dim(0);
        golden::assert_close(&output, &golden::tensor(&golden[name]), 1e-5);
    }
}

#[test]
fn changes_of_resolution_are_those_of_the_reference() {
    let golden = golden::json("network_pieces.json");
    let weights = |k| [("conv.weight", k, PLAIN), ("conv.bias", k + 1.0, PLAIN)];
    let down = piece(|path| Down::new(path, 4), &weights(30.0));
    let output = down.forward(&input(&golden)).squeeze_dim(0);
    golden::assert_close(&output, &golden::tensor(&golden["downsample_stride2_conv"]), 1e-5);
    let up = piece(|path| Up::new(path, 4), &weights(32.0));
    let output = up.forward(&input(&golden)).squeeze_dim(0);
    golden::assert_close(&output, &golden::tensor(&golden["upsample_nearest_conv"]), 1e-5);
}

#[test]
fn orthogonal_weights_follow_from_the_seed() {
    let (unet, _) = small();
    parameters::initialise(unet.store(), 7);
    let first = parameters::by_name(unet.store())["downs.3.res_block.block1.block.3.weight"].copy();
    let rows = first.reshape([32, -1]);
    let identity = Tensor::eye(32, (Kind::Float, Device::Cpu));
    golden::assert_close(&rows.matmul(&rows.transpose(0, 1)), &identity, 1e-5);
    parameters::initialise(unet.store(), 7);
    let name = "downs.3.res_block.block1.block.3.weight";
    assert_eq!(parameters::by_name(unet.store())[name], first);
    parameters::initialise(unet.store(), 8);
    assert_ne!(parameters::by_name(unet.store())[name], first);
}
