//! The network against the reference's: names, numbers, outputs and gradients.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tch::nn::{Path, VarStore};
use tch::{Device, Kind, Reduction, Tensor};
use worker::config::{Config, Precision};
use worker::model::blocks::{Attention, BlockConfig, Down, ResBlock, Up};
use worker::model::embedding::sinusoids;
use worker::model::fusion::InputFusion;
use worker::model::{Mode, Unet, parameters};

use crate::common::golden;
use crate::common::section::Section;
use crate::common::unet_small;

/// The network of a config with these sections.
fn network(model: &Value, diffusion: &Value) -> Unet {
    let config = json!({"image": {"size": 128, "low": 16}, "model": model, "diffusion": diffusion});
    let config = Config::parse(config.as_object().unwrap()).unwrap();
    Unet::new(&config.model, config.diffusion.outputs(), Device::Cpu)
}

#[test]
fn names_and_shapes_are_those_of_the_public_checkpoints() {
    let unet = network(&json!({}), &json!({}));
    let ours: BTreeMap<String, Vec<i64>> =
        parameters::by_name(unet.store()).into_iter().map(|(n, t)| (n, t.size())).collect();
    let reference: BTreeMap<String, Vec<i64>> =
        serde_json::from_value(golden::json("unet_16_128_names.json")).unwrap();
    assert_eq!(ours, reference);
}

#[test]
fn every_row_has_its_number_of_parameters() {
    let golden = golden::json("network_pieces.json");
    let plain = json!({});
    for (name, model, diffusion) in [
        ("sr3_unofficial_16_128", &plain, &plain),
        ("simple+vlb", &plain, &json!({"loss": "hybrid"})),
        ("cosine / residual", &plain, &json!({"schedule": "cosine", "residual": "plain"})),
        ("attention input fusion", &json!({"input": "attention"}), &plain),
        ("attn@8 instead of 16", &json!({"attention": 0, "heads": 8}), &plain),
        (
            "SR4",
            &json!({"attention": 0, "heads": 8, "injection": "small-kernels"}),
            &json!({"schedule": "cosine", "residual": "plain"}),
        ),
        ("SR4", &json!({"injection": "small-kernels"}), &plain),
        ("mid-only attention", &json!({"attention": null}), &plain),
        ("SR3 paper size", &json!({"inner": 128, "blocks": 3}), &plain),
        ("small test net", &json!({"inner": 16, "groups": 16, "blocks": 1}), &plain),
    ] {
        let counts = golden["param_counts"].as_object().unwrap();
        let (_, expected) = counts.iter().find(|(full, _)| full.starts_with(name)).unwrap();
        let count = parameters::count(network(model, diffusion).store());
        assert_eq!(count as u64, expected.as_u64().unwrap(), "{name}");
    }
}

#[test]
fn output_and_gradients_are_those_of_the_reference() {
    unet_small::check(Device::Cpu);
}

/// Size of the difference relative to `exact`, by the root of their squares' sums.
fn relative_error(rounded: &Tensor, exact: &Tensor) -> f64 {
    let size = |t: &Tensor| t.square().sum(Kind::Double).sqrt().double_value(&[]);
    size(&(rounded - exact)) / size(exact)
}

#[test]
fn bf16_rounds_within_the_network_and_nowhere_else() {
    let (unet, golden) = unet_small::load(Device::Cpu);
    let input = |name: &str| &golden[&format!("in.{name}")];
    let forward = || unet.forward(input("cond"), input("y"), input("level"), Mode::Train);
    let rounded = Precision::Bf16.run(Device::Cpu, forward);
    assert_eq!(rounded.kind(), Kind::Float);
    // bf16 rounds by up to 2^-9 of a value, and the longest path through this network rounds
    // about 30 times: were the errors independent, they would add up to 5 or 6 times that.
    let unit = 2.0_f64.powi(-9);
    let error = relative_error(&rounded, &golden["out.eps_hat"]);
    assert!((unit..10.0 * unit).contains(&error), "{error}");
    let loss = rounded.l1_loss(input("eps"), Reduction::Mean);
    assert!((loss.double_value(&[]) - golden["out.loss"].double_value(&[0])).abs() < 10.0 * unit);
    // The loss's own gradient is a sign, which turns wherever the rounding crosses zero: the exact
    // one is sent back, so that only the way through the network rounds.
    let sign = (&golden["out.eps_hat"] - input("eps")).sign() / input("eps").numel() as f64;
    (rounded * sign).sum(Kind::Float).backward();
    for (name, weight) in parameters::by_name(unet.store()) {
        let (gradient, exact) = (weight.grad(), &golden[&format!("grad.{name}")]);
        assert_eq!((weight.kind(), gradient.kind()), (Kind::Float, Kind::Float));
        let error = relative_error(&gradient, exact);
        // A gradient goes back as far as the output came, and then some: seen are 1 to 30 units,
        // by the processor's instructions.
        assert!((0.5 * unit..50.0 * unit).contains(&error), "{name}: {error}");
    }
    golden::assert_close(&forward(), &golden["out.eps_hat"], 1e-5);
}

