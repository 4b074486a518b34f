//! From YAML text to trials: precedence, overrides, keys, and errors.

use std::path::Path;
use std::time::Duration;

use experiments::expand::overrides::Override;
use experiments::expand::{Experiment, Run, override_resources};
use experiments::protocol::check::Problem;
use experiments::schema::resources::Resources;
use experiments::schema::system::System;
use experiments::yaml::source::{FileError, Source};
use serde_json::{Value, json};

const FILE: &str = "\
orch: 1
name: toy
worker: {command: [toy-worker, train]}
config:
  model: {width: 8, depth: 2}
  rate: 1e-3
variants:
  base: {label: Baseline}
  wide:
    set: {model.width: 16}
  once:
    set: {rate: 0.5}
    seeds: [7]
seeds: [0, 1]
profiles:
  demo:
    caption: Small.
    config: {model: {depth: 1}}
  full:
    seeds: [0]
    config: {model.width: 9}
    variants:
      wide: {set: {rate: 3}}
report:
  table:
    name: toy
    columns: [{metric: score}]
    paper: {base: {score: 1}}
";

fn parse(text: &str) -> Result<Experiment, FileError> {
    Experiment::from_source(Source::parse(Path::new("toy.yaml"), text.to_owned())?)
}

fn expand(profile: Option<&str>, sets: &[&str]) -> Result<Run, FileError> {
    let overrides: Result<Vec<_>, _> = sets.iter().map(|s| Override::parse(s)).collect();
    parse(FILE)?.expand(profile, &overrides?)
}

fn configs(run: &Run) -> Vec<(String, Value)> {
    run.trials.iter().map(|t| (t.name(), Value::Object(t.config.values.clone()))).collect()
}

#[test]
fn profiles_and_variants_override_in_order() {
    let demo = expand(None, &[]).unwrap();
    assert_eq!(demo.name(), "toy.demo");
    assert_eq!(
        configs(&demo),
        [
            ("base-s0".to_owned(), json!({"model": {"width": 8, "depth": 1}, "rate": 1e-3})),
            ("base-s1".to_owned(), json!({"model": {"width": 8, "depth": 1}, "rate": 1e-3})),
            ("wide-s0".to_owned(), json!({"model": {"width": 16, "depth": 1}, "rate": 1e-3})),
            ("wide-s1".to_owned(), json!({"model": {"width": 16, "depth": 1}, "rate": 1e-3})),
            ("once-s7".to_owned(), json!({"model": {"width": 8, "depth": 1}, "rate": 0.5})),
        ]
    );
    let full = expand(Some("full"), &[]).unwrap();
    let full = configs(&full);
    assert_eq!(full[0].1, json!({"model": {"width": 9, "depth": 2}, "rate": 1e-3}));
    // The variant beats the profile's shared config; the profile's variant beats the variant.
    assert_eq!(full[1], ("wide-s0".into(), json!({"model": {"width": 16, "depth": 2}, "rate": 3})));
}

#[test]
fn overrides_beat_everything_but_may_not_flatten_the_ablation() {
    let run = expand(None, &["model.depth=4", "wide:model.width=32"]).unwrap();
    assert_eq!(configs(&run)[0].1["model"], json!({"width": 8, "depth": 4}));
    assert_eq!(configs(&run)[2].1["model"], json!({"width": 32, "depth": 4}));
    let error = expand(None, &["model.width=5"]).unwrap_err().to_string();
    assert_eq!(
        error,
        "--set model.width=5: variants differ in `model.width` (`base`: 8, `wide`: 16), and this \
         would make them the same\n\nhint: name the variant: `--set wide:model.width=5`"
    );
    let error = expand(None, &["wied:model.width=5"]).unwrap_err().to_string();
    assert!(error.ends_with("there is no variant `wied`\n\nhint: did you mean `wide`?"), "{error}");
    assert!(expand(None, &["model.width"]).is_err());
    assert!(expand(None, &["model..width=1"]).is_err());
}

