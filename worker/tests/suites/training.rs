//! Whole trials by the real program: what it says, and that stopping or killing it changes nothing.

use std::ops::ControlFlow;

use experiments::protocol::events::Event;
use experiments::protocol::exit;
use serde_json::{Value, json};
use tempfile::TempDir;
use worker::data::PrepareContext;

use crate::common::interruption;
use crate::common::rows::{config, rows, with};
use crate::common::trial::{TrialFolder, points, result, terminate};

#[test]
fn a_trial_is_carried_to_its_end() {
    let folder = TrialFolder::new(&config());
    let (code, events) = folder.finish("events");
    assert_eq!(code, exit::WORKER_DONE);
    assert!(matches!(&events[0], Event::Hello { resumed_from: None, .. }));

    let result = result(&events);
    let names = ["psnr", "ssim", "consistency", "detail"];
    for name in names.iter().flat_map(|n| [(*n).to_owned(), format!("{n}_ema")]) {
        assert!(result[&name].is_finite(), "{name}");
    }
    assert!(result["train_seconds"] > 0.0 && result["seconds_per_image"] > 0.0);
    assert_eq!(result["images"] as u64, 3);

    let points = points(&events);
    let mean = |name: &str| {
        let of_images = points.iter().filter(|((_, item, n), _)| item.is_some() && n == name);
        let values: Vec<f64> = of_images.map(|(_, bits)| f64::from_bits(*bits)).collect();
        assert_eq!(values.len(), 3);
        values.iter().sum::<f64>() / 3.0
    };
    assert!((mean("psnr") - result["psnr"]).abs() < 1e-9);
    assert!((mean("consistency_ema") - result["consistency_ema"]).abs() < 1e-9);
    let curve = |name: &str| -> Vec<u64> {
        points.keys().filter(|(_, _, n)| n == name).map(|(step, _, _)| *step).collect()
    };
    assert_eq!(curve("val/psnr"), [0, 15, 30]);
    assert_eq!(curve("train/loss"), [4, 8, 12, 16, 20, 24, 28, 30]);
    let schedule = curve("schedule/gamma");
    assert_eq!(schedule.first(), Some(&0));
    assert!(schedule.is_sorted() && schedule.len() > 2, "{schedule:?}");

    let pictures: Vec<&String> = events
        .iter()
        .filter_map(|event| match event {
            Event::Artifact { path, .. } => Some(path),
            _ => None,
        })
        .collect();
    assert_eq!(pictures.len(), 6 + 3);
    let of_curve: Vec<_> =
        pictures.iter().filter(|path| path.contains("val/sample/step-")).collect();
    assert_eq!(of_curve.len(), 3, "{of_curve:?}");
    for path in pictures {
        let image = worker::image::Rgb::load(&folder.path(path)).unwrap();
        assert!(image.width == 16 || path.contains("lowres") && image.width == 4);
    }
}

#[test]
fn a_curve_by_the_whole_chain_ends_in_what_is_measured() {
    let mut config = config();
    config["evaluation"]["ddim_steps"] = Value::Null;
    config["evaluation"]["curve_images"] = 3.into();
    let (code, events) = TrialFolder::new(&config).finish("events");
    assert_eq!(code, exit::WORKER_DONE);
    let (points, result) = (points(&events), result(&events));
    // The same weights, images, chain and noise.
    for metric in ["psnr", "psnr_ema"] {
        let last = f64::from_bits(points[&(30, None, format!("val/{metric}"))]);
        assert!((last - result[metric]).abs() < 1e-9, "{metric}: {last}, {}", result[metric]);
    }
}

#[test]
fn killing_and_stopping_change_no_point_and_no_weight_of_any_row() {
    for (row, changes) in rows() {
        interruption::changes_nothing(row, &with(config(), &changes));
    }
}

#[test]
fn an_image_learnt_by_heart_is_sampled() {
    let changes = json!({
        "data": {"train_count": 1, "validation_count": 1},
        "diffusion": {"steps": 20},
        "training": {"iterations": 1000, "batch": 8, "learning_rate": 3e-3, "ema": 0.99,
            "flip": false, "checkpoint_every": 1000, "log_every": 1000},
        "model": {"inner": 16},
        "evaluation": {"every": 1000, "curve_images": 1, "images": 1},
    });
    let mut config = with(config(), &changes);
    let root = TempDir::new().unwrap();
    let image = root.path().join("face.png");
    worker::data::open(
        &worker::config::Data::default(),
        &worker::config::Image { size: 16, low: 4 },
        worker::data::Split::Train,
    )
    .unwrap()
    .pack(&mut PrepareContext::new(None, 1, &mut |_, _| ControlFlow::Continue(())))
    .unwrap()
    .pair(0)
    .high
    .save_png(&image)
    .unwrap();
    config["data"] = json!({"source": "folder", "train": root.path(), "validation": root.path()});
    let (code, events) = TrialFolder::new(&config).finish("events");
    assert_eq!(code, exit::WORKER_DONE);
    let psnr = result(&events)["psnr_ema"];
    assert!(psnr > 30.0, "{psnr} dB");
}

