//! The example that the README shows: a worker in plain Python.

use std::fs;
use std::path::{Path, PathBuf};

use crate::lab::{Lab, wait_for};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn example() -> Lab {
    let folder = root().join("examples/widths");
    let lab = Lab::new();
    fs::copy(folder.join("train.py"), lab.path("train.py")).unwrap();
    let file = fs::read_to_string(folder.join("widths.yaml")).unwrap();
    lab.write(&file.replace("name: widths\n", "name: trip\n").replace("[0, 1, 2]", "[0]"));
    lab
}

#[test]
fn it_learns_and_a_stop_changes_nothing() {
    let lab = example();
    lab.orch("run trip.yaml").says(0, &["2 of 2 trials done"]);
    let undisturbed = lab.recorded();
    let accuracy = |trial| undisturbed.1[trial]["accuracy"];
    assert!(accuracy("wide-s0") > 0.9, "{undisturbed:?}");
    assert!(accuracy("narrow-s0") < accuracy("wide-s0"), "{undisturbed:?}");

    let lab = example();
    let run = lab.start("run trip.yaml -j 1");
    wait_for("a checkpoint", || {
        lab.trial("narrow-s0-")?.join("checkpoints/last.json").is_file().then_some(())
    });
    run.signal("-INT");
    run.end().says(130, &[]);
    lab.orch("run trip.yaml").says(0, &["2 of 2 trials done"]);
    assert_eq!(lab.recorded(), undisturbed);
}

#[test]
fn the_readme_shows_it_as_it_is() {
    let read = |name: &str| fs::read_to_string(root().join(name)).unwrap();
    let shown = format!("```yaml\n{}```", read("examples/widths/widths.yaml"));
    assert!(read("README.md").contains(&shown));
}
