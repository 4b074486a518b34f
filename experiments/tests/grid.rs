//! Grids: their variants, the names of these, and errors.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use experiments::expand::overrides::Override;
use experiments::expand::{Experiment, Run};
use experiments::protocol::check::Problem;
use experiments::yaml::source::{FileError, Source};
use proptest::prelude::*;
use serde_json::json;

const FILE: &str = "\
orch: 1
name: sweep
worker: {command: [toy-worker]}
config: {rate: 1e-2, model: {width: 1, depth: 1}}
variants:
  base: {label: Baseline}
grid:
  product:
    model.width: [8, 16]
    rate: [1e-3, 0.5]
  zip:
    - {schedule: [linear, cosine], model.depth: [1, 2]}
  exclude:
    - {model.width: 16, rate: 0.5}
  include:
    - {model.width: 99, model.extra: [1, 2.5]}
seeds: [0]
profiles:
  demo:
    variants:
      width-8-rate-0_5-schedule-linear-depth-1: {set: {rate: 0.25}}
report:
  table:
    name: sweep
    columns: [{metric: score}]
    baseline: base
    paper: {width-99-extra-1_2_5: {score: 1}}
";

fn expand(text: &str, sets: &[&str]) -> Result<Run, FileError> {
    let overrides: Result<Vec<_>, _> = sets.iter().map(|set| Override::parse(set)).collect();
    let source = Source::parse(Path::new("sweep.yaml"), text.to_owned())?;
    Experiment::from_source(source)?.expand(None, &overrides?)
}

#[test]
fn every_combination_is_a_variant_named_by_its_values() {
    let run = expand(FILE, &[]).unwrap();
    let names: Vec<_> = run.config.rows.iter().map(|row| row.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "base",
            "width-8-rate-0_001-schedule-linear-depth-1",
            "width-8-rate-0_001-schedule-cosine-depth-2",
            "width-8-rate-0_5-schedule-linear-depth-1",
            "width-8-rate-0_5-schedule-cosine-depth-2",
            "width-16-rate-0_001-schedule-linear-depth-1",
            "width-16-rate-0_001-schedule-cosine-depth-2",
            "width-99-extra-1_2_5",
        ]
    );
    assert_eq!(run.config.rows[2].label, "width 8, rate 0.001, schedule cosine, depth 2");
    assert_eq!(run.config.rows[7].label, "width 99, extra [1,2.5]");
    let configs: Vec<_> = run.trials.iter().map(|trial| json!(trial.config.values)).collect();
    let second = json!({"rate": 1e-3, "model": {"width": 8, "depth": 2}, "schedule": "cosine"});
    assert_eq!(configs[2], second);
    // A profile names a variant of the grid like any other.
    assert_eq!(configs[3]["rate"], 0.25);
    let added = json!({"rate": 1e-2, "model": {"width": 99, "depth": 1, "extra": [1, 2.5]}});
    assert_eq!(configs[7], added);
}

#[test]
fn a_grid_can_be_all_there_is_and_axes_that_end_alike_have_whole_names() {
    let text = "orch: 1\nname: x\nworker: {command: [w]}\nseeds: [0]\n\
        grid: {product: {a.width: [1], b.width: [yes, -2, ~]}}\n";
    let run = expand(text, &[]).unwrap();
    let names: Vec<_> = run.config.rows.iter().map(|row| row.name.as_str()).collect();
    assert_eq!(names, ["yes", "-2", "null"].map(|b| format!("a_width-1-b_width-{b}")));
    assert_eq!(run.config.rows[1].label, "a.width 1, b.width -2");
    let only_added =
        text.replace("product: {a.width: [1], b.width: [yes, -2, ~]}", "include: [{a: 1}]");
    assert_eq!(expand(&only_added, &[]).unwrap().config.rows[0].name, "a-1");
    let nothing = only_added.replace("include", "exclude");
    let error = expand(&nothing, &[]).unwrap_err().to_string();
    assert!(error.starts_with("sweep.yaml:5:8: there are no axes"), "{error}");
}

