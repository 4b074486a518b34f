//! The losses against the golden vectors, and whole gradients against finite differences.

use serde_json::{Value, json};
use tch::{Device, Kind, Tensor};
use worker::config::{Config, Diffusion, Loss, Prediction};
use worker::diffusion::objective::{Noised, Objective};
use worker::diffusion::vlb::Gaussian;
use worker::model::{Mode, Unet, parameters};

use super::diffusion::{SHAPE, fixed, schedule};
use crate::common::golden;
use crate::common::section::Section;

/// The golden images at the very level of step `t`.
fn noised(golden: &Value, name: &str, t: usize) -> Noised {
    let level = schedule(golden, name).level(t);
    Noised::new(fixed(golden, "y0"), fixed(golden, "eps"), &[(t, level), (t, level)])
}

/// The golden prediction and variance as one output.
fn output(golden: &Value) -> Tensor {
    let index = Tensor::arange(96, (Kind::Double, Device::Cpu));
    let v = (index * 0.9 + 0.2).sin().reshape(SHAPE);
    Tensor::cat(&[fixed(golden, "eps_hat"), v], 1)
}

#[test]
fn the_simple_loss_is_the_mean_absolute_error() {
    let golden = golden::json("diffusion.json");
    let schedule = schedule(&golden, "cosine_T500");
    let config = Diffusion::default();
    let objective = Objective { config: &config, schedule: &schedule };
    let loss = objective.loss(&output(&golden), &noised(&golden, "cosine_T500", 250));
    let mut section = Section::new("simple_loss", 1e-9);
    section.relative(loss.double_value(&[]), golden["simple_loss"]["L1_mean"].as_f64().unwrap());
}

#[test]
fn the_hybrid_loss_and_its_bound_are_the_references() {
    let golden = golden::json("diffusion.json");
    let config = Diffusion { loss: Loss::Hybrid, ..Diffusion::default() };
    let weight = golden["vlb"]["lam"].as_f64().unwrap();
    assert!((config.vlb_weight - weight).abs() < 1e-18);
    let mut variances = Section::new("vlb, log beta~", 1e-12);
    let mut section = Section::new("vlb", 1e-9);
    for row in golden["vlb"]["terms"].as_array().unwrap() {
        let name = row["schedule"].as_str().unwrap();
        let schedule = schedule(&golden, name);
        let t = row["t"].as_u64().unwrap() as usize;
        golden::number(
            &mut variances,
            schedule.posterior(t).log_variance,
            &row["true_log_variance"],
        );
        let (batch, output) = (noised(&golden, name, t), output(&golden));
        let objective = Objective { config: &config, schedule: &schedule };
        let v = output.narrow(1, 3, 3).set_requires_grad(true);
        let model = objective.model(&output.narrow(1, 0, 3), Some(&v), &batch);
        let bound = objective.bound(&model, &batch);
        let expected = match t {
            1 => &row["decoder_nll_exact"],
            _ => &row["kl"],
        };
        let expected = golden::shaped(expected, &SHAPE);
        section.within(golden::difference(&bound, &expected) / golden::scale(&expected));
        assert!(t == 1 || bound.min().double_value(&[]) >= 0.0, "a divergence below 0 at {t}");
        if t > 1 {
            bound.sum(Kind::Double).backward();
            let expected = golden::shaped(&row["dKL_dv_elementwise"], &SHAPE);
            section.within(golden::difference(&v.grad(), &expected) / golden::scale(&expected));
        }
        let loss = objective.loss(&output, &batch).double_value(&[]);
        section.relative(loss, row["hybrid_L1_nats"].as_f64().unwrap());
    }
}

#[test]
fn the_bound_teaches_the_variance_and_not_the_mean() {
    let golden = golden::json("diffusion.json");
    let schedule = schedule(&golden, "cosine_T500");
    let config = Diffusion { loss: Loss::Hybrid, ..Diffusion::default() };
    let gradient = |config: &Diffusion| {
        let output = output(&golden).set_requires_grad(true);
        let objective = Objective { config, schedule: &schedule };
        objective.loss(&output, &noised(&golden, "cosine_T500", 250)).backward();
        (output.grad().narrow(1, 0, 3), output.grad().narrow(1, 3, 3))
    };
    let (mean, variance) = gradient(&config);
    let (simple, none) = gradient(&Diffusion::default());
    golden::assert_close(&mean, &simple, 1e-15);
    assert!(variance.abs().min().double_value(&[]) > 0.0);
    assert!(none.abs().max().double_value(&[]) == 0.0);
}

