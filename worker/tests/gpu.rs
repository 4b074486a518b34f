//! A GPU's results against the golden vectors and against the CPU. These tests are a program of their
//! own, because libtorch's CUDA part must be opened before any other use of it. Without a GPU they
//! print so and pass.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use std::collections::BTreeMap;
use std::sync::Once;
use std::thread;

use serde_json::json;
use tch::{Cuda, Device, Kind, Tensor};
use worker::config::{Config, Precision};
use worker::device;
use worker::diffusion::objective::{Noised, Objective};
use worker::diffusion::schedule::Schedule;
use worker::model::{Mode, Unet, parameters};

use crate::common::rows::{config, rows, with};
use crate::common::section::Section;
use crate::common::{golden, interruption, unet_small};

#[allow(dead_code, reason = "shared with the tests on CPUs")]
mod common;

const GPU: Device = Device::Cuda(0);

/// Whether there is a GPU; if not, says so.
#[expect(clippy::print_stdout, reason = "a test that checks nothing must say so")]
fn has_gpu() -> bool {
    static OPEN: Once = Once::new();
    OPEN.call_once(device::open_cuda);
    let has_gpu = Cuda::is_available();
    if !has_gpu {
        println!("not checked: libtorch finds no GPU");
    }
    has_gpu
}

#[test]
fn output_and_gradients_are_those_of_the_reference() {
    if has_gpu() {
        unet_small::check(GPU);
    }
}

/// The loss of a training step of four images at different levels, and the gradients, computed on
/// `device` from weights, images and noise drawn on the CPU.
fn step(config: &Config, device: Device) -> (f64, BTreeMap<String, Tensor>) {
    let schedule = Schedule::new(&config.diffusion);
    let network = Unet::new(&config.model, config.diffusion.outputs(), device);
    let _generator = golden::generator();
    parameters::initialise(network.store(), 1);
    let size = config.image.size as i64;
    let shape = [4, 3, size, size];
    let uniform = || (Tensor::rand(shape, (Kind::Float, Device::Cpu)) * 2 - 1).to_device(device);
    let (condition, high) = (uniform(), uniform());
    let eps = Tensor::randn(shape, (Kind::Float, Device::Cpu)).to_device(device);
    let levels: Vec<_> = [1, 3, 5, 8].map(|t| (t, schedule.level(t))).into();
    let y0 = config.diffusion.residual.y0(&high, &condition);
    let noised = Noised::new(y0, eps, &levels);
    let level = noised.signal.reshape([-1, 1]);
    let forward = || network.forward(&condition, &noised.y_t, &level, Mode::Train);
    let output = config.training.precision.run(device, forward);
    let loss = Objective { config: &config.diffusion, schedule: &schedule }.loss(&output, &noised);
    loss.backward();
    let weights = parameters::by_name(network.store());
    let gradients = weights.into_iter().map(|(name, w)| (name, w.grad().to_device(Device::Cpu)));
    (loss.double_value(&[]), gradients.collect())
}

#[test]
fn a_step_of_every_row_is_that_of_the_cpu() {
    if !has_gpu() {
        return;
    }
    let mut losses = Section::new("GPU against CPU, loss", 1e-5);
    let mut slopes = Section::new("GPU against CPU, gradients", 1e-4);
    for (_, changes) in rows() {
        let config = with(with(config(), &changes), &json!({"model": {"dropout": 0}}));
        let mut config = Config::parse(config.as_object().unwrap()).unwrap();
        config.training.precision = Precision::Fp32;
        let (loss, gradients) = step(&config, GPU);
        let (expected, exact) = step(&config, Device::Cpu);
        losses.relative(loss, expected);
        for (name, gradient) in gradients {
            let scale = exact[&name].abs().max().double_value(&[]);
            slopes.within(golden::difference(&gradient, &exact[&name]) / scale);
        }
    }
}

#[test]
fn reduced_precisions_round_and_fp32_does_not() {
    if !has_gpu() {
        return;
    }
    let config = with(config(), &json!({"model": {"dropout": 0}}));
    let mut config = Config::parse(config.as_object().unwrap()).unwrap();
    let mut loss = |precision| {
        config.training.precision = precision;
        step(&config, GPU).0
    };
    let [fp32, tf32, bf16] = [Precision::Fp32, Precision::Tf32, Precision::Bf16].map(&mut loss);
    let [tf32, bf16] = [tf32, bf16].map(|rounded| (rounded / fp32 - 1.0).abs());
    // tf32 keeps ten bits of a factor and bf16 seven; a loss averages thousands of them.
    assert!(tf32 > 0.0 && tf32 < 2.0_f64.powi(-10), "{tf32}");
    assert!(bf16 > tf32 && bf16 < 2.0_f64.powi(-7), "{bf16}");
    let again = loss(Precision::Fp32);
    assert_eq!(again.to_bits(), fp32.to_bits(), "a precision stays when the next is chosen");
}

#[test]
fn killing_and_stopping_change_no_point_and_no_weight_of_any_row() {
    if !has_gpu() {
        return;
    }
    let tf32 = json!({"training": {"precision": "tf32"}, "evaluation": {"precision": "tf32"}});
    thread::scope(|scope| {
        for (row, changes) in rows().into_iter().chain([("tf32", tf32)]) {
            let mut config = with(config(), &changes);
            config["device"] = "cuda".into();
            scope.spawn(move || interruption::changes_nothing(row, &config));
        }
    });
}
