//! Help texts and plans, as snapshots.

use crate::common::test_run::TestRun;

#[test]
fn help_and_plans_read_well() {
    let test = TestRun::with(&[(
        "seeds: [0]",
        "seeds: [0, 1]
profiles:
  demo: {description: Two cores and no patience., seeds: [0]}
  paper: {config: {steps: 1000}}",
    )]);
    for (name, arguments) in [
        ("help", "--help"),
        ("init-help", "init --help"),
        ("validate-help", "validate --help"),
        ("schema-help", "schema --help"),
        ("run-help", "run --help"),
        ("attach-help", "attach --help"),
        ("wait-help", "wait --help"),
        ("status-help", "status --help"),
        ("serve-help", "serve --help"),
        ("mcp-help", "mcp --help"),
        ("show-help", "show --help"),
        ("diff-help", "diff --help"),
        ("logs-help", "logs --help"),
        ("why-help", "why --help"),
        ("stop-help", "stop --help"),
        ("retry-help", "retry --help"),
        ("gc-help", "gc --help"),
        ("ls-help", "ls --help"),
        ("rm-help", "rm --help"),
        ("completions-help", "completions --help"),
        ("doctor-help", "doctor --help"),
        ("db-help", "db --help"),
        ("report-help", "report --help"),
        ("compare-help", "compare --help"),
        ("query-help", "query --help"),
        ("export-help", "export --help"),
        ("bundle-help", "bundle --help"),
        ("verify-help", "verify --help"),
        ("plan", "run trip.yaml -n"),
        ("plan-of-a-profile", "run trip.yaml -n -p paper --only b"),
    ] {
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
fn every_verb_has_help_and_no_verb_is_an_error() {
    let test = TestRun::new();
    test.orch("").expect(2, &["Usage: orch"]);
    assert!(test.orch("--version").stdout.starts_with("orch "));
    test.orch("rum").expect(2, &["'rum'", "tip: a similar subcommand exists: 'run'"]);
}
