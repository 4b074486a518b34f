//! Schedules, levels, targets and chains against the golden vectors.

use std::ops::ControlFlow;

use serde_json::Value;
use tch::{Kind, Tensor};
use worker::config::{Diffusion, Prediction, Residual, ScheduleKind, Training};
use worker::diffusion::sampler::{ChainContext, Sampler, Variance};
use worker::diffusion::schedule::{NoiseLevel, Schedule};
use worker::diffusion::target::q_sample;
use worker::train::optimiser::learning_rate;

use crate::common::golden;
use crate::common::section::Section;

pub(crate) const SHAPE: [i64; 4] = [2, 3, 4, 4];

pub(crate) fn schedule(golden: &Value, name: &str) -> Schedule {
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

pub(crate) fn fixed(golden: &Value, name: &str) -> Tensor {
    golden::shaped(&golden["tensors"][name], &SHAPE)
}

#[test]
fn schedules_are_exact() {
    let golden = golden::json("diffusion.json");
    let mut sums = Section::new("schedules, sums", 1e-9);
    let mut rows = Section::new("schedules", 1e-12);
    for (name, expected) in golden["schedules"].as_object().unwrap() {
        let schedule = schedule(&golden, name);
        assert_eq!(schedule.steps() as u64, expected["T"].as_u64().unwrap());
        let sum = |of: &dyn Fn(usize) -> f64| (1..=schedule.steps()).map(of).sum();
        golden::number(&mut sums, sum(&|t| schedule.beta(t)), &expected["sum_beta"]);
        golden::number(&mut sums, sum(&|t| schedule.gamma(t)), &expected["sum_gamma"]);
        for row in expected["rows"].as_array().unwrap() {
            let t = row["t"].as_u64().unwrap() as usize;
            let (level, posterior) = (schedule.level(t), schedule.posterior(t));
            golden::number(&mut rows, schedule.beta(t), &row["beta"]);
            golden::number(&mut rows, schedule.gamma(t), &row["gamma"]);
            golden::number(&mut rows, level.signal, &row["sqrt_gamma"]);
            golden::number(&mut rows, level.noise, &row["sqrt_one_minus_gamma"]);
            golden::number(&mut rows, posterior.y0, &row["mean_coef_y0"]);
            golden::number(&mut rows, posterior.y_t, &row["mean_coef_yt"]);
            golden::number(&mut rows, posterior.variance, &row["beta_tilde"]);
        }
    }
}

#[test]
fn continuous_levels_lie_between_their_neighbours() {
    let golden = golden::json("diffusion.json");
    let mut section = Section::new("continuous_noise_level", 1e-12);
    for row in golden["continuous_noise_level"].as_array().unwrap() {
        let schedule = schedule(&golden, row["schedule"].as_str().unwrap());
        let t = row["t"].as_u64().unwrap() as usize;
        let level = schedule.continuous_level(t, row["u"].as_f64().unwrap());
        golden::number(&mut section, level.signal, &row["sqrt_gamma"]);
        assert!((level.signal.powi(2) + level.noise.powi(2) - 1.0).abs() < 1e-12);
    }
}

#[test]
fn images_are_noised_as_in_the_reference() {
    let golden = golden::json("diffusion.json");
    let mut section = Section::new("q_sample", 1e-9);
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
        section.within(golden::difference(&y_t, &golden::shaped(&row["y_t"], &SHAPE)));
    }
}

