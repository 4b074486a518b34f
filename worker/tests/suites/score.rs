//! `orch-worker score` by the real program, on flat images whose scores are derived manually.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};
use tch::{Device, Kind, Tensor};
use tempfile::TempDir;
use worker::image::Rgb;

use crate::common::golden;

fn flat(folder: &Path, name: &str, side: usize, grey: u8) {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    Rgb { width: side, height: side, pixels: vec![grey; side * side * 3] }.save_png(&path).unwrap();
}

fn score(folder: &TempDir, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_orch-worker"))
        .args(["score", "--sr", "sr", "--hr", "hr"])
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap()
}

/// Two images, off by 10 and by 20 grey levels.
fn folders() -> TempDir {
    let root = TempDir::new().unwrap();
    for (name, sr, hr) in [("a", 110, 100), ("deep/b", 80, 100)] {
        flat(&root.path().join("sr"), &format!("{name}.png"), 32, sr);
        flat(&root.path().join("hr"), &format!("{name}.PNG"), 32, hr);
        flat(&root.path().join("lr"), &format!("{name}.png"), 4, hr + 1);
    }
    root
}

fn parsed(output: &Output) -> Value {
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[track_caller]
fn assert_number(value: &Value, expected: f64) {
    let value = value.as_f64().unwrap();
    assert!((value - expected).abs() <= 1e-9 * expected.abs(), "{value} instead of {expected}");
}

#[test]
fn flat_images_score_what_the_formulas_say() {
    let root = folders();
    let report = parsed(&score(&root, &["--json"]));
    let (a, b) = (&report["images"][0], &report["images"][1]);
    assert_eq!((report["n"].as_u64(), a["name"].as_str()), (Some(2), Some("a")));
    assert_eq!(b["name"], "deep/b");
    let psnr = |error: f64| 20.0 * (255.0 / error).log10();
    assert_number(&a["psnr"], psnr(10.0));
    assert_number(&b["psnr"], psnr(20.0));
    assert_number(&report["mean"]["psnr"], f64::midpoint(psnr(10.0), psnr(20.0)));
    // Without variance only SSIM's luminance term is left.
    let c1 = (0.01 * 255.0_f64).powi(2);
    let ssim = (2.0 * 110.0 * 100.0 + c1) / (110.0 * 110.0 + 100.0 * 100.0 + c1);
    assert_number(&a["ssim"], ssim);
    assert_number(&a["consistency"], 100.0 / 65025.0 * 1e5);
    // 10 squared is 100, but -20 is 236 in eight bits, and 236 squared is 144 modulo 256.
    assert_number(&a["consistency_paper"], 100.0);
    assert_number(&b["consistency_paper"], 144.0);
    assert_eq!(report["low"], json!({"from": "hr", "sizes": [[4, 4]]}));
    assert_eq!(report["fid"], json!({"value": null, "reason": "no weights"}));
}

#[test]
fn consistency_is_measured_against_the_low_resolution_images_where_there_are_some() {
    let root = folders();
    let report = parsed(&score(&root, &["--json", "--lr", "lr"]));
    assert_number(&report["images"][0]["consistency"], 81.0 / 65025.0 * 1e5);
    assert_number(&report["images"][1]["consistency"], 441.0 / 65025.0 * 1e5);
    assert_eq!(report["low"]["from"], "lr");
    let report = parsed(&score(&root, &["--json", "--low", "16"]));
    assert_eq!(report["low"]["sizes"], json!([[16, 16]]));
}

#[test]
fn people_get_a_table_with_its_footnote() {
    let root = folders();
    let output = score(&root, &["--lr", "lr"]);
    assert_eq!(output.status.code(), Some(0));
    let text = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].starts_with("Image      PSNR (dB)    SSIM  Consistency (1e-5)"), "{text}");
    let cells: Vec<&str> = lines[2].split_whitespace().collect();
    assert_eq!(cells, ["deep/b", "22.11", "0.9756", "678.20", "144.00", "NaN"], "{text}");
    assert!(lines[3].starts_with("Mean of 2"), "{text}");
    let ends = |line: &str| line.chars().count();
    assert!(lines[1..4].iter().all(|line| ends(line) == ends(lines[0])), "{text}");
    assert_eq!(lines[4], "FID        no weights");
    assert!(text.contains("Pillow's bicubic against `lr` (4×4)"), "{text}");
    assert!(text.contains("¹ The SR4 paper's own arithmetic"), "{text}");
}

#[test]
fn everything_that_is_wrong_is_listed_and_nothing_is_scored() {
    let root = folders();
    let folder = |name: &str| root.path().join(name);
    flat(&folder("sr"), "only-sr.png", 32, 0);
    flat(&folder("hr"), "other-size.png", 32, 0);
    flat(&folder("sr"), "other-size.png", 16, 0);
    flat(&folder("hr"), "tiny.png", 8, 0);
    flat(&folder("sr"), "tiny.png", 8, 0);
    flat(&folder("hr"), "twice.png", 32, 0);
    flat(&folder("sr"), "twice.png", 32, 0);
    std::fs::copy(folder("sr/twice.png"), folder("sr/twice.jpg")).unwrap();
    flat(&folder("hr"), "torn.png", 32, 0);
    std::fs::write(folder("sr/torn.png"), b"no image").unwrap();

    let output = score(&root, &[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stdout.is_empty());
    let text = String::from_utf8(output.stderr).unwrap();
    for expected in [
        "error: `only-sr` is not in `hr`",
        "error: `other-size` has 16×16 pixels in SR, 32×32 in HR",
        "error: cannot read `sr/torn.png` as a PNG or JPEG image: ",
        "error: `tiny` has 8×8 pixels, too few for SSIM's window of 11×11",
        "error: `sr/twice.jpg` and `sr/twice.png` have the same name",
    ] {
        assert!(text.contains(expected), "{text}");
    }
    assert_eq!(text.lines().count(), 5, "{text}");

    let output = score(&root, &["--lr", "gone"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("`gone`"));
}

fn zeros(shape: &[i64]) -> Tensor {
    Tensor::zeros(shape, (Kind::Float, Device::Cpu))
}

#[test]
fn weights_that_do_not_fit_are_a_problem_beside_the_others() {
    let root = folders();
    let tensors = [("Conv2d_1a_3x3.conv.weight", zeros(&[2, 3]))];
    Tensor::write_safetensors(&tensors, root.path().join("weights")).unwrap();
    let output = score(&root, &["--lr", "gone", "--fid-weights", "weights"]);
    assert_eq!(output.status.code(), Some(2));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(
        text.contains("`Conv2d_1a_3x3.conv.weight` is F32 [2, 3] instead of F32 [32, 3, 3, 3]")
    );
    assert!(text.contains("`Mixed_7c.branch_pool.bn.running_var` is missing"), "{text}");
    assert!(text.contains("`gone`"), "{text}");
}

#[test]
fn fid_of_few_images_is_refused_and_the_other_scores_stand() {
    let root = folders();
    let names: BTreeMap<String, Vec<i64>> =
        serde_json::from_value(golden::json("fid_inception_names.json")).unwrap();
    let tensors: Vec<_> = names.iter().map(|(name, shape)| (name, zeros(shape))).collect();
    Tensor::write_safetensors(&tensors, root.path().join("weights")).unwrap();
    let report = parsed(&score(&root, &["--json", "--fid-weights", "weights"]));
    assert_eq!(report["fid"]["value"], Value::Null);
    assert_eq!(
        report["fid"]["reason"],
        "refused: 2 images, but covariances of 2048 features take at least 2048"
    );
    assert_eq!(report["images"].as_array().unwrap().len(), 2);
}
