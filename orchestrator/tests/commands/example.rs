//! The README's example: a worker in plain Python.

use std::fs;
use std::path::{Path, PathBuf};

use crate::common::test_run::TestRun;
use crate::common::wait::wait_for;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn example() -> TestRun {
    let folder = root().join("examples/widths");
    let test = TestRun::new();
    fs::copy(folder.join("train.py"), test.path("train.py")).unwrap();
    let file = fs::read_to_string(folder.join("widths.yaml")).unwrap();
    test.write(&file.replace("name: widths\n", "name: trip\n").replace("[0, 1, 2]", "[0]"));
    test
}

#[test]
fn it_learns_and_an_interrupt_changes_nothing() {
    let test = example();
    test.orch("run trip.yaml").expect(0, &["2 of 2 trials done"]);
    let reference = test.recorded();
    let accuracy = |trial| reference.results[trial]["accuracy"];
    assert!(accuracy("wide-s0") > 0.9, "{reference:?}");
    assert!(accuracy("narrow-s0") < accuracy("wide-s0"), "{reference:?}");

    let test = example();
    let run = test.start("run trip.yaml -j 1");
    wait_for("a checkpoint", || {
        test.trial("narrow-s0-")?.join("checkpoints/last.json").is_file().then_some(())
    });
    run.signal("-INT");
    run.end().expect(130, &[]);
    test.orch("run trip.yaml").expect(0, &["2 of 2 trials done"]);
    assert_eq!(test.recorded(), reference);
}

#[test]
fn the_readme_quotes_the_file() {
    let read = |name: &str| fs::read_to_string(root().join(name)).unwrap();
    let shown = format!("```yaml\n{}```", read("examples/widths/widths.yaml"));
    assert!(read("README.md").contains(&shown));
}
