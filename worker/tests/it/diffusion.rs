//! Schedules, levels, targets and chains against the golden vectors.

use std::ops::ControlFlow;

use serde_json::Value;
use tch::{Kind, Tensor};
use worker::config::{Diffusion, Prediction, ScheduleKind, Training};
use worker::diffusion::sampler::{Sampler, Surroundings};
use worker::diffusion::schedule::{NoiseLevel, Schedule};
use worker::diffusion::target::{Diffused, q_sample};
use worker::train::optimiser::learning_rate;

use crate::golden;

const SHAPE: [i64; 4] = [2, 3, 4, 4];

fn schedule(golden: &Value, name: &str) -> Schedule {
    let steps = golden["schedules"][name]["T"].as_u64().unwrap() as usize;
    let config = match golden["schedule_args"].get(name) {
        Some(args) => {
            let args = golden::numbers(args);
            Diffusion { steps, linear_start: args[1], linear_end: args[2], ..Default::default() }
        }
        None => Diffusion { steps, schedule: ScheduleKind::Cosine, ..Default::default() },
    };
    Schedule::new(&config)
}

fn fixed(golden: &Value, name: &str) -> Tensor {
    golden::shaped(&golden["tensors"][name], &SHAPE)
}

#[track_caller]
fn assert_number(actual: f64, expected: &Value, tolerance: f64) {
    let expected = expected.as_f64().unwrap();
    assert!((actual - expected).abs() <= tolerance, "{actual} is not {expected}");
}

#[test]
fn schedules_are_exact() {
    let golden = golden::json("diffusion.json");
    for (name, expected) in golden["schedules"].as_object().unwrap() {
        let schedule = schedule(&golden, name);
        assert_eq!(schedule.steps() as u64, expected["T"].as_u64().unwrap());
        let gammas: f64 = (1..=schedule.steps()).map(|t| schedule.gamma(t)).sum();
        assert_number(gammas, &expected["sum_gamma"], 1e-9);
        for row in expected["rows"].as_array().unwrap() {
            let t = row["t"].as_u64().unwrap() as usize;
            let (level, posterior) = (schedule.level(t), schedule.posterior(t));
            assert_number(schedule.beta(t), &row["beta"], 1e-12);
            assert_number(schedule.gamma(t), &row["gamma"], 1e-12);
            assert_number(level.signal, &row["sqrt_gamma"], 1e-12);
            assert_number(level.noise, &row["sqrt_one_minus_gamma"], 1e-12);
            assert_number(posterior.y0, &row["mean_coef_y0"], 1e-12);
            assert_number(posterior.y_t, &row["mean_coef_yt"], 1e-12);
            assert_number(posterior.variance, &row["beta_tilde"], 1e-12);
        }
    }
}

#[test]
fn continuous_levels_lie_between_their_neighbours() {
    let golden = golden::json("diffusion.json");
    for row in golden["continuous_noise_level"].as_array().unwrap() {
        let schedule = schedule(&golden, row["schedule"].as_str().unwrap());
        let t = row["t"].as_u64().unwrap() as usize;
        let level = schedule.continuous_level(t, row["u"].as_f64().unwrap());
        assert_number(level.signal, &row["sqrt_gamma"], 1e-12);
        assert!((level.signal.powi(2) + level.noise.powi(2) - 1.0).abs() < 1e-12);
    }
}

#[test]
fn images_are_noised_as_in_the_reference() {
    let golden = golden::json("diffusion.json");
    for row in golden["q_sample"].as_array().unwrap() {
        let (signal, noise) = if let Some(per_sample) = row.get("sqrt_gamma_per_sample") {
            let signal = golden::shaped(per_sample, &[2, 1, 1, 1]);
            (signal.copy(), (signal.square().neg() + 1.0).sqrt())
        } else {
            let schedule = schedule(&golden, row["schedule"].as_str().unwrap());
            let level = schedule.level(row["t"].as_u64().unwrap() as usize);
            (Tensor::from(level.signal), Tensor::from(level.noise))
        };
        let y_t = q_sample(&fixed(&golden, "y0"), &fixed(&golden, "eps"), &signal, &noise);
        golden::assert_close(&y_t, &golden::shaped(&row["y_t"], &SHAPE), 1e-9);
    }
}

#[test]
fn predicting_v_and_predicting_eps_say_the_same_image() {
    let golden = golden::json("diffusion.json");
    let (y0, eps) = (fixed(&golden, "y0"), fixed(&golden, "eps"));
    for row in golden["reverse_step"].as_array().unwrap() {
        let t = row["t"].as_u64().unwrap() as usize;
        let level = schedule(&golden, row["schedule"].as_str().unwrap()).level(t);
        let y_t = golden::shaped(&row["y_t"], &SHAPE);
        let y0_hat = Prediction::Eps.y0(&fixed(&golden, "eps_hat"), &y_t, level);
        let expected = golden::shaped(&row["y0_hat"], &SHAPE);
        let scale = expected.abs().max().double_value(&[]).max(1.0);
        golden::assert_close(&y0_hat, &expected, 1e-9 * scale);

        let (signal, noise) = (Tensor::from(level.signal), Tensor::from(level.noise));
        let v = Prediction::V.target(&y0, &eps, &signal, &noise);
        golden::assert_close(&Prediction::V.y0(&v, &y_t, level), &y0, 1e-9);
    }
}