#[test]
fn noise_level_is_embedded_as_in_the_reference() {
    let mut section = Section::new("noise_embedding", 1e-9);
    for row in golden::json("diffusion.json")["noise_embedding"].as_array().unwrap() {
        let dim = row["dim"].as_i64().unwrap();
        let level = Tensor::from(row["sqrt_gamma"].as_f64().unwrap()).reshape([1, 1]);
        let expected = golden::shaped(&row["value"], &[1, dim]);
        section.within(golden::difference(&sinusoids(&level, dim), &expected));
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

/// Compares what a piece makes of a batch of one.
#[track_caller]
fn compare(piece: &'static str, output: &Tensor, expected: &Value) {
    let mut section = Section::new(piece, 1e-5);
    section.within(golden::difference(&output.squeeze_dim(0), &golden::tensor(expected)));
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
    compare("resblock_out", &output, &golden["resblock_out"]);

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
        compare(name, &attention.forward(&input), &golden[name]);
    }
}

#[test]
fn attention_over_a_large_picture_goes_part_by_part() {
    let _generator = golden::generator();
    let config = BlockConfig { groups: 1, dropout: 0.0, heads: 1, embedding: 8 };
    let attention = piece(
        |path| Attention::new(path, 2, config),
        &[
            ("norm.weight", 20.0, NORM),
            ("norm.bias", 21.0, PLAIN),
            ("qkv.weight", 22.0, PLAIN),
            ("out.weight", 23.0, PLAIN),
            ("out.bias", 24.0, PLAIN),
        ],
    );
    // Every pixel four times: the same keys and values as often, so the same means. 96 × 96 pixels
    // have too many scores to be made at once, 48 × 48 have not.
    let small = Tensor::randn([1, 2, 48, 48], (Kind::Float, Device::Cpu));
    let large = small.upsample_nearest2d([96, 96], None, None);
    let expected = attention.forward(&small).upsample_nearest2d([96, 96], None, None);
    golden::assert_close(&attention.forward(&large), &expected, 1e-5);
}

#[test]
fn changes_of_resolution_are_those_of_the_reference() {
    let golden = golden::json("network_pieces.json");
    let weights = |k| [("conv.weight", k, PLAIN), ("conv.bias", k + 1.0, PLAIN)];
    let down = piece(|path| Down::new(path, 4), &weights(30.0));
    let name = "downsample_stride2_conv";
    compare(name, &down.forward(&input(&golden)), &golden[name]);
    let up = piece(|path| Up::new(path, 4), &weights(32.0));
    let name = "upsample_nearest_conv";
    compare(name, &up.forward(&input(&golden)), &golden[name]);
}

#[test]
fn the_fusion_of_the_inputs_is_the_authors() {
    let golden = golden::json("network_pieces.json");
    let tensors = &golden::json("diffusion.json")["tensors"];
    let fusion = piece(
        InputFusion::new,
        &[
            ("conv1.weight", 40.0, PLAIN),
            ("conv1.bias", 41.0, PLAIN),
            ("att11.weight", 42.0, PLAIN),
            ("att11.bias", 43.0, PLAIN),
            ("att12.weight", 44.0, PLAIN),
            ("att12.bias", 45.0, PLAIN),
        ],
    );
    let first = |name| golden::shaped(&tensors[name], &[2, 3, 4, 4]).narrow(0, 0, 1);
    let [condition, y] = ["cond", "eps"].map(|name| first(name).to_kind(Kind::Float));
    let output = fusion.forward(&condition, &y);
    compare("input_fusion", &output, &golden["input_fusion"]["out"]);
}

#[test]
fn every_injection_meets_the_level_it_enters_at_any_size() {
    let _generator = golden::generator();
    for injection in ["direct", "bicubic", "large-kernel", "small-kernels"] {
        let model = json!({"inner": 4, "groups": 2, "blocks": 1, "injection": injection,
            "injection_channels": 4});
        let unet = network(&model, &json!({}));
        parameters::initialise(unet.store(), 1);
        let image = |h, w| Tensor::ones([1, 3, h, w], (Kind::Float, Device::Cpu));
        for (h, w) in [(64, 64), (32, 80)] {
            let level = Tensor::from_slice(&[0.5_f32]).reshape([1, 1]);
            let output = unet.forward(&image(h, w), &image(h, w), &level, Mode::Evaluate);
            assert_eq!(output.size(), [1, 3, h, w], "{injection}");
        }
        let names = parameters::by_name(unet.store());
        let convolutions =
            names.keys().filter(|n| n.contains("injection") && n.ends_with("weight"));
        assert_eq!(convolutions.count(), if injection == "small-kernels" { 6 } else { 2 });
    }
}

#[test]
fn orthogonal_weights_follow_from_the_seed() {
    let _generator = golden::generator();
    let (unet, _) = unet_small::load(Device::Cpu);
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
