//! `orch serve`: its pages.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::common::server::Server;
use crate::common::test_run::TestRun;

/// Fast trials of two variants and two seeds.
pub(super) const QUICK: [(&str, &str); 2] =
    [("sleep_ms: 20", "sleep_ms: 0"), ("seeds: [0]", "seeds: [0, 1]")];

/// The page of the run once its report has been drawn.
fn run_page(server: &Server) -> String {
    server.wait_for_page("/runs/trip/", "the report", |page| !page.contains("is being drawn"))
}

/// The addresses that a page links to.
pub(super) fn links(page: &str) -> Vec<&str> {
    page.split("href=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect()
}

#[test]
fn a_run_has_its_progress_matrix_table_claims_and_curves() {
    let test = TestRun::with(&QUICK);
    test.edit(&[(
        "  figures:",
        "  claims: [{claim: b is better, compare: b.psnr > a.psnr}]\n  figures:",
    )]);
    test.orch("run trip.yaml -q").expect(0, &[]);
    let report = test.orch("report");
    let server = test.serve("");
    let runs = server.get("/");
    assert!(links(&runs).contains(&"/runs/trip/") && runs.contains("4/4"), "{runs}");
    let page = run_page(&server);
    assert!(page.contains("4 of 4 trials have succeeded"), "{page}");
    // Every cell of the matrix leads to its trial.
    let trials: Vec<_> = fs::read_dir(test.run_dir().join("trials")).unwrap().collect();
    for trial in &trials {
        let id = trial.as_ref().unwrap().file_name().into_string().unwrap();
        let address = format!("/runs/trip/trials/{id}/");
        assert!(links(&page).contains(&address.as_str()), "{address}");
        assert!(server.get(&address).contains(&id));
    }
    assert_eq!(trials.len(), 4);
    // The same numbers and verdicts as in the report for a terminal.
    let row = report.stdout.lines().find(|line| line.starts_with("Second")).unwrap();
    let value = row.split_whitespace().find(|word| word.contains('.')).unwrap();
    let number = value.trim_end_matches(|c: char| !c.is_ascii_digit());
    assert!(page.contains(number), "`{number}` of `{row}` is not in {page}");
    assert!(page.contains("b is better") && page.contains("<svg role=\"img\""), "{page}");
    // Lists of trials, which the legend leads to.
    let list = links(&page).into_iter().find(|link| link.contains("state=succeeded")).unwrap();
    assert!(server.get(&list.replace("&amp;", "&")).contains("4 of 4 trials"));
    assert!(server.get("/runs/trip/trials?state=failed").contains("0 of 4 trials"));
}

#[test]
fn a_trial_has_its_config_against_the_baseline_attempts_curves_and_logs() {
    let test = TestRun::with(&[("sleep_ms: 20", "crash_at: 7, crash_attempts: 1, garbage: true")]);
    test.orch("run trip.yaml -q").expect(0, &[]);
    let server = test.serve("");
    let id = |name: &str| {
        let folder = test.trial(name).unwrap();
        folder.file_name().unwrap().to_str().unwrap().to_owned()
    };
    let page = server.get(&format!("/runs/trip/trials/{}/", id("b-s0")));
    let (differs, same) = page.split_once("Everything else").unwrap();
    let row =
        "<th scope=\"row\">offset</th><td class=\"value\">1.0</td><td class=\"value\">0.0</td>";
    assert!(differs.contains(row), "{differs}");
    assert!(same.contains(">steps</th>") && !differs.contains(">steps</th>"), "{page}");
    assert!(page.contains("signal 6") && page.contains("<svg role=\"img\""), "{page}");
    let psnr = test.recorded().results["b-s0"]["psnr"];
    assert!(page.contains(&psnr.to_string()), "{page}");
    // The end of what the worker printed.
    let log = fs::read_to_string(test.attempt("b-s0", 2).unwrap().stderr()).unwrap();
    assert!(!log.is_empty());
    for line in log.lines() {
        assert!(page.contains(line), "no `{line}` in {page}");
    }
    // The baseline is compared with nothing.
    let baseline = server.get(&format!("/runs/trip/trials/{}/", id("a-s0")));
    assert!(!baseline.contains("differs in"), "{baseline}");
    let missing = server.get_with("/runs/trip/trials/a-s9-00000000/", "");
    assert_eq!(missing.status, 404);
    let without_slash = server.get_with("/runs/trip/trials/a-s9-00000000", "");
    assert_eq!(without_slash.status, 308);
}

#[test]
fn a_run_that_goes_on_is_shown_and_not_held_up() {
    let test = TestRun::new().gated();
    let run = test.start("run trip.yaml -q");
    test.wait_for_step("a-s0", 1, 10);
    let server = test.serve("");
    server.wait_for_page("/runs/trip/", "a trial that runs", |page| {
        page.contains("seed 0: running") && page.contains("Running")
    });
    server.wait_for_page("/runs/trip/", "a curve that grows", |page| {
        page.contains("<svg role=\"img\"")
    });
    server.wait_for_page("/runs/trip/", "the time left", |page| {
        page.contains("elapsed, about ") && page.contains("<td>about ")
    });
    assert!(server.get("/").contains("▶ running"));
    let cores = server.wait_for_page("/", "held cores", |page| page.contains("attempt-1"));
    assert!(cores.contains("of 1 core") || cores.contains("CPU cores are held"), "{cores}");
    test.open_gate();
    assert_eq!(run.end().code, 0);
    server.wait_for_page("/runs/trip/", "the end", |page| {
        page.contains("2 of 2 trials have succeeded") && page.contains("✓ done")
    });
}

#[test]
fn nothing_of_a_run_is_changed_by_looking_at_it() {
    let test = TestRun::with(&QUICK);
    test.orch("run trip.yaml -q").expect(0, &[]);
    test.orch("status").expect(0, &[]);
    let files = || -> BTreeMap<_, Vec<u8>> {
        let mut files = BTreeMap::new();
        read_all(&test.run_dir(), &mut files);
        // SQLite's own, for readers.
        files.retain(|path, _| !path.ends_with("-shm") && !path.ends_with("-wal"));
        files
    };
    let before = files();
    let server = test.serve("");
    run_page(&server);
    for trial in fs::read_dir(test.run_dir().join("trials")).unwrap() {
        let id = trial.unwrap().file_name().into_string().unwrap();
        server.get(&format!("/runs/trip/trials/{id}/"));
    }
    server.get("/metrics");
    drop(server);
    assert_eq!(before, files());
}

fn read_all(folder: &Path, files: &mut BTreeMap<String, Vec<u8>>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read_all(&path, files);
        } else {
            files.insert(path.to_str().unwrap().to_owned(), fs::read(&path).unwrap());
        }
    }
}

