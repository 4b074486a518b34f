//! `orch-worker upscale` and `info` by the real program, on a checkpoint of a real trial.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use experiments::protocol::exit;
use serde_json::{Value, json};
use worker::image::Rgb;

use crate::common::trial::TrialFolder;

/// A trained trial of 4 to 16 pixels, whose network halves the resolution twice.
fn trained() -> TrialFolder {
    trained_from(4)
}

/// The same of `low` to 16 pixels.
fn trained_from(low: usize) -> TrialFolder {
    let folder = TrialFolder::new(&json!({
        "device": "cpu",
        "data": {"train_count": 8, "validation_count": 3},
        "image": {"size": 16, "low": low},
        "model": {"inner": 8, "multipliers": [1, 2, 2], "blocks": 1, "groups": 4, "heads": 2,
            "injection": "small-kernels", "injection_channels": 4},
        "diffusion": {"schedule": "cosine", "steps": 8, "prediction": "v", "residual": "plain"},
        "training": {"iterations": 6, "learning_rate": 1e-3, "ema": 0.5},
        "evaluation": {"curve_images": 2, "ddim_steps": 3, "images": 3, "sheet_images": 3},
    }));
    assert_eq!(folder.finish("events").0, exit::WORKER_DONE);
    folder
}

fn run(arguments: &[&str]) -> (i32, Output) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_orch-worker"));
    let output = command.args(arguments).env("CUDA_VISIBLE_DEVICES", "").output().unwrap();
    (output.status.code().unwrap(), output)
}

fn upscale(folder: &TrialFolder, inputs: &[&Path], out: &str, more: &[&str]) -> (i32, String) {
    let checkpoint = folder.checkpoints().remove(0);
    let mut arguments = vec!["upscale"];
    arguments.extend(inputs.iter().map(|path| path.to_str().unwrap()));
    arguments.extend(["--checkpoint", checkpoint.to_str().unwrap()]);
    let out = folder.path(out);
    arguments.extend(["--out", out.to_str().unwrap()]);
    arguments.extend(more);
    let (code, output) = run(&arguments);
    (code, String::from_utf8(output.stderr).unwrap())
}

fn load(folder: &TrialFolder, name: &str) -> Rgb {
    Rgb::load(&folder.path(name)).unwrap()
}

fn texture(path: &Path, width: usize, height: usize) -> PathBuf {
    let pixels = (0..width * height * 3).map(|i| (i * 37 % 256) as u8).collect();
    Rgb { width, height, pixels }.save_png(path).unwrap();
    path.to_owned()
}

#[test]
fn pictures_of_any_size_are_enlarged_by_the_models_factor() {
    let folder = trained();
    let lows = folder.path("artifacts/lowres");
    let odd = texture(&folder.path("odd.png"), 11, 7);
    let (code, errors) = upscale(&folder, &[&lows, &odd], "out", &[]);
    assert_eq!(code, 0, "{errors}");
    let size = |name: &str| (load(&folder, name).width, load(&folder, name).height);
    assert_eq!(size("out/face-00000.png"), (16, 16));
    assert_eq!(size("out/odd.png"), (44, 28));

    let reduced = ["--reduce", "--steps", "2", "--sampler", "ddim"];
    assert_eq!(upscale(&folder, &[&odd], "reduced", &reduced).0, 0);
    assert_eq!(size("reduced/odd.png"), (6 * 4, 4 * 4));

    let checkpoint = folder.checkpoints().remove(0);
    let cascade = ["--cascade", checkpoint.to_str().unwrap(), "--steps", "2"];
    assert_eq!(upscale(&folder, &[&lows], "cascade", &cascade).0, 0);
    assert_eq!(size("cascade/face-00002.png"), (64, 64));
}

#[test]
fn sides_that_the_network_cannot_halve_are_no_obstacle() {
    let folder = trained_from(8);
    let sizes = [(11, 7), (3, 2), (1, 1)];
    for (width, height) in sizes {
        let picture = texture(&folder.path(&format!("{width}.png")), width, height);
        let (code, errors) = upscale(&folder, &[&picture], "out", &[]);
        assert_eq!(code, 0, "{errors}");
        let image = load(&folder, &format!("out/{width}.png"));
        assert_eq!((image.width, image.height), (2 * width, 2 * height));
    }
}

#[test]
fn a_result_follows_from_its_picture_and_the_seed() {
    let folder = trained();
    let lows = folder.path("artifacts/lowres");
    let one = lows.join("face-00001.png");
    assert_eq!(upscale(&folder, &[&lows], "all", &[]).0, 0);
    assert_eq!(upscale(&folder, &[&one], "one", &["--batch", "1"]).0, 0);
    assert_eq!(upscale(&folder, &[&one], "other", &["--seed", "1"]).0, 0);
    assert_eq!(upscale(&folder, &[&one], "raw", &["--weights", "raw"]).0, 0);
    let image = |out: &str| load(&folder, &format!("{out}/face-00001.png"));
    // Another batch size sums in another order, which may cost one grey level.
    let pairs = image("all").pixels.into_iter().zip(image("one").pixels);
    assert!(pairs.clone().all(|(a, b)| a.abs_diff(b) <= 1), "{pairs:?}");
    assert_ne!(image("one"), image("other"));
    assert_ne!(image("one"), image("raw"));
}