#[test]
fn predicting_v_and_predicting_eps_say_the_same_image() {
    let golden = golden::json("diffusion.json");
    let (y0, eps) = (fixed(&golden, "y0"), fixed(&golden, "eps"));
    let mut section = Section::new("reverse_step, estimate of y0", 1e-9);
    for row in golden["reverse_step"].as_array().unwrap() {
        let t = row["t"].as_u64().unwrap() as usize;
        let level = schedule(&golden, row["schedule"].as_str().unwrap()).level(t);
        let y_t = golden::shaped(&row["y_t"], &SHAPE);
        let (signal, noise) = (Tensor::from(level.signal), Tensor::from(level.noise));
        let y0_hat = Prediction::Eps.y0(&fixed(&golden, "eps_hat"), &y_t, &signal, &noise);
        let expected = golden::shaped(&row["y0_hat"], &SHAPE);
        section.within(golden::difference(&y0_hat, &expected) / golden::scale(&expected));

        let v = Prediction::V.target(&y0, &eps, &signal, &noise);
        golden::assert_close(&Prediction::V.y0(&v, &y_t, &signal, &noise), &y0, 1e-9);
    }
}

#[test]
fn one_step_back_is_the_posterior_with_its_clamp() {
    let golden = golden::json("diffusion.json");
    let mut section = Section::new("reverse_step", 1e-9);
    for row in golden["reverse_step"].as_array().unwrap() {
        let schedule = schedule(&golden, row["schedule"].as_str().unwrap());
        let t = row["t"].as_u64().unwrap() as usize;
        let posterior = schedule.posterior(t);
        let named = |name: &str| golden::shaped(&row[name], &SHAPE);
        let mean = |y0: Tensor| y0 * posterior.y0 + named("y_t") * posterior.y_t;
        let clamped = mean(named("y0_hat").clamp(-1.0, 1.0));
        section.within(golden::difference(&clamped, &named("mean_posterior_clamped")));
        let y = clamped + fixed(&golden, "z") * posterior.variance.sqrt();
        section.within(golden::difference(&y, &named("y_prev_clamped_beta_tilde")));

        // SR4 eq. 7 is the same mean without the clamp.
        let scale = golden::scale(&named("mean_eq7"));
        let unclamped = mean(named("y0_hat"));
        section.within(golden::difference(&unclamped, &named("mean_eq7")) / scale);
        let y = unclamped + fixed(&golden, "z") * schedule.beta(t).sqrt();
        section.within(golden::difference(&y, &named("y_prev_eq7_beta")) / scale);
    }
}

#[test]
fn noise_only_grows_and_what_is_kept_adds_up() {
    let golden = golden::json("diffusion.json");
    for name in golden["schedules"].as_object().unwrap().keys() {
        let whole = schedule(&golden, name);
        for schedule in [whole.respaced(whole.steps().div_ceil(3)), whole] {
            for t in 1..=schedule.steps() {
                let (beta, posterior) = (schedule.beta(t), schedule.posterior(t));
                assert!(beta > 0.0 && beta < 1.0, "{name}: beta({t}) = {beta}");
                assert!(schedule.gamma(t) < schedule.gamma(t - 1), "{name}: gamma({t})");
                assert!((0.0..=beta).contains(&posterior.variance), "{name}: beta~({t})");
                // A noise-free y_t goes back to the noise-free y_(t-1).
                let (now, before) = (schedule.level(t).signal, schedule.level(t - 1).signal);
                assert!((posterior.y0 + posterior.y_t * now - before).abs() < 1e-9, "{name}: {t}");
            }
        }
    }
}

/// The golden chains' closed-form network and noise.
struct ClosedForm {
    condition: Tensor,
    start: Tensor,
    /// What it says of the variance, if anything.
    v: Option<f64>,
    ticks: usize,
}

impl ClosedForm {
    fn new(golden: &Value, v: Option<f64>) -> Self {
        Self { condition: fixed(golden, "cond"), start: fixed(golden, "z"), v, ticks: 0 }
    }
}