#[test]
fn overrides_are_checked_against_the_kept_variants_alone() {
    let only = |only: &[&str], set: &str| {
        let only: Vec<String> = only.iter().map(|name| (*name).to_owned()).collect();
        parse(FILE)?.expand(None, &[Override::parse(set)?.among(&only)])
    };
    let width = |run: &Run| {
        let widths = run.trials.iter().map(|t| t.config.values["model"]["width"].as_u64());
        widths.collect::<Option<Vec<_>>>().unwrap()
    };
    // `base` and `once` agree, `wide` differs and is left out, with the width that it has.
    let run = only(&["base", "once"], "model.width=5").unwrap();
    assert_eq!(width(&run), [5, 5, 16, 16, 5]);
    let run = only(&["wide"], "model.width=5").unwrap();
    assert_eq!(width(&run), [8, 8, 5, 5, 8]);
    let error = only(&["base", "wide"], "model.width=5").unwrap_err().to_string();
    assert!(error.contains("variants differ in `model.width`"), "{error}");
    // Where no variant differs, those that are left out remain the trials that they are.
    let depths = only(&["wide"], "model.depth=9").unwrap();
    assert!(depths.trials.iter().all(|trial| trial.config.values["model"]["depth"] == 9));
}

#[test]
fn resources_of_the_command_line_replace_single_ones() {
    let file: Resources = serde_json::from_value(json!({
        "gpus": 1, "share": "1/4", "memory": "20GiB", "time": "1h 30m", "disk": "5GiB",
    }))
    .unwrap();
    let replaced = override_resources(&file, &["gpus=0", "memory=null", "time=2h"]).unwrap();
    let expected: Resources = serde_json::from_value(json!({
        "gpus": 0, "share": "1/4", "time": "2h", "disk": "5GiB",
    }))
    .unwrap();
    assert_eq!(replaced, expected);
    for (setting, wrong) in [
        ("cpu=2", "--resources cpu=2: unknown field `cpu`"),
        ("cpu=2", "hint: did you mean `cpus`?"),
        (
            "cpus=few",
            "--resources cpus=few: invalid type: string \"few\", expected a whole number, 0 or more",
        ),
        ("cpus=0", "--resources cpus=0: a worker needs at least one CPU"),
        ("share=1/5", "--resources share=1/5: `1/5` is not a share of a GPU"),
        ("cpus", "--resources cpus: there is no `=`"),
        ("cpus=[", "--resources cpus=[: "),
    ] {
        let error = override_resources(&file, &[setting]).unwrap_err().to_string();
        assert!(error.contains(wrong), "{error}");
    }
}

#[test]
fn keys_depend_on_what_makes_the_trial_and_on_nothing_else() {
    let ids = |text: &str| -> Vec<String> {
        let run = parse(text).unwrap().expand(None, &[]).unwrap();
        run.resolve(run.unchecked()).unwrap().iter().map(|trial| trial.id.0.clone()).collect()
    };
    let original = ids(FILE);
    // Written otherwise, labelled otherwise, reported otherwise: the same trials.
    let same = FILE
        .replace("model: {width: 8, depth: 2}", "model: {depth: 2, width: 8}")
        .replace("rate: 1e-3", "rate: 0.001")
        .replace("label: Baseline", "label: Other")
        .replace("score: 1", "score: 2");
    assert_ne!(same, FILE);
    assert_eq!(ids(&same), original);
    let other = ids(&FILE.replace("depth: 1", "depth: 3"));
    assert!(original.iter().all(|id| !other.contains(id)));
    let other = ids(&FILE.replace("toy-worker, train", "toy-worker, fit"));
    assert!(original.iter().all(|id| !other.contains(id)));
}

#[test]
fn the_same_config_twice_is_refused() {
    let text = FILE.replace("set: {model.width: 16}", "set: {model.width: 8}");
    let run = parse(&text).unwrap().expand(None, &[]).unwrap();
    let error = run.resolve(run.unchecked()).unwrap_err().to_string();
    assert!(
        error.starts_with("toy.yaml:9:3: variants `base` and `wide` have the same config"),
        "{error}"
    );
}

