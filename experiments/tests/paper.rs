//! The settings of tables and figures on paper: the mistakes that are found before anything runs.

use std::path::Path;

use experiments::expand::Experiment;
use experiments::yaml::source::Source;

const FILE: &str = "\
orch: 1
name: toy
worker: {command: [x]}
variants:
  base: {}
seeds: [0]
report:
  table:
    name: t
    columns: [{metric: score}]
    latex: LATEX
  figures:
    - FIGURE
";

fn parse(latex: &str, figure: &str) -> Result<(), String> {
    let text = FILE.replace("LATEX", latex).replace("FIGURE", figure);
    let source = Source::parse(Path::new("toy.yaml"), text);
    let parsed = source.and_then(Experiment::from_source);
    parsed.map(|_| ()).map_err(|error| error.to_string())
}

const LATEX: &str = "{columns: [score], width: column}";
const CURVE: &str = "curve: {name: c, metric: m, KEY}";

#[test]
fn every_form_is_accepted() {
    assert_eq!(parse("{}", &CURVE.replace("KEY", "size: page")), Ok(()));
    for key in [
        "size: column",
        "size: {width: 3.25in}",
        "size: {width: 84mm, height: 6 cm}",
        "y_limits: [18, null]",
        "x_limits: [null, null]",
        "x_scale: log, x_limits: [0.1, 100]",
    ] {
        assert_eq!(parse(LATEX, &CURVE.replace("KEY", key)), Ok(()), "{key}");
    }
}

#[test]
fn a_mistake_is_named_with_a_way_out() {
    let curve = |key: &str| parse(LATEX, &CURVE.replace("KEY", key));
    for (parsed, expected, hint) in [
        (parse("{columns: [scor]}", "bars: {name: b, metric: m}"), "no column `scor`", "`score`"),
        (parse("{width: wide}", "bars: {name: b, metric: m}"), "`page` or `column`", ""),
        (
            parse(LATEX, "images: {name: i, artifact: a, items: 0}"),
            "a sheet has 1 item or more",
            "",
        ),
        (curve("size: wide"), "\"wide\" is not a size", "`{width: 84mm}`"),
        (curve("size: {width: 84}"), "is not a size", "in mm, cm, in or pt"),
        (curve("size: {width: 84mm, depth: 1mm}"), "is not a size", "`height`"),
        (curve("y_limits: [24, 18]"), "limits of an axis rise", "[18, 24]"),
        (curve("x_scale: log, x_limits: [0, 9]"), "above zero on a logarithmic", "null"),
        (
            parse(LATEX, "table: {name: p, size: {width: 84mm, height: 60mm}}"),
            "keeps its proportions",
            "width alone",
        ),
    ] {
        let error = parsed.expect_err(expected);
        assert!(error.starts_with("toy.yaml:1"), "{error}");
        assert!(error.contains(expected) && error.contains(hint), "{expected}: {error}");
    }
}
