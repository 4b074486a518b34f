//! Scripts that know nothing of `orch`: their arguments from the config, their metrics from their output.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use experiments::protocol::events::Event;
use serde_json::{Value, json};

use crate::common::processes;
use crate::common::test_run::TestRun;
use crate::common::wait::wait_for;

/// The argparse script with its output as metrics.
const FILE: &str = "\
orch: 1
name: trip
worker:
  command: [python3, train.py, '{args}', --seed, '{seed}', --save, '{checkpoints}',
            --out, '{artifacts}/args.json']
  metrics: [{stdout: 'epoch (?<step>\\d+).* loss=(?<loss>\\S+) acc=(?<acc>\\S+)'}]
  result: {best: {metric: acc, better: higher}}
retry: {backoff: 1ms}
config: {lr: 0.001, epochs: 6, model.width: 4, sizes: [1, 2], nesterov: true, name: 'a b'}
variants:
  a: {}
  b: {set: {lr: 1.0e-5, nesterov: false, sizes: []}}
seeds: [0, 1]
report:
  table: {name: table, columns: [{metric: acc, decimals: 4}]}
  figures: [{curve: {name: loss, metric: loss}}]
";

pub(super) fn with_script(file: &str, script: &str) -> TestRun {
    let test = TestRun::with_file(file);
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scripts");
    fs::copy(scripts.join(script), test.path(script)).unwrap();
    test
}

fn argparse() -> TestRun {
    with_script(FILE, "train.py")
}