#[test]
fn the_worker_s_problems_have_a_position_in_the_file() {
    let run = expand(None, &["once:rate=9"]).unwrap();
    let mut replies = run.unchecked();
    let problem = |pointer: &str| Problem { pointer: pointer.into(), message: "no good".into() };
    replies[0].problems.push(problem("/model/depth"));
    replies[1].problems.push(problem("/model/depth"));
    replies[2].problems.push(problem("/model/width"));
    replies[4].problems.push(problem("/rate"));
    let error = run.resolve(replies).unwrap_err().to_string();
    assert_eq!(
        error,
        "toy.yaml:18:22: no good (variant `base`)\n\
         toy.yaml:10:11: no good (variant `wide`)\n\
         --set once:rate=9: no good (variant `once`)"
    );
}

#[test]
fn problems_of_a_setting_count_in_the_kept_variants_alone() {
    let set = Override::parse("model.depth=9").unwrap().among(&["base".to_owned()]);
    let run = parse(FILE).unwrap().expand(None, &[set]).unwrap();
    let resolve = |trial: usize, pointer: &str| {
        let mut replies = run.unchecked();
        let problem = Problem { pointer: pointer.into(), message: "no good".into() };
        replies[trial].problems.push(problem);
        run.resolve(replies).map_err(|error| error.to_string())
    };
    // Trial 2 is one of `wide`, which is left out.
    assert_eq!(resolve(2, "/model/depth").unwrap().len(), 5);
    assert!(resolve(0, "/model/depth").unwrap_err().starts_with("--set model.depth=9: no good"));
    assert!(resolve(2, "/model/width").unwrap_err().starts_with("toy.yaml:10:11: no good"));
}

#[test]
fn a_deterministic_variant_runs_once() {
    let text = FILE.replace("    seeds: [7]", "    deterministic: true");
    let run = parse(&text).unwrap().expand(Some("demo"), &[]).unwrap();
    let seeds = |name: &str| -> Vec<u64> {
        run.trials.iter().filter(|t| t.variant == name).map(|t| t.seed).collect()
    };
    assert_eq!((seeds("wide"), seeds("once")), (vec![0, 1], vec![0]));
    let deterministic: Vec<_> = run.config.rows.iter().map(|row| row.deterministic).collect();
    assert_eq!(deterministic, [false, false, true]);
}

#[test]
fn the_machine_is_sampled_every_half_minute_unless_the_file_says_otherwise() {
    let with =
        |line: &str| parse(&FILE.replace("seeds: [0, 1]", &format!("seeds: [0, 1]\n{line}")));
    let interval = |line: &str| with(line).unwrap().expand(None, &[]).unwrap().config.system;
    assert_eq!(interval("").0, Some(Duration::from_secs(30)));
    assert_eq!(interval("system: 2m").0, Some(Duration::from_mins(2)));
    assert_eq!(interval("system: off").0, None);
    for system in [interval("system: 90s"), interval("system: off")] {
        let text = serde_json::to_value(system).unwrap();
        assert_eq!(serde_json::from_value::<System>(text).unwrap(), system);
    }
    let wrong = with("system: 500ms").unwrap_err().to_string();
    let expected = "toy.yaml:15:1: \"500ms\" is neither an interval of a second or more, such as `30s`, nor `off`";
    assert!(wrong.starts_with(expected), "{wrong}");
}