#[test]
fn a_sweep_measures_both_chains_at_every_length() {
    let changes = json!({"training": {"iterations": 0}, "evaluation": {"sweep": [8, 4, 1]}});
    let (code, events) = TrialFolder::new(&with(config(), &changes)).finish("events");
    assert_eq!(code, exit::WORKER_DONE);
    let (points, result) = (points(&events), result(&events));
    for name in ["ddpm", "ddim"] {
        for steps in [8, 4, 1] {
            let point = points[&(steps, None, format!("{name}/psnr"))];
            assert_eq!(point, result[&format!("psnr_{name}_{steps}")].to_bits());
        }
    }
    // The full chain of the sweep is that of the table, and one step leaves nothing to chance.
    assert_eq!(result["psnr_ddpm_8"].to_bits(), result["psnr_ema"].to_bits());
    assert!((result["psnr_ddpm_1"] - result["psnr_ddim_1"]).abs() < 1e-9);
    assert!(result["seconds_per_image_ddim_1"] > 0.0);
}

#[test]
fn a_stop_during_the_final_measurement_loses_no_training() {
    let mut config = config();
    config["diffusion"]["steps"] = 2000.into();
    let folder = TrialFolder::new(&config);
    let mut attempt = folder.start("events");
    folder
        .wait_for("events", |e| matches!(e, Event::Progress { phase, .. } if phase == "evaluate"));
    terminate(&attempt);
    assert_eq!(attempt.wait().unwrap().code(), Some(exit::WORKER_STOPPED));
    let newest = folder.checkpoints().remove(0);
    assert!(newest.to_string_lossy().ends_with("30.safetensors"), "{}", newest.display());
}

#[test]
fn a_damaged_newest_checkpoint_is_not_resumed_from() {
    let folder = TrialFolder::new(&config());
    let (_, whole) = folder.finish("whole");
    let [newest, previous] = &folder.checkpoints()[..] else { panic!("two are kept") };
    let bytes = std::fs::read(newest).unwrap();
    let flipped = |at: usize| {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1;
        flipped
    };
    let cases = [
        ("torn", b"torn".to_vec()),
        ("emptied", Vec::new()),
        ("cut", bytes[..bytes.len() / 2].to_vec()),
        // Tensors of all kinds lie at these places, one after the other.
        ("flipped-early", flipped(bytes.len() / 3)),
        ("flipped-late", flipped(bytes.len() - 1)),
        ("replaced", std::fs::read(previous).unwrap()),
    ];
    for (case, contents) in cases {
        std::fs::write(newest, contents).unwrap();
        let (code, events) = folder.finish(case);
        assert_eq!(code, exit::WORKER_DONE, "{case}");
        assert!(matches!(&events[0], Event::Hello { resumed_from: Some(20), .. }), "{case}");
        let (again, whole) = (result(&events), result(&whole));
        assert_eq!(again["psnr"].to_bits(), whole["psnr"].to_bits(), "{case}");
    }
    std::fs::remove_file(newest).unwrap();
    std::fs::write(previous, b"torn").unwrap();
    let (code, events) = folder.finish("anew");
    assert_eq!(code, exit::WORKER_DONE);
    assert!(matches!(&events[0], Event::Hello { resumed_from: None, .. }));
}

#[test]
fn bicubic_is_measured_without_training() {
    let mut config = config();
    config["method"] = "bicubic".into();
    let (code, events) = TrialFolder::new(&config).finish("events");
    assert_eq!(code, exit::WORKER_DONE);
    let result = result(&events);
    assert!(result["psnr"].is_finite() && !result.contains_key("psnr_ema"));
    assert_eq!((result["parameters"] as u64, result["train_seconds"] as u64), (0, 0));
}

fn failure(config: &Value) -> (i32, String, String) {
    let (code, events) = TrialFolder::new(config).finish("events");
    match events.into_iter().next_back() {
        Some(Event::Failed { class, message }) => (code, class.to_string(), message),
        other => panic!("the last event is {other:?}"),
    }
}

#[test]
fn failures_have_a_class_and_an_exit_code() {
    let mut wrong = config();
    wrong["image"]["low"] = 5.into();
    let (code, class, message) = failure(&wrong);
    assert_eq!((code, class.as_str()), (exit::WORKER_CONFIG_WRONG, "config"));
    assert!(message.contains("/image/low"), "{message}");

    let mut missing = config();
    missing["data"] = json!({"source": "folder", "train": "no/such", "validation": "no/such"});
    let (code, class, message) = failure(&missing);
    assert_eq!((code, class.as_str()), (1, "data"));
    assert!(message.contains("no/such"), "{message}");

    let mut wild = config();
    wild["training"]["learning_rate"] = 1e30.into();
    let (code, class, message) = failure(&wild);
    assert_eq!((code, class.as_str()), (1, "diverged"));
    assert!(message.contains("between steps 0 and 4"), "{message}");
}
