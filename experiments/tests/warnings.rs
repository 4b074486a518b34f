//! Files that say what they hardly mean: warnings with positions, and errors that are reported at once.

#![expect(clippy::unwrap_used, reason = "a test's helpers fail the test")]

use std::path::Path;

use experiments::expand::Experiment;
use experiments::expand::overrides::Override;
use experiments::yaml::source::{FileError, Source};

const HEAD: &str = "orch: 1\nname: t\nworker: {command: [w]}\nseeds: [0]\n";

fn experiment(text: &str) -> Result<Experiment, FileError> {
    Experiment::from_source(Source::parse(Path::new("t.yaml"), format!("{HEAD}{text}"))?)
}

fn expanded(text: &str, profile: Option<&str>, set: &[&str]) -> Result<Vec<String>, FileError> {
    let overrides: Result<Vec<_>, _> = set.iter().map(|text| Override::parse(text)).collect();
    let run = experiment(text)?.expand(profile, &overrides?)?;
    Ok(run.warnings.iter().map(ToString::to_string).collect())
}

fn warnings(text: &str, profile: Option<&str>, set: &[&str]) -> Vec<String> {
    expanded(text, profile, set).unwrap()
}

#[test]
fn a_key_that_looks_like_an_earlier_one_is_a_typo_wherever_it_is_set() {
    let text = "config: {width: 8, optim: {rate: 1, decay: 2}}
variants:
  a: {set: {widht: 4}}
  b: {set: {optim.rat: 4, wodth: 2}}
grid: {product: {widthh: [1, 2]}}
profiles:
  small: {config: {optim: {deca: 1}}, variants: {a: {set: {optm: {rate: 1, decay: 3}}}}}
  other: {config: {wdth: 1}}
";
    assert_eq!(
        warnings(text, Some("small"), &["with=3", "a:optim.raet=1"]),
        [
            "t.yaml:7:13: only this sets `widht`; did you mean `width`?",
            "t.yaml:8:13: only this sets `rat`; did you mean `rate`?",
            "t.yaml:8:27: only this sets `wodth`; did you mean `width`?",
            "t.yaml:9:18: only this sets `widthh`; did you mean `width`?",
            "t.yaml:11:28: only this sets `deca`; did you mean `decay`?",
            "t.yaml:11:60: only this sets `optm`; did you mean `optim`?",
            "--set with=3: only this sets `with`; did you mean `width`?",
            "--set a:optim.raet=1: only this sets `raet`; did you mean `rate`?",
        ]
    );
}

#[test]
fn keys_of_their_own_and_keys_that_several_set_are_no_typos() {
    let text = "config: {width: 8, depth: 2, lr: 1, x_scale: 1, beta1: 0.9, rate: 1}
variants:
  a: {set: {depth2: 1, lr_min: 0, y_scale: 2, beta2: 1, optimizer.rates: 1}}
  b: {set: {rates: 1}}
  c: {set: {rates: 2, width: 9}}
";
    assert_eq!(warnings(text, None, &[]), [""; 0]);
    // Of two that only one variant each sets, the earlier one is known.
    let text = "variants: {a: {set: {width: 1}}, b: {set: {widht: 2}}}\n";
    assert_eq!(
        warnings(text, None, &[]),
        ["t.yaml:5:44: only this sets `widht`; did you mean `width`?"]
    );
    // A worker that checks its config decides.
    let checked = "config: {width: 1}\nvariants: {a: {set: {widht: 2}}}\n";
    let text = format!("{HEAD}{checked}").replace("[w]}", "[w], check: [w]}");
    let source = Source::parse(Path::new("t.yaml"), text).unwrap();
    let run = Experiment::from_source(source).unwrap().expand(None, &[]).unwrap();
    assert_eq!(run.warnings, []);
}

