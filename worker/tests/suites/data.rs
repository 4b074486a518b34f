//! Images in folders, as trials by the real program use them.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use experiments::protocol::events::Event;
use experiments::protocol::exit;
use serde_json::json;
use tempfile::TempDir;
use worker::image::Rgb;

use crate::common::trial::{TrialFolder, points, terminate, wait_until};

/// `count` names for one picture of `side` pixels.
fn folder(path: &Path, count: usize, side: usize) {
    fs::create_dir_all(path).unwrap();
    let picture = path.join("picture");
    let pixels = (0..side * side * 3).map(|i| (i * i / 7 % 256) as u8).collect();
    Rgb { width: side, height: side, pixels }.save_png(&picture).unwrap();
    (0..count).for_each(|i| symlink(&picture, path.join(format!("{i:04}.png"))).unwrap());
}

/// A short trial on the images of `data`.
fn trial(data: &Path) -> TrialFolder {
    TrialFolder::new(&json!({
        "device": "cpu",
        "data": {"source": "folder", "train": data.join("train"), "validation": data.join("validation")},
        "image": {"size": 16, "low": 4},
        "model": {"inner": 8, "multipliers": [1, 2], "blocks": 1, "groups": 4, "attention": 0},
        "diffusion": {"schedule": "cosine", "steps": 4},
        "training": {"iterations": 3, "batch": 4},
        "evaluation": {"curve_images": 2, "ddim_steps": 2, "images": 2},
    }))
}

/// The files of the cache whose names end in `ending`.
fn cached(trial: &TrialFolder, ending: &str) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(trial.path("cache/images")) else { return Vec::new() };
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.filter(|path| path.extension().is_some_and(|extension| extension == ending)).collect()
}

#[test]
fn a_kill_while_images_are_prepared_leaves_nothing_that_is_taken_for_whole() {
    let data = TempDir::new().unwrap();
    folder(&data.path().join("train"), 100, 200);
    folder(&data.path().join("validation"), 2, 20);
    let trial = trial(data.path());
    let mut killed = trial.start("killed");
    wait_until(|| !cached(&trial, "partial").is_empty());
    killed.kill().unwrap();
    killed.wait().unwrap();
    assert_eq!((cached(&trial, "pack").len(), cached(&trial, "partial").len()), (0, 1));

    let (code, events) = trial.finish("again");
    assert_eq!(code, exit::WORKER_DONE);
    assert!(matches!(events[0], Event::Hello { .. }));
    let mut sizes: Vec<u64> =
        cached(&trial, "pack").iter().map(|pack| pack.metadata().unwrap().len()).collect();
    sizes.sort_unstable();
    // With a checksum of 4 bytes.
    let record = 2 * 16 * 16 * 3 + 4 * 4 * 3 + 4;
    assert_eq!(sizes, [2 * record, 100 * record]);
}

#[test]
fn two_trials_at_once_share_what_one_of_them_prepares() {
    let data = TempDir::new().unwrap();
    folder(&data.path().join("train"), 100, 100);
    folder(&data.path().join("validation"), 2, 20);
    let trials = [trial(data.path()), trial(data.path())];
    let cache = trials[0].path("cache");
    let started = trials.each_ref().map(|trial| trial.start_with("events", &cache));
    let results = started.into_iter().zip(&trials).map(|(mut attempt, trial)| {
        assert_eq!(attempt.wait().unwrap().code(), Some(exit::WORKER_DONE));
        let events = trial.events("events").into_iter();
        let result = events.filter_map(|event| match event {
            Event::Result { values } => Some(values["psnr"].0.to_bits()),
            _ => None,
        });
        result.collect::<Vec<_>>()
    });
    let results: Vec<_> = results.collect();
    assert_eq!((results[0].len(), &results[0]), (1, &results[1]));
    // The training images and the validation images, once.
    assert_eq!(cached(&trials[0], "pack").len(), 2);
}

#[test]
fn a_hole_in_the_prepared_images_moves_no_result() {
    let data = TempDir::new().unwrap();
    folder(&data.path().join("train"), 10, 20);
    folder(&data.path().join("validation"), 2, 20);
    let trial = trial(data.path());
    let (code, whole) = trial.finish("whole");
    assert_eq!(code, exit::WORKER_DONE);
    for pack in cached(&trial, "pack") {
        let mut bytes = fs::read(&pack).unwrap();
        let hole = 1000..bytes.len().min(5096);
        bytes[hole].fill(0);
        fs::write(pack, bytes).unwrap();
    }
    for checkpoint in trial.checkpoints() {
        fs::remove_file(checkpoint).unwrap();
    }
    let (code, again) = trial.finish("again");
    assert_eq!((code, points(&again)), (exit::WORKER_DONE, points(&whole)));
}

#[test]
fn a_stop_while_images_are_prepared_is_obeyed() {
    let data = TempDir::new().unwrap();
    folder(&data.path().join("train"), 100, 200);
    folder(&data.path().join("validation"), 2, 20);
    let trial = trial(data.path());
    let mut attempt = trial.start("events");
    wait_until(|| !cached(&trial, "partial").is_empty());
    terminate(&attempt);
    assert_eq!(attempt.wait().unwrap().code(), Some(exit::WORKER_STOPPED));
    assert_eq!((cached(&trial, "pack").len(), cached(&trial, "partial").len()), (0, 0));
}
