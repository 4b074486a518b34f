//! `report.design`: the mistakes that are found before anything runs.

use std::path::Path;

use experiments::expand::Experiment;
use experiments::yaml::source::Source;

const FILE: &str = "\
orch: 1
name: toy
worker: {command: [x]}
variants:
  base: {}
  wide: {}
seeds: [0]
report:
  claims: [{claim: C., compare: base.score < wide.score}]
  design:
    DESIGN
";

fn parse(design: &str) -> Result<(), String> {
    parse_file(FILE.replace("DESIGN", design))
}

fn parse_file(text: String) -> Result<(), String> {
    let source = Source::parse(Path::new("toy.yaml"), text);
    let parsed = source.and_then(Experiment::from_source);
    parsed.map(|_| ()).map_err(|error| error.to_string())
}

#[test]
fn every_form_is_accepted() {
    for design in [
        "seeds: {first: 3, most: 20}",
        "looks: [3, 5, 8]",
        "method: anytime",
        "{alpha: 0.01, method: group-sequential, looks: [4], family: each, margin: {score: 0.1}}",
    ] {
        assert_eq!(parse(design), Ok(()), "{design}");
    }
}

#[test]
fn a_mistake_is_named_with_its_position_and_a_way_out() {
    for (design, position, expected, hint) in [
        ("alpha: 0.05", "10:3", "needs the numbers of seeds", "seeds: {first: 3, most: 20}"),
        ("{looks: [3], alpha: 5}", "11:18", "an error rate of 5 is not between", "alpha: 0.05"),
        ("{looks: [2, 4]}", "11:14", "the first look is after 2 seeds", "use 3 or more"),
        ("{looks: [3, 8, 8]}", "11:20", "a look after 8 seeds follows", "rising order"),
        ("{looks: [3], seeds: {first: 3, most: 5}}", "11:18", "both say when", "leave out one"),
        ("seeds: {first: 2, most: 5}", "11:13", "the first look is after 2", "use 3 or more"),
        ("seeds: {first: 5, most: 4}", "11:23", "`most` is 4, below `first`, 5", "more seeds"),
        (
            "seeds: {first: 3, most: 201}",
            "11:23",
            "the last look is after 201",
            "200 seeds at most",
        ),
        ("{looks: [3, 900]}", "11:17", "a look is after 900 seeds", "200 seeds at most"),
        ("{method: anytime, looks: [3]}", "11:23", "takes no `looks`", "leave out `looks`"),
        ("{looks: [3], margin: {scor: 1}}", "11:27", "no claimed metric `scor`", "`score`"),
        (
            "{looks: [3], margin: {score: 0}}",
            "11:27",
            "a margin of 0 is not",
            "smallest difference",
        ),
        ("{looks: [3], family: all}", "11:18", "`family` is `claims` or `each`", ""),
    ] {
        let error = parse(design).expect_err(design);
        let start = format!("toy.yaml:{position}: ");
        assert!(error.starts_with(&start) && error.contains(expected), "{design}: {error}");
        assert!(error.contains(hint), "{design}: {error}");
    }
    let without_claims =
        FILE.replace("claims: [{claim: C., compare: base.score < wide.score}]", "claims: []");
    let error = parse_file(without_claims.replace("DESIGN", "looks: [3]")).unwrap_err();
    assert!(error.starts_with("toy.yaml:10:3: there are no claims to judge"), "{error}");
}

#[test]
fn a_figure_of_a_sequence_needs_a_design_and_its_claim() {
    let with = |design: &str, claim: &str| {
        let figure = format!("  figures: [sequence: {{name: f, claim: {claim}}}]\n");
        parse_file(FILE.replace("  design:\n    DESIGN\n", &(figure + design)))
    };
    let design = "  design: {method: anytime}\n";
    assert_eq!(with(design, "base.score < wide.score"), Ok(()));
    let error = with("", "base.score < wide.score").unwrap_err();
    assert!(error.contains("10:13: there is no design"), "{error}");
    let error = with(design, "base.score > wide.score").unwrap_err();
    assert!(error.contains("there is no claim `base.score > wide.score`"), "{error}");
    assert!(error.contains("did you mean `base.score < wide.score`?"), "{error}");
}
