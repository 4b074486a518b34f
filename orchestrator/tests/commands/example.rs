//! The examples that need nothing but Python: a worker that appends events, and the README's script.

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
fn the_readme_has_a_script_s_file_and_its_table() {
    let read = |name: &str| fs::read_to_string(root().join(name)).unwrap();
    let (readme, file) = (read("README.md"), read("examples/argparse/argparse.yaml"));
    let (_, file) = file.split_once('\n').unwrap();
    assert!(readme.contains(&format!("```yaml\n{file}```")));

    let test = TestRun::with_file(&file.replace("name: argparse\n", "name: trip\n"));
    fs::write(test.path("train.py"), read("examples/argparse/train.py")).unwrap();
    test.orch("run trip.yaml").expect(0, &["6 of 6 trials done"]);
    let table = test.orch("report").stdout;
    let rows = table.lines().filter(|line| line.starts_with("SGD") || line.contains("Test MSE"));
    let rows: Vec<_> = rows.collect();
    assert_eq!(rows.len(), 3, "{table}");
    for row in rows {
        assert!(readme.contains(row), "no `{row}` in README.md");
    }
}
