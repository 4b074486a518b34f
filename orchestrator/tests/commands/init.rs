//! `orch init`: files that run as they are, and never in place of others.

use std::fs;

use crate::common::test_run::{Ended, TestRun};

/// The files of a folder, by name.
fn files(test: &TestRun, folder: &str) -> Vec<String> {
    let entries = fs::read_dir(test.path(folder)).unwrap();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_new_experiment_runs_as_it_is_and_gives_a_table_and_a_curve() {
    for (option, script, metric, label) in [
        ("", "train.py", "loss", "SGD with momentum"),
        ("--python", "train.py", "loss", "SGD with momentum"),
        ("--shell", "train.sh", "error", "Rate 0.05"),
    ] {
        let test = TestRun::new();
        test.orch(&format!("init new/one {option}"))
            .expect(0, &["wrote `experiment.yaml`", script, "cd new/one", "orch run"]);
        assert_eq!(files(&test, "new/one"), ["experiment.schema.json", "experiment.yaml", script]);
        test.orch("run new/one/experiment.yaml -n").expect(0, &["6 trials"]);
        let run = test.orch("run new/one/experiment.yaml");
        run.expect(0, &["6 of 6 trials done"]);
        assert!(!run.stderr.contains("warning"), "{}", run.stderr);
        let report = test.orch("report");
        assert_eq!(report.code, 0, "{}", report.stderr);
        assert!(report.stdout.contains(label), "{}", report.stdout);
        let curve = test.path(format!("runs/one/report/data/{metric}.csv"));
        assert!(fs::read_to_string(curve).unwrap().lines().count() > 2 * 15);
    }
}

#[test]
fn files_that_are_there_stay_and_nothing_is_written_beside_them() {
    for (name, option) in [("train.py", "--pytorch"), ("experiment.yaml", "--shell")] {
        let test = TestRun::new();
        fs::create_dir(test.path("mine")).unwrap();
        fs::write(test.path("mine").join(name), "mine").unwrap();
        test.orch(&format!("init mine {option}"))
            .expect(2, &[&format!("there is a `mine/{name}` already"), "orch init DIR"]);
        assert_eq!(files(&test, "mine"), [name]);
        assert_eq!(fs::read_to_string(test.path("mine").join(name)).unwrap(), "mine");
    }
    let test = TestRun::new();
    test.orch("init --python --shell").expect(2, &["cannot be used with"]);
    fs::write(test.path("file"), "").unwrap();
    test.orch("init file").expect(1, &["cannot write `file`"]);
}

#[test]
fn the_experiment_has_the_name_of_its_folder() {
    for (folder, name) in [
        ("sine", "sine"),
        ("2026", "2026"),
        ("my paper (v2)", "my-paper--v2"),
        ("null", "null"),
        ("∑", "experiment"),
    ] {
        let test = TestRun::new();
        fs::create_dir(test.path(folder)).unwrap();
        let orch = |arguments: &str| {
            let mut command = test.command(arguments);
            Ended::of(command.current_dir(test.path(folder)).output().unwrap())
        };
        orch("init --shell").expect(0, &["orch run experiment.yaml"]);
        orch("run experiment.yaml -n").expect(0, &[&format!("{name}: 6 trials")]);
    }
}