#[test]
fn wrong_files_say_where_and_what() {
    let cases = [
        ("label: Baseline", "lable: Baseline", "toy.yaml:8:10: unknown field `lable`"),
        ("orch: 1", "orch: 2", "toy.yaml:1:1: this program reads version 1"),
        ("seeds: [0, 1]", "seeds: [0, 0]", "toy.yaml:14:12: seed 0 is listed twice"),
        ("seeds: [0, 1]", "seeds: []", "toy.yaml:14:1: there are no seeds"),
        ("seeds: [0, 1]", "seeds: [zero]", "toy.yaml:14:9: invalid type"),
        (
            "    seeds: [7]",
            "    seeds: [7]\n    deterministic: true",
            "toy.yaml:13:5: a deterministic variant has no seeds of its own\n\nhint: leave out `seeds`",
        ),
        ("paper: {base:", "paper: {bass:", "toy.yaml:28:13: there is no variant `bass`"),
        ("  wide:\n    set", "  wi/de:\n    set", "toy.yaml:9:3: `wi/de` cannot be the name"),
        ("rate: 1e-3", "model.width: 1e-3", "toy.yaml:6:3: this key is set twice"),
        ("rate: 1e-3", "rate: [1e-3", "toy.yaml:7:9: illegal placement of ':' indicator"),
        ("name: toy", "nmae: toy", "toy.yaml:2:1: unknown field `nmae`"),
        (
            "{metric: score}",
            "{metric: score, better: up}",
            "toy.yaml:27:31: `better` is `higher` or `lower`, not `up`",
        ),
        (
            "seeds: [0, 1]",
            "seeds: [0, 1]\nstall: {then: retri}",
            "toy.yaml:15:9: `then` is `flag` or `retry`, not `retri`\n\nhint: did you mean `retry`?",
        ),
        (
            "report:",
            "report:\n  figures: [curve: {name: a, metric: b, x: epochs}]",
            "toy.yaml:25:41: `x` is `step`, `share`, `images` or `seconds`, not `epochs`",
        ),
        (
            "report:",
            "report:\n  figures: [kurve: {name: a, metric: b}]",
            "toy.yaml:25:13: an item of `figures` is `curve`, `images`, `bars`, `scatter`, `table` or \
             `sequence`, not `kurve`\n\nhint: did you mean `curve`?",
        ),
    ];
    for (from, to, expected) in cases {
        let text = FILE.replacen(from, to, 1);
        assert_ne!(text, FILE);
        let result = parse(&text).and_then(|e| e.expand(None, &[]));
        let error = result.expect_err(expected).to_string();
        assert!(error.starts_with(expected), "expected {expected}\ngot {error}");
    }
    let claims =
        |claim: &str| parse(&format!("{FILE}  claims: [{{claim: C., compare: {claim}}}]\n"));
    for (claim, wrong) in [
        ("base.score < wid.score", "toy.yaml:29:24: there is no variant `wid`"),
        ("base.score", "toy.yaml:29:24: `base.score` is not a comparison"),
        ("base.score best", "toy.yaml:29:24: `score` has no `better`"),
    ] {
        let error = claims(claim).unwrap_err().to_string();
        assert!(error.starts_with(wrong), "{error}");
    }
    assert!(claims("base.score < wide.score").is_ok());
    let error = parse(&FILE.replace("label:", "lable:"));
    assert!(error.unwrap_err().to_string().contains("hint: did you mean `label`?"));
    let error = expand(Some("demp"), &[]).unwrap_err().to_string();
    assert!(error.contains("did you mean `demo`?"), "{error}");
}

#[test]
fn every_shipped_experiment_parses_and_expands_under_every_profile() {
    let mut files = 0;
    for entry in std::fs::read_dir(env!("CARGO_MANIFEST_DIR")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|e| e != "yaml") {
            continue;
        }
        files += 1;
        let experiment = Experiment::load(&path).unwrap_or_else(|e| panic!("{e}"));
        for profile in experiment.file.profiles.keys() {
            let run = experiment.expand(Some(profile), &[]).unwrap_or_else(|e| panic!("{e}"));
            let trials = run.resolve(run.unchecked()).unwrap_or_else(|e| panic!("{e}"));
            assert!(trials.len() >= run.config.rows.len());
        }
    }
    assert!(files > 0);
}