impl ChainContext for ClosedForm {
    fn predict(&mut self, y_t: &Tensor, level: NoiseLevel) -> Tensor {
        let output = (y_t * 0.8 + &self.condition * 0.15 - 0.1 * level.signal).tanh();
        match self.v {
            Some(v) => Tensor::cat(&[&output, &output.full_like(v)], 1),
            None => output,
        }
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
    let mut section = Section::new("chain", 1e-9);
    for run in golden["chain"]["runs"].as_array().unwrap() {
        let schedule = schedule(&golden, run["schedule"].as_str().unwrap());
        let mut context = ClosedForm::new(&golden, None);
        let steps = run["steps"].as_array().map_or(schedule.steps(), Vec::len);
        let schedule = schedule.respaced(steps);
        let variance = match run["variance"].as_str() {
            Some("beta") => Variance::Beta,
            _ => Variance::Posterior,
        };
        let sampler = Sampler { schedule: &schedule, prediction: Prediction::Eps, variance };
        let is_ddim = run["steps"].is_array();
        let end = if is_ddim { sampler.ddim(&mut context) } else { sampler.ddpm(&mut context) };
        let end = end.continue_value().unwrap();
        section.within(golden::difference(&end, &golden::shaped(&run["y_0"], &SHAPE)));
        assert_eq!(context.ticks, steps);
    }
}

#[test]
fn a_learned_variance_runs_from_the_posteriors_to_the_forward_steps() {
    let golden = golden::json("diffusion.json");
    let schedule = schedule(&golden, "cosine_T500").respaced(40);
    let end = |variance, v| {
        let sampler = Sampler { schedule: &schedule, prediction: Prediction::Eps, variance };
        sampler.ddpm(&mut ClosedForm::new(&golden, v)).continue_value().unwrap()
    };
    let [posterior, beta] = [Variance::Posterior, Variance::Beta].map(|fixed| end(fixed, None));
    golden::assert_close(&end(Variance::Learned, Some(-1.0)), &posterior, 1e-9);
    golden::assert_close(&end(Variance::Learned, Some(1.0)), &beta, 1e-9);
    assert!((posterior - beta).abs().max().double_value(&[]) > 1e-3);
}

#[test]
fn residuals_are_made_and_undone_as_in_the_reference() {
    let golden = golden::json("diffusion.json");
    let (high, up) = (fixed(&golden, "y0"), fixed(&golden, "cond"));
    let mut section = Section::new("residual", 1e-9);
    for (residual, target, image) in [
        (Residual::Plain, "target_scale1", "recon_scale1"),
        (Residual::Doubled, "target_scale2_clamped", "recon_scale2"),
    ] {
        let expected = |name| golden::shaped(&golden["residual"][name], &SHAPE);
        let y0 = residual.y0(&high, &up);
        section.within(golden::difference(&y0, &expected(target)));
        section.within(golden::difference(&residual.image(&y0, &up), &expected(image)));
    }
}

#[test]
fn the_learning_rate_warms_up_as_in_the_reference() {
    let golden = &golden::json("diffusion.json")["lr_warmup"];
    let training = Training {
        learning_rate: golden["base"].as_f64().unwrap(),
        warmup: golden["warmup"].as_u64().unwrap(),
        ..Training::default()
    };
    let mut section = Section::new("lr_warmup", 1e-9);
    for row in golden["rows"].as_array().unwrap() {
        let rate = learning_rate(&training, row[0].as_u64().unwrap());
        section.relative(rate, row[1].as_f64().unwrap());
    }
    let cold = Training { warmup: 0, ..training };
    section.relative(learning_rate(&cold, 1), training.learning_rate);
}

#[test]
fn the_authors_warm_up_differs_by_less_than_its_start() {
    // Their rule starts at a thousandth and counts from 0, ours is the plain ramp.
    let golden = &golden::json("diffusion.json")["lr_warmup_author"];
    let training = Training { learning_rate: 1e-4, warmup: 10_000, ..Training::default() };
    let mut section = Section::new("lr_warmup_author, of the full rate", 0.001);
    for row in golden["rows"].as_array().unwrap() {
        let rate = learning_rate(&training, row[0].as_u64().unwrap());
        section.within((rate - row[1].as_f64().unwrap()).abs() / training.learning_rate);
    }
}