#[test]
fn an_8_bit_value_has_the_mass_of_its_bin() {
    let golden = golden::json("diffusion.json");
    let mut section = Section::new("vlb, decoder", 1e-9);
    for row in golden["vlb"]["decoder_grid"].as_array().unwrap() {
        let number = |name: &str| Tensor::from(row[name].as_f64().unwrap());
        let model = Gaussian { mean: number("mean"), log_variance: number("logstd") * 2.0 };
        let likelihood = -model.nll_of_8_bit(&number("x")).double_value(&[]);
        section.relative(likelihood, row["ll_exact"].as_f64().unwrap());
        // improved-diffusion's approximation by a tanh agrees where the density is not tiny.
        let tanh = row["ll_tanh"].as_f64().unwrap();
        assert!(tanh < -10.0 || (likelihood - tanh).abs() < 2e-3, "{likelihood} {tanh}");
    }
    let model = Gaussian { mean: Tensor::from(0.1), log_variance: Tensor::from(-3.0) };
    let values = Tensor::arange(256, (Kind::Double, Device::Cpu)) / 127.5 - 1.0;
    let total = (-model.nll_of_8_bit(&values)).exp().sum(Kind::Double);
    golden::assert_close(&total, &Tensor::from(1.0), 1e-9);
}

#[test]
fn the_chain_ends_where_the_prior_begins() {
    let golden = golden::json("diffusion.json");
    let gamma = schedule(&golden, "cosine_T500").gamma(500);
    let zero = || Tensor::from(0.0);
    let end = Gaussian {
        mean: fixed(&golden, "y0") * gamma.sqrt(),
        log_variance: Tensor::from((1.0 - gamma).ln()),
    };
    let kl = end.kl(&Gaussian { mean: zero(), log_variance: zero() });
    let bits = kl.reshape([2, -1]).mean_dim(1, false, Kind::Double) / 2_f64.ln();
    let expected = &golden["vlb"]["prior_kl_per_sample_bits_cosine_T500"];
    let mut section = Section::new("vlb, prior", 1e-15);
    section.within(golden::difference(&bits, &golden::shaped(expected, &[2])));
}

#[test]
fn the_authors_bound_weighs_next_to_nothing() {
    let golden = golden::json("diffusion.json");
    let name = "linear_T500_same_ends";
    let schedule = schedule(&golden, name);
    let config = Diffusion { loss: Loss::Author, ..Diffusion::default() };
    let (batch, output) = (noised(&golden, name, 100), output(&golden));
    let loss = Objective { config: &config, schedule: &schedule }.loss(&output, &batch);
    // Derived manually: both means of the posterior differ by its weight of y0 times the error in y0.
    let (posterior, level) = (schedule.posterior(100), schedule.level(100));
    let error = (fixed(&golden, "eps_hat") - fixed(&golden, "eps")) * level.noise / level.signal;
    let distance = (error * posterior.y0).square().mean(Kind::Double).double_value(&[]);
    let bits = distance / (2.0 * posterior.variance) / 2_f64.ln();
    let simple = golden["simple_loss"]["L1_mean"].as_f64().unwrap();
    let expected = 2.0 * simple + bits / 48.0;
    assert!((loss.double_value(&[]) - expected).abs() < 1e-9, "{loss} is not {expected}");
}

#[test]
fn min_snr_weighs_errors_of_the_image_by_the_clipped_ratio() {
    for (signal, noise) in [(0.9_f64, 0.19_f64.sqrt()), (0.2, 0.96_f64.sqrt())] {
        let ratio = (signal * signal / (noise * noise)).min(5.0);
        let (signal, noise) = (Tensor::from(signal), Tensor::from(noise));
        // One unit of error in the prediction, turned into one of the image, squared.
        let of_image = |prediction: Prediction| {
            let zero = Tensor::from(0.0);
            prediction.y0(&Tensor::from(1.0), &zero, &signal, &noise).square().double_value(&[])
        };
        for prediction in [Prediction::Eps, Prediction::V] {
            let weight = prediction.min_snr_weight(&signal, &noise, 5.0).double_value(&[]);
            assert!((weight - ratio * of_image(prediction)).abs() < 1e-12, "{prediction:?}");
        }
    }
}

