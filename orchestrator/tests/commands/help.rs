//! Plans as snapshots, and the help of wrong command lines.

use crate::common::test_run::TestRun;

#[test]
fn plans_read_well() {
    let test = TestRun::with(&[(
        "seeds: [0]",
        "seeds: [0, 1]
profiles:
  demo: {description: Two cores and no patience., seeds: [0]}
  paper: {config: {steps: 1000}}",
    )]);
    for (name, arguments) in
        [("plan", "run trip.yaml -n"), ("plan-of-a-profile", "run trip.yaml -n -p paper --only b")]
    {
        let ended = test.orch(arguments);
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        let text = format!("{}---\n{}", ended.stderr, ended.stdout);
        let folder = test.path("");
        let text = text.replace(folder.to_str().unwrap().trim_end_matches('/'), "/lab");
        insta::with_settings!({filters => vec![("-[0-9a-f]{8}\\b", "-HASH"), ("[0-9.]+ [KMGT]iB are free", "SPACE are free")]}, {
            insta::assert_snapshot!(name, text);
        });
    }
}

#[test]
fn no_verb_or_a_wrong_one_is_an_error() {
    let test = TestRun::new();
    test.orch("").expect(2, &["Usage: orch"]);
    assert!(test.orch("--version").stdout.starts_with("orch "));
    test.orch("rum").expect(2, &["'rum'", "tip: a similar subcommand exists: 'run'"]);
}