#[test]
fn every_problem_is_reported_and_nothing_is_written() {
    let folder = trained();
    let lows = folder.path("artifacts/lowres");
    std::fs::write(folder.path("torn.png"), b"no picture").unwrap();
    let inputs = [lows.as_path(), &folder.path("torn.png"), &folder.path("gone.png")];
    let (code, errors) = upscale(&folder, &inputs, "out", &["--steps", "9"]);
    assert_eq!(code, 2);
    for what in ["from 1 to 8", "torn.png", "gone.png"] {
        assert!(errors.contains(what), "{errors}");
    }
    assert!(!folder.path("out").exists());

    assert_eq!(upscale(&folder, &[&lows], "out", &[]).0, 0);
    let (code, errors) = upscale(&folder, &[&lows], "out", &[]);
    assert_eq!((code, errors.matches("--force").count()), (2, 3), "{errors}");
    assert_eq!(upscale(&folder, &[&lows], "out", &["--force"]).0, 0);
    let (code, errors) = upscale(&folder, &[&lows], "artifacts/lowres", &["--force"]);
    assert_eq!((code, errors.matches("by its result").count()), (2, 3), "{errors}");
}

#[test]
fn the_checksum_of_a_checkpoint_is_that_of_sha256sum() {
    let folder = trained();
    let checkpoint = folder.checkpoints().remove(0);
    let mut bytes = std::fs::read(&checkpoint).unwrap();
    let (_, header) = safetensors::SafeTensors::read_metadata(&bytes).unwrap();
    let stored = header.metadata().as_ref().unwrap()["sha256"].clone();
    let digits = bytes.windows(64).position(|window| window == stored.as_bytes()).unwrap();
    bytes[digits..digits + 64].fill(b'0');
    std::fs::write(&checkpoint, bytes).unwrap();
    let output = Command::new("sha256sum").arg(&checkpoint).output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    assert_eq!(printed.split_whitespace().next(), Some(stored.as_str()));
}

/// A PNG of that many white pixels a side, compressed to a few kilobytes.
fn white(path: &Path, side: usize) -> PathBuf {
    Rgb { width: side, height: side, pixels: vec![255; side * side * 3] }.save_png(path).unwrap();
    path.to_owned()
}

#[test]
fn inputs_that_do_not_fit_into_memory_are_named_before_anything_is_made() {
    let folder = trained();
    let pipe = folder.path("pipe.png");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    // Its result, four times as wide and as high, has 192 million pixels.
    let large = white(&folder.path("large.png"), 3465);
    let (code, errors) = upscale(&folder, &[&pipe, Path::new("/dev/zero"), &large], "out", &[]);
    assert_eq!(code, 2, "{errors}");
    let expected = [
        "pipe.png`: it is a named pipe",
        "/dev/zero`: it is a device",
        "become 13860×13860 pixels",
    ];
    for what in expected {
        assert!(errors.contains(what), "{errors}");
    }
    assert_eq!(errors.lines().count(), 3, "{errors}");
    assert!(!folder.path("out").exists());
    let few = ["--reduce", "--steps", "1"];
    assert_eq!(upscale(&folder, &[&large], "out", &few).0, 0);
    assert_eq!(load(&folder, "out/large.png").width, 16);
}

#[test]
fn a_checkpoint_with_a_flipped_bit_is_refused() {
    let folder = trained();
    let checkpoint = folder.checkpoints().remove(0);
    let whole = std::fs::read(&checkpoint).unwrap();
    let lows = folder.path("artifacts/lowres");
    for at in [whole.len() / 4, whole.len() / 2, whole.len() - 1] {
        let mut flipped = whole.clone();
        flipped[at] ^= 16;
        std::fs::write(&checkpoint, flipped).unwrap();
        let (code, errors) = upscale(&folder, &[&lows], "out", &[]);
        assert_eq!(code, 2, "{errors}");
        let name = checkpoint.to_str().unwrap();
        for part in [name, "damaged", "use another checkpoint"] {
            assert!(errors.contains(part), "{errors}");
        }
        assert!(!folder.path("out").exists());
        assert_eq!(run(&["info", name]).0, 2);
    }
    std::fs::write(&checkpoint, whole).unwrap();
    assert_eq!(upscale(&folder, &[&lows], "out", &[]).0, 0);
}

#[test]
fn a_checkpoint_describes_itself() {
    let folder = trained();
    let checkpoint = folder.checkpoints().remove(0);
    let (code, output) = run(&["info", checkpoint.to_str().unwrap(), "--json"]);
    assert_eq!(code, 0);
    let info: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(info["progress"]["step"], 6);
    assert_eq!(info["trial"]["config"]["image"]["low"], 4);
    assert!(info["progress"]["validation"]["val/psnr"].is_f64());
    let result = folder.events("events").into_iter().find_map(|event| match event {
        experiments::protocol::events::Event::Result { values } => Some(values["parameters"].0),
        _ => None,
    });
    assert_eq!(info["parameters"].as_f64(), result);

    let (code, output) = run(&["info", checkpoint.to_str().unwrap()]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(code == 0 && text.contains("4×4 → 16×16") && text.contains("model.heads: 2"), "{text}");

    let foreign = folder.path("trial.json");
    let (code, output) = run(&["info", foreign.to_str().unwrap()]);
    assert_eq!(code, 2);
    assert!(String::from_utf8(output.stderr).unwrap().contains("trial.json"));
}