/// Every loss and every way in, on a network small enough for finite differences.
#[test]
fn gradients_of_the_whole_loss_are_finite_differences() {
    let _generator = golden::generator();
    // Thousands of tiny passes: threads would only wait for each other.
    tch::set_num_threads(1);
    let base = json!({"inner": 4, "multipliers": [1, 1, 2], "blocks": 1, "groups": 2, "dropout": 0,
        "attention": 0, "heads": 2, "injection_channels": 2});
    for (model, diffusion) in [
        (json!({}), json!({"loss": "simple"})),
        (json!({"input": "attention"}), json!({"loss": "hybrid"})),
        (json!({"injection": "small-kernels"}), json!({"prediction": "v", "min_snr": 5})),
        (
            json!({"injection": "large-kernel", "multipliers": [1, 1, 1, 2]}),
            json!({"residual": "plain"}),
        ),
        (json!({"injection": "bicubic"}), json!({"loss": "author"})),
        (json!({"injection": "direct"}), json!({"prediction": "v", "loss": "hybrid"})),
    ] {
        let mut merged = base.clone();
        merged.as_object_mut().unwrap().extend(model.as_object().unwrap().clone());
        let config =
            json!({"image": {"size": 16, "low": 4}, "model": merged, "diffusion": diffusion});
        assert_gradients(&Config::parse(config.as_object().unwrap()).unwrap());
    }
}

fn assert_gradients(config: &Config) {
    let diffusion = &config.diffusion;
    let mut unet = Unet::new(&config.model, diffusion.outputs(), Device::Cpu);
    parameters::initialise(unet.store(), 11);
    unet.double();
    tch::manual_seed(12);
    let random = || Tensor::randn([2, 3, 8, 8], (Kind::Double, Device::Cpu)) * 0.5;
    let schedule = worker::diffusion::schedule::Schedule::new(diffusion);
    // One sample at the last step, whose bound is the image's likelihood.
    let levels = [1, 700].map(|t| (t, schedule.level(t)));
    let condition = random();
    let batch = Noised::new(diffusion.residual.y0(&random(), &condition), random(), &levels);
    let output = || {
        let level = batch.signal.reshape([-1, 1]);
        unet.forward(&condition, &batch.y_t, &level, Mode::Train)
    };
    let objective = Objective { config: diffusion, schedule: &schedule };
    objective.loss(&output(), &batch).backward();
    // Where the mean's gradient is stopped, the differences must hold the mean still.
    let still = output().detach().narrow(1, 0, 3);
    let simple = Diffusion { loss: Loss::Simple, ..diffusion.clone() };
    let loss = || match diffusion.loss {
        Loss::Simple | Loss::Author => objective.loss(&output(), &batch),
        Loss::Hybrid => {
            let output = output();
            let model = objective.model(&still, Some(&output.narrow(1, 3, 3)), &batch);
            let bound = objective.bound(&model, &batch).mean(Kind::Double);
            let simple = Objective { config: &simple, ..objective }.loss(&output, &batch);
            simple + bound * (0.001 * 2000.0)
        }
    };
    for (name, mut weight) in parameters::by_name(unet.store()) {
        let direction = Tensor::randn(weight.size(), (Kind::Double, Device::Cpu));
        let slope = (weight.grad() * &direction).sum(Kind::Double).double_value(&[]);
        let mut at = |distance: f64| {
            tch::no_grad(|| weight += &direction * distance);
            let value = loss().double_value(&[]);
            tch::no_grad(|| weight -= &direction * distance);
            value
        };
        let difference = (at(1e-6) - at(-1e-6)) / 2e-6;
        let scale = slope.abs().max(1e-3);
        assert!((slope - difference).abs() <= 1e-4 * scale, "{name}: {slope} not {difference}");
    }
}