/// What the script saw of its arguments.
fn arguments(test: &TestRun, trial: &str) -> Value {
    let path = test.trial(trial).unwrap().join("artifacts/args.json");
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn an_argparse_script_gets_its_config_and_its_output_becomes_curves_and_a_table() {
    let test = argparse();
    test.orch("run trip.yaml").expect(0, &["4 of 4 trials done"]);
    let seen = arguments(&test, "a-s1-");
    assert_eq!(
        (&seen["lr"], &seen["width"], &seen["sizes"], &seen["nesterov"], &seen["name"]),
        (&json!(0.001), &json!(4), &json!([1, 2]), &json!(true), &json!("a b"))
    );
    assert_eq!(seen["seed"], 1);
    let seen = arguments(&test, "b-s0-");
    assert_eq!((&seen["lr"], &seen["sizes"]), (&json!(1e-5), &json!([])));
    assert_eq!((&seen["seed"], &seen["nesterov"]), (&json!(0), &json!(false)));

    let recorded = test.recorded();
    for (trial, loss) in &recorded.loss {
        let log = fs::read_to_string(test.attempt(trial, 1).unwrap().stdout()).unwrap();
        let printed: Vec<(u64, f64)> = log
            .lines()
            .map(|line| {
                let words: Vec<_> = line.split([' ', '=', '/']).collect();
                (words[1].parse().unwrap(), words[4].parse().unwrap())
            })
            .collect();
        assert_eq!(*loss, printed, "{trial}");
        // The accuracy is best where the loss is least, but for the last epoch.
        let least = printed[..5].iter().map(|(_, loss)| *loss).fold(f64::INFINITY, f64::min);
        assert_eq!(recorded.results[trial].get("loss"), Some(&least), "{trial}");
        assert!(matches!(
            &test.events(trial, 1)[..2],
            [Event::Code(_), Event::Hello { program, resumed_from: None, .. }] if program == "train.py"
        ));
    }
    let report = test.orch("report");
    assert_eq!(report.code, 0, "{}", report.stderr);
    assert!(report.stdout.contains("0.99"), "{}", report.stdout);
    let words = report.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    let best = "Final values are those of the step at which a trial's acc is highest, unless";
    assert!(words.contains(best), "{words}");
}

#[test]
fn a_retry_that_resumes_continues_the_curve() {
    let reference = argparse();
    reference.orch("run trip.yaml").expect(0, &[]);
    let test = argparse();
    test.edit(&[("epochs: 6", "epochs: 6, crash-at: 4")]);
    test.orch("run trip.yaml").expect(0, &["4 of 4 trials done"]);
    assert_eq!(test.attempts("a-s0-"), 2);
    assert!(matches!(test.events("a-s0-", 2)[1], Event::Hello { resumed_from: Some(3), .. }));
    assert_eq!(test.recorded(), reference.recorded());
}

#[test]
fn after_a_killed_holder_the_script_continues() {
    let reference = argparse();
    reference.orch("run trip.yaml").expect(0, &[]);
    let test = argparse();
    let gate = format!("epochs: 6, wait-for: '{}'", test.path("gate").display());
    test.edit(&[("epochs: 6", &gate)]);
    let run = test.start("run trip.yaml");
    test.wait_for_step("a-s0-", 1, 5);
    for holder in processes::holders(test.folder.path()) {
        crate::common::signals::try_signal(holder, "-KILL");
    }
    fs::write(test.path("gate"), "").unwrap();
    run.end().expect(0, &["4 of 4 trials done"]);
    assert_eq!(test.recorded(), reference.recorded());
}

#[test]
fn a_script_that_exits_with_0_when_it_is_stopped_is_not_done() {
    let test = argparse();
    let gate = format!("epochs: 6, wait-for: '{}'", test.path("gate").display());
    test.edit(&[("epochs: 6", &gate)]);
    let script = fs::read_to_string(test.path("train.py")).unwrap();
    let handler = "import signal, sys\nsignal.signal(signal.SIGTERM, lambda *_: sys.exit(0))\n";
    fs::write(test.path("train.py"), script.replacen("import ", &format!("{handler}import "), 1))
        .unwrap();
    let run = test.start("run trip.yaml -j 1");
    test.wait_for_step("a-s0-", 1, 3);
    test.orch("stop a-s0-").expect(0, &["a-s0-"]);
    fs::write(test.path("gate"), "").unwrap();
    assert_eq!(run.end().code, 130);
    assert_eq!(test.state("a-s0-").unwrap(), "cancelled");
    assert!(!test.recorded().results.contains_key("a-s0"));
    test.orch("run trip.yaml").expect(0, &["4 of 4 trials done"]);
    assert_eq!(test.recorded().results.len(), 4);
}

#[test]
fn the_plan_shows_the_first_command_and_a_run_from_elsewhere_is_the_same() {
    let test = argparse();
    let plan = test.orch("run trip.yaml -n");
    plan.expect(
        0,
        &[
            &format!(
                "the first command, in {}:\n  python3 train.py --lr 0.001",
                test.path("").display()
            )
            .replace("/:", ":"),
            "--model.width 4 --sizes 1 2 --nesterov --name 'a b' --seed 0 --save /",
        ],
    );
    let json = test.json("run trip.yaml -n --json");
    assert_eq!(json["first_command"]["argv"][3], "0.001");

    fs::create_dir(test.path("elsewhere")).unwrap();
    let orch = env!("CARGO_BIN_EXE_orch");
    let ended = test.shell(&format!("cd elsewhere && {orch} run ../trip.yaml --runs ../runs"));
    ended.expect(0, &["4 of 4 trials done"]);
    test.orch("run trip.yaml").expect(0, &["nothing is left to do"]);
}

#[test]
fn the_plan_shows_the_command_of_the_next_attempt() {
    let test = TestRun::with(&[
        ("command: [fake-worker]", "command: [fake-worker, '{attempt.dir}']"),
        ("attempts: 3", "attempts: 1"),
    ]);
    for number in [1, 2] {
        let attempt = format!("/attempt-{number}");
        test.orch("run trip.yaml -n").expect(0, &[&attempt]);
        let json = test.json("run trip.yaml -n --json");
        assert!(json["first_command"]["argv"][1].as_str().unwrap().ends_with(&attempt), "{json}");
        test.orch("run trip.yaml").expect(1, &[]);
    }
}

#[test]
fn the_commands_to_run_manually_work_where_the_folder_lies_now() {
    let test = argparse();
    test.orch("run trip.yaml -q").expect(0, &[]);
    fs::create_dir(test.path("moved")).unwrap();
    for name in ["runs", "train.py"] {
        fs::rename(test.path(name), test.path("moved").join(name)).unwrap();
    }
    let shown = test.json("show a-s0 --json --runs moved/runs");
    let lines: Vec<_> = shown["rerun"].as_array().unwrap().iter().collect();
    let script = format!("{}\n{}", lines[0].as_str().unwrap(), lines[2].as_str().unwrap());
    fs::create_dir(test.path("tmp")).unwrap();
    let output = Command::new("sh").args(["-ec", &script]).env("TMPDIR", test.path("tmp")).output();
    let output = output.unwrap();
    assert!(output.status.success(), "{script}\n{output:?}");
    let log = test.path("moved/runs/trip/trials").read_dir().unwrap();
    let log = log.map(|trial| trial.unwrap().path().join("attempt-1/stdout.log"));
    let log = log.into_iter().find(|log| log.to_str().unwrap().contains("a-s0-")).unwrap();
    assert_eq!(output.stdout, fs::read(log).unwrap());
}

#[test]
fn every_mistake_is_found_before_anything_runs_with_its_position() {
    for (from, to, words) in [
        (
            "'{seed}'",
            "'{sed}'",
            &["trip.yaml:4:50: `{sed}` has no value (variant `a`)", "did you mean `{seed}`?"][..],
        ),
        (
            "train.py",
            "train_.py",
            &["trip.yaml:4:22: there is no script `train_.py` in", "`train.py`"],
        ),
        ("python3,", "./python,", &["there is no program `./python` in `/"]),
        ("'{args}'", "'x{args}'", &["trip.yaml:4:32: `{args}` stands for several words"]),
        ("loss=(?<loss>", "loss=(?<loss", &["trip.yaml:6:14: regex parse error", "(?<loss>"]),
        (
            "metrics: [{",
            "env: {ORCH_TRIAL: x}\n  metrics: [{",
            &["trip.yaml:6:9: `ORCH_TRIAL` is set"],
        ),
        ("metrics: [{", "directory: no\n  metrics: [{", &["trip.yaml:6:3: there is no folder `/"]),
        (
            "metrics: [{",
            "env: {A: '{width}'}\n  metrics: [{",
            &["trip.yaml:6:9: `{width}` has no value"],
        ),
        (
            "metrics: [{",
            "args: key=vale\n  metrics: [{",
            &[
                "trip.yaml:6:3: `args` is `--key value`, `--key=value` or `key=value`, not `key=vale`",
                "did you mean `key=value`?",
            ],
        ),
        (
            "{stdout:",
            "{csv: log.csv}, {stdout:",
            &["trip.yaml:6:14: `a-s0-", "would both write `log.csv`", "`{attempt.dir}`"],
        ),
        ("epochs: 6", "epochs: 6, variant: 1", &[]),
        ("epochs: 6", "epochs: 6, seed: 1", &["trip.yaml:4:50: `{seed}` could be the key `seed`"]),
    ] {
        let test = argparse();
        test.edit(&[(from, to)]);
        let ended = test.orch("run trip.yaml -n");
        let code = if words.is_empty() { 0 } else { 2 };
        ended.expect(code, words);
        assert!(!test.path("runs").exists());
    }
    // A key that only one of the variants has.
    let test = argparse();
    test.edit(&[("{}\n", "{set: {extra: 1}}\n"), ("'{seed}'", "'{extra}'")]);
    test.orch("run trip.yaml -n").expect(2, &["`{extra}` has no value (variant `b`)"]);
    // One at a time, the trials may share a file.
    let test = argparse();
    test.edit(&[("{stdout:", "{csv: log.csv}, {stdout:")]);
    test.orch("run trip.yaml -n -j 1").expect(0, &[]);
}

#[test]
fn the_environment_and_the_directory_are_the_files() {
    let test = TestRun::with_file(
        "\
orch: 1
name: trip
worker:
  command: [sh, -c, 'pwd > \"$OUT\"; echo \"$A\" >> \"$OUT\"; cat {config} >> \"$OUT\"']
  directory: '{trial.dir}/work'
  env: {OUT: '{artifacts}/seen', A: 'lr {lr} of {variant}, {{lr}} ${lr}'}
config: {lr: 0.5}
variants: {a: {}}
seeds: [0]
",
    );
    test.orch("run trip.yaml -q");
    let trial = test.trial("a-s0-").unwrap();
    let seen = fs::read_to_string(trial.join("artifacts/seen")).unwrap();
    let seen: Vec<_> = seen.lines().collect();
    assert_eq!(fs::canonicalize(seen[0]).unwrap(), fs::canonicalize(trial.join("work")).unwrap());
    assert_eq!(seen[1], "lr 0.5 of a, {lr} ${lr}");
    assert_eq!(serde_json::from_str::<Value>(&seen[2..].join("\n")).unwrap(), json!({"lr": 0.5}));
    let env = test.attempt("a-s0-", 1).unwrap().read_env().unwrap().unwrap();
    assert_eq!(env.variables["A"], seen[1]);
}

#[test]
fn the_check_runs_in_the_directory_with_the_environment() {
    let test = TestRun::with_file(
        "\
orch: 1
name: trip
worker:
  command: [fake-worker]
  check: [sh, -c, 'test -f here && test \"$A\" = 1 && fake-worker check']
  directory: below
  env: {A: '1', B: '{seed}'}
variants: {a: {}}
seeds: [0]
",
    );
    fs::create_dir(test.path("below")).unwrap();
    test.orch("run trip.yaml -n").expect(2, &["failed (exit status: 1)"]);
    fs::write(test.path("below/here"), "").unwrap();
    let beside = Path::new(env!("CARGO_BIN_EXE_fake-worker")).parent().unwrap().to_owned();
    let path = format!("{}:{}", beside.display(), std::env::var("PATH").unwrap());
    test.start_with("run trip.yaml -n", &[("PATH", &path)]).end().expect(0, &[]);
}

#[test]
fn a_live_curve_is_read_while_the_script_runs() {
    let test = argparse();
    let gate = format!("epochs: 6, wait-for: '{}'", test.path("gate").display());
    test.edit(&[("epochs: 6", &gate)]);
    let run = test.start("run trip.yaml");
    wait_for("a live curve", || {
        let seen = test.events("a-s0-", 1);
        seen.iter().any(|event| matches!(event, Event::Metrics { step: 5, .. })).then_some(())
    });
    let values = test.events("a-s0-", 1).into_iter().filter_map(|event| match event {
        Event::Metrics { step, values, .. } => Some((step, values)),
        _ => None,
    });
    assert_eq!(values.collect::<BTreeMap<_, _>>().len(), 5);
    fs::write(test.path("gate"), "").unwrap();
    run.end().expect(0, &[]);
}

#[test]
fn a_trial_that_went_on_with_other_code_is_mixed() {
    let test = argparse();
    test.edit(&[("epochs: 6", "epochs: 6, crash-at: 4"), ("backoff: 1ms", "attempts: 1")]);
    test.orch("run trip.yaml").expect(1, &["the first run fails"]);
    let script = test.path("train.py");
    let code = fs::read_to_string(&script).unwrap();
    fs::write(&script, code.replace("1 + noise", "2 + noise")).unwrap();
    test.orch("run trip.yaml").expect(0, &["4 of 4 trials done"]);
    assert!(matches!(test.events("a-s0-", 2)[1], Event::Hello { resumed_from: Some(3), .. }));
    test.orch("report")
        .expect(3, &["different code made the results, as train.py changed", "a-s0-"]);
    test.orch("run trip.yaml -n").expect(0, &["were made before train.py changed"]);
    // Begun again, they are of one state; so is one that began again by itself.
    test.edit(&[("crash-at: 4", "crash-at: 0")]);
    test.orch("run trip.yaml --rerun-stale").expect(0, &["4 of 4 trials done"]);
    test.orch("report").expect(0, &[]);
}

#[test]
fn rows_without_a_step_are_counted_on_where_a_trial_goes_on() {
    let script = "import os, sys\nfolder, crash = sys.argv[1], sys.argv[2] == 'True'\n\
                  path = f'{folder}/metrics.csv'\n\
                  done = len(open(path).readlines()) - 1 if os.path.exists(path) else 0\n\
                  with open(path, 'a') as file:\n    \
                  if not done: file.write('epoch,loss\\n')\n    \
                  for epoch in range(done + 1, 7):\n        \
                  if crash and not done and epoch == 4: sys.exit(1)\n        \
                  file.write(f'{epoch},{epoch / 10}\\n')\n        file.flush()\n";
    let file = "\
orch: 1
name: trip
worker:
  command: [python3, rows.py, '{checkpoints}', '{crash}']
  metrics: [{csv: '{checkpoints}/metrics.csv'}]
retry: {backoff: 1ms}
variants: {a: {set: {crash: false}}, b: {set: {crash: true}}}
seeds: [0]
report: {table: {name: t, columns: [{metric: loss}]}}
";
    let test = TestRun::with_file(file);
    fs::write(test.path("rows.py"), script.replace("'True'", "'true'")).unwrap();
    test.orch("run trip.yaml").expect(0, &["2 of 2 trials done"]);
    assert_eq!(test.attempts("b-s0-"), 2);
    let series = test.recorded().loss;
    let of = |trial: &str| series[trial].clone();
    assert_eq!(of("b-s0"), of("a-s0"));
}

#[test]
fn a_metric_of_two_files_is_that_of_the_first_and_said() {
    let file = "\
orch: 1
name: trip
worker:
  command: [python3, two.py, '{attempt.dir}']
  metrics: [{csv: '{attempt.dir}/m.csv', step: epoch}, {stdout: 'epoch (?<step>\\d+) loss (?<loss>\\S+) acc (?<acc>\\S+)'}]
variants: {a: {}}
seeds: [0]
report: {table: {name: t, columns: [{metric: loss}, {metric: acc}]}}
";
    let script = "import sys, time\nwith open(sys.argv[1] + '/m.csv', 'w') as file:\n    \
                  file.write('epoch,loss\\n1,1.0\\n2,2.0\\n')\ntime.sleep(1.2)\n\
                  print('epoch 1 loss 101 acc 0.5\\nepoch 2 loss 102 acc 0.6')\n";
    let test = TestRun::with_file(file);
    fs::write(test.path("two.py"), script).unwrap();
    let said = "standard output: `loss` is left out, which is read from";
    test.orch("run trip.yaml").expect(0, &[said, "`prefix` gives it another name"]);
    let results = &test.recorded().results["a-s0"];
    assert_eq!((results["loss"], results["acc"]), (2.0, 0.6));
}

#[test]
fn a_trial_that_ends_again_after_its_last_step_keeps_its_curve() {
    let file = "\
orch: 1
name: trip
worker:
  command: [python3, ends.py, '{checkpoints}', '{measures}']
  metrics: [{stdout: 'step (?<step>\\d+) loss (?<loss>\\S+)'}, {stdout: 'test acc (?<acc>\\S+)'}]
retry: {backoff: 1ms}
variants: {measured: {set: {measures: true}}, not: {set: {measures: false}}}
seeds: [0]
report: {table: {name: t, columns: [{metric: acc}]}}
";
    // The first attempt fails behind its last step, before or after its measurement.
    let script = "import os, sys\ndone = sys.argv[1] + '/done'\nfirst = not os.path.exists(done)\n\
                  for step in range(1, 4) if first else []:\n    print(f'step {step} loss {1 / step}')\n\
                  open(done, 'w').close()\n\
                  if not first or sys.argv[2] == 'true':\n    print('test acc 0.5', flush=True)\n\
                  sys.exit(int(first))\n";
    let test = TestRun::with_file(file);
    fs::write(test.path("ends.py"), script).unwrap();
    test.orch("run trip.yaml").expect(0, &["2 of 2 trials done"]);
    for (trial, name) in [("measured-s0-", "measured-s0"), ("not-s0-", "not-s0")] {
        assert_eq!(test.attempts(trial), 2);
        let loss = &test.recorded().loss[name];
        assert_eq!(loss.iter().map(|(step, _)| *step).collect::<Vec<_>>(), [1, 2, 3], "{name}");
        assert_eq!((name, test.recorded().results[name]["acc"]), (name, 0.5));
    }
}