#[test]
fn damaged_records_are_named_and_not_drawn() {
    let test = TestRun::with(&QUICK);
    test.orch("run trip.yaml -q").expect(0, &[]);
    let events = test.attempt("b-s1", 1).unwrap().events();
    let text = fs::read_to_string(&events).unwrap();
    fs::write(&events, text.replace("psnr", "psnx")).unwrap();
    let server = test.serve("");
    let page = run_page(&server);
    assert!(page.contains("Records are damaged.") && page.contains("events.jsonl"), "{page}");
    assert!(!page.contains("<svg role=\"img\"") && !page.contains("class=\"results\""), "{page}");
    assert!(server.get("/").contains("! damaged"));
}

#[test]
fn metrics_count_trials_by_state_and_have_no_label_of_a_trial() {
    let test = TestRun::with(&QUICK);
    test.edit(&[(
        "b: {label: Second, set: {offset: 1}}",
        "b: {label: Second, set: {offset: 1, crash_at: 3}}",
    )]);
    test.orch("run trip.yaml -q").expect(1, &[]);
    let server = test.serve("");
    let answer = server.get_with("/metrics", "");
    assert!(
        answer.headers["content-type"].starts_with("application/openmetrics-text; version=1.0.0")
    );
    let text = answer.text();
    let value = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(&format!("{name} ")));
        line.unwrap_or_else(|| panic!("no {name} in {text}"))
    };
    assert_eq!(value("orch_trials{run=\"trip\",state=\"succeeded\"}"), "2.0");
    assert_eq!(value("orch_trials{run=\"trip\",state=\"failed\"}"), "2.0");
    assert_eq!(value("orch_trials{run=\"trip\",state=\"running\"}"), "0.0");
    assert_eq!(value("orch_run_supervised{run=\"trip\"}"), "0.0");
    assert_eq!(value("orch_ingest_lag_bytes{run=\"trip\"}"), "0.0");
    assert!(value("orch_slots{kind=\"cpu\"}").parse::<f64>().unwrap() >= 1.0);
    assert!(!text.contains("a-s0") && text.ends_with("# EOF\n"), "{text}");
}

#[test]
fn a_port_that_is_taken_is_an_error_and_a_signal_ends_the_server() {
    let test = TestRun::new();
    let server = test.serve("");
    assert!(server.get("/").contains("Nothing has been run in"));
    let second = test.orch(&format!("serve --bind {}", server.address));
    second.expect(
        2,
        &["cannot listen at 127.0.0.1:", "hint: `--bind 127.0.0.1:0` takes a free port"],
    );
    let mut other = test.serve("");
    assert_eq!(other.interrupt(), Some(0));
}