#[test]
fn problems_with_a_value_have_the_value_s_position() {
    let run = expand(FILE, &["width-99-extra-1_2_5:rate=9"]).unwrap();
    let mut replies = run.unchecked();
    let problem = |pointer: &str| Problem { pointer: pointer.into(), message: "no good".into() };
    replies[4].problems.push(problem("/model/depth"));
    replies[5].problems.push(problem("/model/width"));
    replies[7].problems.push(problem("/model/extra/1"));
    assert_eq!(
        run.resolve(replies).unwrap_err().to_string(),
        "sweep.yaml:12:53: no good (variant `width-8-rate-0_5-schedule-cosine-depth-2`)\n\
         sweep.yaml:9:22: no good (variant `width-16-rate-0_001-schedule-linear-depth-1`)\n\
         sweep.yaml:16:25: no good (variant `width-99-extra-1_2_5`)"
    );
    let error = expand(FILE, &["rate=1"]).unwrap_err().to_string();
    assert!(error.contains("variants differ in `rate`"), "{error}");
}

#[test]
fn wrong_grids_say_where_and_what() {
    let cases = [
        ("rate: [1e-3, 0.5]", "rate: []", "10:5: `rate` has no values"),
        ("rate: [1e-3, 0.5]", "rate: 0.5", "10:5: invalid type: floating point `0.5`"),
        ("[8, 16]", "[8, 16, 8]", "9:26: `8` is listed twice"),
        ("  zip:", "  zpi:", "11:3: unknown field `zpi`"),
        ("schedule:", "rate:", "12:8: `rate` is an axis already"),
        ("depth: [1, 2]", "depth: [1]", "12:36: `model.depth` and `schedule` change together"),
        ("model.depth:", "model:", "12:44: this key is set twice"),
        ("- {schedule: [linear, cosine], model.depth: [1, 2]}", "- {}", "12:7: this group has no"),
        ("{model.width: 16,", "{width: 16,", "14:8: there is no axis `width`"),
        ("rate: 0.5}", "rate: 0.25}", "14:7: no combination is like this"),
        ("- {model.width: 16, rate: 0.5}", "- {}", "14:7: this would exclude everything"),
        ("- {model.width: 99, model.extra: [1, 2.5]}", "- {}", "16:7: this sets nothing"),
        ("  base:", "  width-99-extra-1_2_5:", "16:25: two variants are called `width-99-"),
        ("[8, 16]", "[a b, a_b, 16]", "12:50: two variants are called `width-a_b-rate-0_001-"),
    ];
    // Without what names the grid's variants.
    let (file, _) = FILE.split_once("profiles:").unwrap();
    for (from, to, expected) in cases {
        let text = file.replacen(from, to, 1);
        assert_ne!(text, file);
        let error = expand(&text, &[]).expect_err(expected).to_string();
        assert!(error.starts_with(&format!("sweep.yaml:{expected}")), "{expected}\ngot {error}");
    }
    let long = "long".repeat(30);
    let error = expand(&file.replace("linear", &long), &[]).unwrap_err().to_string();
    assert!(error.starts_with("sweep.yaml:12:164: the name of a variant has 1"), "{error}");
}

/// Up to three axes of up to four values.
fn axes() -> impl Strategy<Value = BTreeMap<String, Vec<i8>>> {
    let values = prop::collection::btree_set(any::<i8>(), 1..5);
    let values = values.prop_map(|set| set.into_iter().collect()).prop_shuffle();
    prop::collection::btree_map("[a-e](\\.[xy])?", values, 1..4)
}

proptest! {
    #[test]
    fn a_grid_is_its_combinations_once_each(product in axes(), together in 0_usize..4) {
        let mut grid = json!({"product": product});
        if together > 0 {
            let (first, second): (Vec<_>, Vec<_>) = (0..together).map(|i| (i, 10 - i)).unzip();
            grid["zip"] = json!([{"p": first, "q": second}]);
        }
        let text = json!({"orch": 1, "name": "x", "worker": {"command": ["w"]}, "seeds": [0],
            "grid": grid}).to_string();
        let is_axis = |key: &str| product.contains_key(key);
        if product.keys().any(|key| key.split_once('.').is_some_and(|(top, _)| is_axis(top))) {
            prop_assert!(expand(&text, &[]).unwrap_err().to_string().contains("set twice"));
            return Ok(());
        }
        let run = expand(&text, &[]).unwrap();
        let count = product.values().map(Vec::len).product::<usize>() * together.max(1);
        let names: BTreeSet<_> = run.config.rows.iter().map(|row| &row.name).collect();
        let configs = run.trials.iter().map(|trial| json!(trial.config.values).to_string());
        let configs: BTreeSet<_> = configs.collect();
        prop_assert_eq!((run.config.rows.len(), names.len(), configs.len()), (count, count, count));
        prop_assert_eq!(&expand(&text, &[]).unwrap().config.rows, &run.config.rows);
    }
}