#[test]
fn texts_that_look_like_something_else_are_named_unless_they_are_quoted() {
    let text = "description: no
config: {a: no, b: [1, 1_000], c: 'no', d: \"010\", e: 1e-3, f: 0x10, no: 1, g: .5e}
variants: {on: {label: off, set: {d: {e: 2026-11-29}}}, b: {set: {a: !!}}}
"
    .replace("a: !!", "a: x");
    let (boolean, number) = ("write `true` or `false`", "write it as in `1000`, `0.5` or `1e-3`");
    let quotes = "put quotes around it if it is text";
    assert_eq!(
        warnings(&text, None, &["b:q=off", "b:r='off'", "b:s=[x, None]"]),
        [
            format!(
                "t.yaml:6:13: `no` looks like a boolean and is read as text: {boolean}, or {quotes}"
            ),
            format!(
                "t.yaml:6:24: `1_000` looks like a number and is read as text: {number}, or {quotes}"
            ),
            format!(
                "t.yaml:6:79: `.5e` looks like a number and is read as text: {number}, or {quotes}"
            ),
            format!(
                "t.yaml:7:42: `2026-11-29` looks like a date or a time and is read as text: {quotes}"
            ),
            format!(
                "--set b:q=off: `off` looks like a boolean and is read as text: {boolean}, or {quotes}"
            ),
            format!(
                "--set b:s=[x, None]: `None` looks like nothing and is read as text: write `null`, or {quotes}"
            ),
        ]
    );
}

#[test]
fn warnings_of_a_strict_file_are_errors() {
    let text = "strict: true\nconfig: {width: 8, a: no}\nvariants: {a: {set: {widht: 4}}}\n";
    let error = expanded(text, None, &[]).unwrap_err();
    let positions: Vec<_> =
        error.findings.iter().map(|finding| finding.position.as_str()).collect();
    assert_eq!(positions, ["t.yaml:6:23", "t.yaml:7:22"]);
    let right = "strict: true\nconfig: {width: 8, a: 'no'}\nvariants: {a: {set: {width: 4}}}\n";
    assert_eq!(warnings(right, None, &[]), [""; 0]);
}

#[test]
fn every_unknown_key_of_a_file_is_reported_at_once() {
    let text = "varants: {a: {lable: A, zzzzz: 1, set: {lr: 1}}}
retry: {atempts: 2}
report:
  tabel: {name: t, columns: [{metrc: psnr, better: highr}]}
  figures: [{curv: {name: c, metric: loss, bnd: sd}}]
";
    let error = experiment(text).unwrap_err();
    let found: Vec<_> = error
        .findings
        .iter()
        .map(|f| {
            let (_, after) = f.message.rsplit_once(", not `").unwrap_or_default();
            let word = after.strip_suffix('`').or(f.message.split('`').nth(1)).unwrap_or_default();
            format!("{} {word} {}", f.position, f.hint.as_deref().unwrap_or("-"))
        })
        .collect();
    assert_eq!(
        found,
        [
            "t.yaml:5:1 varants did you mean `variants`?",
            "t.yaml:5:15 lable did you mean `label`?",
            "t.yaml:5:25 zzzzz -",
            "t.yaml:6:9 atempts did you mean `attempts`?",
            "t.yaml:8:3 tabel did you mean `table`?",
            "t.yaml:8:31 metrc did you mean `metric`?",
            "t.yaml:8:44 highr did you mean `higher`?",
            "t.yaml:9:14 curv did you mean `curve`?",
            "t.yaml:9:44 bnd did you mean `band`?",
        ]
    );
}

#[test]
fn a_script_with_several_seeds_gets_them() {
    let file = |command: &str, seeds: &str| {
        let text = format!(
            "orch: 1\nname: t\nworker: {{command: {command}, metrics: [{{csv: x.csv}}]}}\nseeds: {seeds}\n\
             variants: {{a: {{}}}}\n"
        );
        let source = Source::parse(Path::new("t.yaml"), text).unwrap();
        let run = Experiment::from_source(source).unwrap().expand(None, &[]).unwrap();
        run.warnings.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
    };
    let warning = file("[python3, x.py]", "[0, 1]");
    assert!(
        warning.starts_with("t.yaml:3:10: there are several seeds, and the command"),
        "{warning}"
    );
    assert_eq!(file("[python3, x.py]", "[0]"), "");
    assert_eq!(file("[python3, x.py, '--seed={seed}']", "[0, 1]"), "");
}

#[test]
fn a_script_whose_variants_have_settings_gets_them() {
    let warnings = |command: &str, set: &str| {
        let text = format!(
            "orch: 1\nname: t\nworker: {{command: [python3, x.py, {command}], metrics: [{{csv: x.csv}}]}}\n\
             seeds: [0]\nconfig: {{lr: 1}}\nvariants: {{a: {{}}, b: {{{set}}}}}\n"
        );
        let source = Source::parse(Path::new("t.yaml"), text).unwrap();
        let run = Experiment::from_source(source).unwrap().expand(None, &[]).unwrap();
        run.warnings.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
    };
    let warning = warnings("'{seed}', '{trial.id}'", "set: {lr: 2}");
    assert!(warning.starts_with("t.yaml:3:10: variants have settings, and the"), "{warning}");
    for template in ["{args}", "--lr={lr}", "{config}", "{variant}"] {
        assert_eq!(warnings(&format!("'{template}'"), "set: {lr: 2}"), "");
    }
}

#[test]
fn a_metric_that_no_pattern_finds_is_named_where_it_is_used() {
    let warnings = |sources: &str| {
        let text = format!(
            "orch: 1\nname: t\nworker: {{command: [w], metrics: [{sources}]}}\nseeds: [0]\nvariants: {{a: {{}}, b: {{}}}}\n\
             report:\n  table: {{name: t, columns: [{{metric: test/acuracy}}]}}\n  figures:\n    - curve: {{name: l, metric: loss}}\n  \
             claims:\n    - {{claim: c, compare: a.psnr > b.psnr}}\n"
        );
        let source = Source::parse(Path::new("t.yaml"), text).unwrap();
        let run = Experiment::from_source(source).unwrap().expand(None, &[]).unwrap();
        let found = run.warnings.iter().map(ToString::to_string);
        found.map(|warning| warning.replace("\n\nhint: ", " ")).collect::<Vec<_>>()
    };
    let accuracy = "{stdout: 'acc (?<accuracy>.*)', prefix: test/}";
    let missing = "no pattern of `worker.metrics` finds a metric";
    assert_eq!(
        warnings(&format!("{accuracy}, {{stderr: '(?<step>\\d+) (?<loss>.*)'}}")),
        [
            format!("t.yaml:7:31: {missing} `test/acuracy` did you mean `test/accuracy`?"),
            format!("t.yaml:11:18: {missing} `psnr` the file has `test/accuracy`, `loss`"),
        ]
    );
    // Those of a file are not known beforehand, nor those of a worker that appends events.
    assert_eq!(warnings(&format!("{accuracy}, {{csv: log.csv}}")), [""; 0]);
    assert_eq!(warnings(""), [""; 0]);
}

#[test]
fn an_unquoted_template_gets_a_hint() {
    let text = "orch: 1\nname: t\nworker: {command: [w, {args}]}\nseeds: [0]\nvariants: {a: {}}\n";
    let source = Source::parse(Path::new("t.yaml"), text.to_owned()).unwrap();
    let error = Experiment::from_source(source).unwrap_err().to_string();
    assert!(error.contains("a word in braces needs quotes: \"{args}\""), "{error}");
}

#[test]
fn a_wrong_type_gets_an_example_and_is_not_called_missing() {
    let error = |worker: &str, seeds: &str, report: &str| {
        let text = format!(
            "orch: 1\nname: t\nworker: {{command: {worker}}}\nseeds: {seeds}\nvariants: {{a: {{}}}}\nreport: {report}\n"
        );
        let source = Source::parse(Path::new("t.yaml"), text).unwrap();
        Experiment::from_source(source).unwrap_err().to_string()
    };
    let wrong = error("python3 w.py", "0..4", "{tabel: 1}");
    assert!(
        wrong.contains("hint: write a list of words: [python3, train.py, \"{args}\"]"),
        "{wrong}"
    );
    assert!(wrong.contains("t.yaml:4:1: ") && !wrong.contains("missing field"), "{wrong}");
    for claim in
        ["ours beats theirs", "{metric: loss}", "{claim: Better., compare: {better: a, than: b}}"]
    {
        let wrong = error("[w]", "[0]", &format!("{{claims: [{claim}]}}"));
        assert!(wrong.contains("compare: ours.accuracy > baseline.accuracy}"), "{wrong}");
        assert!(!wrong.contains("needs quotes"), "{wrong}");
    }
}
