//! A small network with weights, output, loss and gradients that PyTorch computed.

use std::collections::BTreeMap;

use serde_json::json;
use tch::{Device, Reduction, Tensor};
use worker::config::{Config, Precision};
use worker::model::{Mode, Unet, parameters};

use crate::common::golden;
use crate::common::section::Section;

/// The network with the reference's weights on `device`, and all that the reference says of it.
pub(crate) fn load(device: Device) -> (Unet, BTreeMap<String, Tensor>) {
    let config = json!({"model": {
        "inner": 16, "multipliers": [1, 2, 2], "blocks": 1, "groups": 8, "attention": 0, "dropout": 0,
    }});
    let config = Config::parse(config.as_object().unwrap()).unwrap();
    let unet = Unet::new(&config.model, config.diffusion.outputs(), device);
    let golden: BTreeMap<_, _> = Tensor::read_safetensors(golden::path("unet_small.safetensors"))
        .unwrap()
        .into_iter()
        .map(|(name, tensor)| (name, tensor.to_device(device)))
        .collect();
    tch::no_grad(|| {
        for (name, mut weight) in parameters::by_name(unet.store()) {
            weight.copy_(&golden[&format!("weight.{name}")]);
        }
    });
    (unet, golden)
}

/// Fails unless `device` computes the reference's output, loss and gradients.
pub(crate) fn check(device: Device) {
    let _generator = golden::generator();
    let (unet, golden) = load(device);
    assert_eq!(parameters::count(unet.store()), 263_091);
    let input = |name: &str| &golden[&format!("in.{name}")];
    let forward = || unet.forward(input("cond"), input("y"), input("level"), Mode::Train);
    let output = Precision::Fp32.run(device, forward);
    let mut section = Section::new("unet_small, output", 1e-5);
    section.within(golden::difference(&output, &golden["out.eps_hat"]));
    let loss = output.l1_loss(input("eps"), Reduction::Mean);
    let mut section = Section::new("unet_small, loss", 1e-6);
    section.within((loss.double_value(&[]) - golden["out.loss"].double_value(&[0])).abs());
    loss.backward();
    let mut section = Section::new("unet_small, gradients", 1e-4);
    for (name, weight) in parameters::by_name(unet.store()) {
        let expected = &golden[&format!("grad.{name}")];
        let scale = expected.abs().max().double_value(&[]);
        section.within(golden::difference(&weight.grad(), expected) / scale);
    }
}