#[test]
fn one_step_back_is_the_posterior_with_its_clamp() {
    let golden = golden::json("diffusion.json");
    for row in golden["reverse_step"].as_array().unwrap() {
        let schedule = schedule(&golden, row["schedule"].as_str().unwrap());
        let posterior = schedule.posterior(row["t"].as_u64().unwrap() as usize);
        let y0 = golden::shaped(&row["y0_hat"], &SHAPE).clamp(-1.0, 1.0);
        let mean = y0 * posterior.y0 + golden::shaped(&row["y_t"], &SHAPE) * posterior.y_t;
        golden::assert_close(&mean, &golden::shaped(&row["mean_posterior_clamped"], &SHAPE), 1e-9);
        let y = mean + fixed(&golden, "z") * posterior.variance.sqrt();
        let expected = golden::shaped(&row["y_prev_clamped_beta_tilde"], &SHAPE);
        golden::assert_close(&y, &expected, 1e-9);
    }
}

/// The golden chains' closed-form network and noise.
struct ClosedForm {
    condition: Tensor,
    start: Tensor,
    ticks: usize,
}

impl Surroundings for ClosedForm {
    fn predict(&mut self, y_t: &Tensor, level: NoiseLevel) -> Tensor {
        (y_t * 0.8 + &self.condition * 0.15 - 0.1 * level.signal).tanh()
    }

    fn noise(&mut self, t: usize) -> Tensor {
        if t == 0 {
            return self.start.copy();
        }
        let index = Tensor::arange(self.start.numel() as i64, (Kind::Double, self.start.device()));
        ((index * 1.7 + 0.9 * t as f64).sin() * 1.3).reshape(SHAPE)
    }

    fn tick(&mut self) -> ControlFlow<()> {
        self.ticks += 1;
        ControlFlow::Continue(())
    }
}

#[test]
fn whole_chains_end_where_the_reference_does() {
    let golden = golden::json("diffusion.json");
    for run in golden["chain"]["runs"].as_array().unwrap() {
        let schedule = schedule(&golden, run["schedule"].as_str().unwrap());
        let sampler = Sampler { schedule: &schedule, prediction: Prediction::Eps };
        let mut around =
            ClosedForm { condition: fixed(&golden, "cond"), start: fixed(&golden, "z"), ticks: 0 };
        let (end, steps) = match run["steps"].as_array() {
            Some(steps) => (sampler.short(steps.len(), &mut around), steps.len()),
            None => (sampler.full(&mut around), schedule.steps()),
        };
        let end = end.continue_value().unwrap();
        golden::assert_close(&end, &golden::shaped(&run["y_0"], &SHAPE), 1e-9);
        assert_eq!(around.ticks, steps);
    }
}

#[test]
fn residuals_are_neither_scaled_nor_clamped_until_the_end() {
    let golden = golden::json("diffusion.json");
    let (high, up) = (fixed(&golden, "y0"), fixed(&golden, "cond"));
    let target = Diffused::Residual.y0(&high, &up);
    let expected = golden::shaped(&golden["residual"]["target_scale1"], &SHAPE);
    golden::assert_close(&target, &expected, 1e-9);
    let image = Diffused::Residual.image(&target, &up);
    let expected = golden::shaped(&golden["residual"]["recon_scale1"], &SHAPE);
    golden::assert_close(&image, &expected, 1e-9);
}

#[test]
fn the_loss_is_the_mean_absolute_error() {
    let golden = golden::json("diffusion.json");
    let (eps, eps_hat) = (fixed(&golden, "eps"), fixed(&golden, "eps_hat"));
    let loss = worker::train::loss(&eps_hat, &eps).double_value(&[]);
    assert_number(loss, &golden["simple_loss"]["L1_mean"], 1e-9);
}

#[test]
fn the_learning_rate_warms_up_as_in_the_reference() {
    let golden = &golden::json("diffusion.json")["lr_warmup"];
    let training = Training {
        learning_rate: golden["base"].as_f64().unwrap(),
        warmup: golden["warmup"].as_u64().unwrap(),
        ..Training::default()
    };
    for row in golden["rows"].as_array().unwrap() {
        let rate = learning_rate(&training, row[0].as_u64().unwrap());
        assert_number(rate, &row[1], 1e-9 * training.learning_rate);
    }
    let cold = Training { warmup: 0, ..training };
    assert_number(learning_rate(&cold, 1), &golden["base"], 0.0);
}
