//! The experiments that ship: every profile of every file is a config this worker takes, and
//! Table 1's rows are the paper's networks.

use std::collections::BTreeMap;
use std::path::PathBuf;

use experiments::expand::{Experiment, Run};
use serde_json::{Map, Value};
use tch::Device;
use worker::config::{Config, Method};
use worker::model::{Unet, parameters};

use crate::common::golden;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../experiments")
}

fn configs(run: &Run) -> impl Iterator<Item = (String, Config)> {
    run.trials.iter().map(|trial| {
        let config = Config::parse(&trial.config.values);
        (trial.variant.clone(), config.unwrap_or_else(|p| panic!("{}: {p:?}", trial.name())))
    })
}

#[test]
fn every_profile_of_every_file_is_valid() {
    let entries = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let files: Vec<_> = entries.filter(|path| path.extension() == Some("yaml".as_ref())).collect();
    assert!(files.len() >= 5, "{files:?}");
    for file in files {
        let experiment = Experiment::load(&file).unwrap();
        for profile in experiment.file.profiles.keys() {
            let run = experiment.expand(Some(profile), &[]).unwrap();
            assert!(configs(&run).count() > 0, "{} {profile}", file.display());
        }
    }
}

/// Every leaf of a mapping by its dotted path.
fn leaves(prefix: &str, map: &Map<String, Value>, found: &mut BTreeMap<String, String>) {
    for (key, value) in map {
        let path = format!("{prefix}{key}");
        if let Value::Object(inner) = value {
            leaves(&format!("{path}."), inner, found);
        } else {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            found.insert(path, text);
        }
    }
}

#[test]
fn the_documentation_names_every_key_with_its_default() {
    let text = std::fs::read_to_string(folder().join("../docs/worker.md")).unwrap();
    let rows = text.lines().filter_map(|line| line.strip_prefix("| `"));
    let documented: BTreeMap<String, String> = rows
        .map(|row| {
            let mut cells = row.split('`');
            let key = cells.next().unwrap();
            (key.to_owned(), cells.nth(1).unwrap().to_owned())
        })
        .collect();
    let mut defaults = BTreeMap::new();
    leaves("", &Config::default().to_map(), &mut defaults);
    assert_eq!(documented, defaults);
}

#[test]
fn the_rows_of_table_1_are_the_papers_networks() {
    let golden = golden::json("network_pieces.json");
    let table1 = Experiment::load(&folder().join("table1.yaml")).unwrap();
    let run = table1.expand(Some("paper"), &[]).unwrap();
    let rows: Vec<_> = configs(&run).filter(|(_, c)| c.method == Method::Diffusion).collect();
    let rows = rows.chunks(3).map(|seeds| &seeds[0]);
    let mut seen = Vec::new();
    for (variant, config) in rows {
        let unet = Unet::new(&config.model, config.diffusion.outputs(), Device::Cpu);
        let name = match variant.as_str() {
            "sr3" | "sr3-500" => "sr3_unofficial_16_128",
            "vlb" => "simple+vlb",
            "cos" | "res" => "cosine / residual",
            "attention" => "attention input fusion",
            "sr4" => "SR4",
            other => panic!("{other} is not a row of the paper"),
        };
        let counts = golden["param_counts"].as_object().unwrap();
        let (_, expected) = counts.iter().find(|(full, _)| full.starts_with(name)).unwrap();
        assert_eq!(parameters::count(unet.store()) as u64, expected.as_u64().unwrap(), "{variant}");
        seen.push(variant.as_str());
    }
    assert_eq!(seen, ["sr3", "sr3-500", "vlb", "cos", "attention", "res", "sr4"]);
}
