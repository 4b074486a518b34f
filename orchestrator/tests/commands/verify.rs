//! `orch verify` finds and names forgeries, also those whose manifest was renewed.

use std::fs;
use std::path::{Path, PathBuf};

use crate::common::bundles::{copy, files_of, renew_manifest};
use crate::common::test_run::TestRun;

/// A bundle as a folder, and `name`, a copy of it, that `forge` has changed.
fn forged(test: &TestRun, name: &str, forge: impl FnOnce(&Path)) -> PathBuf {
    let forged = test.path(name);
    copy(&test.path("bundle"), &forged);
    forge(&forged);
    forged
}

/// The same with a new manifest.
fn forged_with_manifest(test: &TestRun, name: &str, forge: impl FnOnce(&Path)) -> PathBuf {
    forged(test, name, |bundle| {
        forge(bundle);
        renew_manifest(bundle);
    })
}

/// A file in the folder of a trial's first attempt.
fn of_attempt(bundle: &Path, trial: &str, file: &str) -> PathBuf {
    let trials = fs::read_dir(bundle.join("trials")).unwrap().map(|trial| trial.unwrap().path());
    let mut found =
        trials.filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with(trial));
    found.next().unwrap().join(file)
}

fn edit(path: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(path).unwrap();
    assert!(text.contains(from), "`{from}` is not in {text}");
    fs::write(path, text.replacen(from, to, 1)).unwrap();
}

/// Runs `orch verify`, which must find the forgery and name it.
fn found(test: &TestRun, bundle: &Path, named: &[&str]) {
    found_with(test, bundle, "", named);
}

fn found_with(test: &TestRun, bundle: &Path, options: &str, named: &[&str]) {
    let ended = test.orch(&format!("verify {} {options}", bundle.display()));
    ended.expect(5, &[]);
    for part in named {
        assert!(ended.stdout.contains(part), "no `{part}` in:\n{}", ended.stdout);
    }
}

#[test]
fn a_change_without_a_new_manifest_is_named() {
    let test = TestRun::to_bundle();
    test.bundle_folder("bundle");
    let swapped = forged(&test, "swapped", |bundle| {
        let [a, b] =
            [1, 2].map(|step| of_attempt(bundle, "a-s0", &format!("checkpoints/step-{step}")));
        let (of_a, of_b) = (fs::read(&a).unwrap(), fs::read(&b).unwrap());
        fs::write(a, of_b).unwrap();
        fs::write(b, of_a).unwrap();
    });
    found(&test, &swapped, &["checkpoints/step-1` is not as in the manifest", "step-2` is not as"]);
    let removed =
        forged(&test, "removed", |bundle| fs::remove_file(bundle.join("experiment.yaml")).unwrap());
    found(&test, &removed, &["`experiment.yaml` is in the manifest, and missing"]);
    let added = forged(&test, "added", |bundle| fs::write(bundle.join("more.txt"), "").unwrap());
    found(
        &test,
        &added,
        &["`more.txt` is not in the manifest", "`more.txt` does not belong to the run"],
    );
}

#[test]
fn forged_events_and_journals_break_their_seals() {
    let test = TestRun::to_bundle();
    test.bundle_folder("bundle");
    let events = "attempt-1/events.jsonl";
    let forge = |name: &str, named: &[&str], change: &dyn Fn(&Path)| {
        found(&test, &forged_with_manifest(&test, name, change), named);
    };
    forge(
        "event",
        &["events.jsonl` has another content", "`report/table.csv` is not as it is drawn"],
        &|bundle| {
            edit(&of_attempt(bundle, "a-s0", events), "\"psnr\":20", "\"psnr\":30");
        },
    );
    forge("point", &["events.jsonl` has "], &|bundle| {
        let path = of_attempt(bundle, "a-s0", events);
        let text = fs::read_to_string(&path).unwrap();
        let point = r#"{"event":"metrics","step":3,"values":{"loss":0.0}}"#;
        fs::write(path, format!("{text}{point}\n")).unwrap();
    });
    forge("journal", &["`journal.jsonl` is damaged at line"], &|bundle| {
        edit(&bundle.join("journal.jsonl"), "succeeded", "cancelled");
    });
    forge("journal-line", &["lines are missing at line"], &|bundle| {
        let path = bundle.join("journal.jsonl");
        let text = fs::read_to_string(&path).unwrap();
        let lines: Vec<_> = text.split_inclusive('\n').collect();
        fs::write(path, [&lines[..2], &lines[3..]].concat().concat()).unwrap();
    });
    forge("trial", &["exit.json` cannot be read"], &|bundle| {
        fs::remove_dir_all(of_attempt(bundle, "a-s1", "")).unwrap();
    });
}

#[test]
fn other_forged_files_of_a_run_are_named() {
    let test = TestRun::to_bundle();
    test.bundle_folder("bundle");
    let forge = |name: &str, named: &[&str], change: &dyn Fn(&Path)| {
        found(&test, &forged_with_manifest(&test, name, change), named);
    };
    forge("exit", &["exit.json` has another content"], &|bundle| {
        edit(
            &of_attempt(bundle, "a-s0", "attempt-1/exit.json"),
            "\"killed\": false",
            "\"killed\": true ",
        );
    });
    forge("image", &["sample.png` has "], &|bundle| {
        fs::write(of_attempt(bundle, "a-s0", "artifacts/sample.png"), "another").unwrap();
    });
    forge("file", &["`experiment.yaml` is not the one of the newest plan"], &|bundle| {
        edit(&bundle.join("experiment.yaml"), "decimals: 3", "decimals: 2");
    });
    forge("provenance", &["command.json` has another content"], &|bundle| {
        edit(&of_attempt(bundle, "a-s0", "attempt-1/command.json"), "\"gpus\": []", "\"gpus\":[ ]");
    });
    forge("second-attempt", &["attempt-7/events.jsonl` does not belong to the run"], &|bundle| {
        fs::create_dir(of_attempt(bundle, "a-s0", "attempt-7")).unwrap();
        fs::write(of_attempt(bundle, "a-s0", "attempt-7/events.jsonl"), "").unwrap();
    });
    forge("code", &["code.diff` is not among its attempt's files"], &|bundle| {
        fs::write(of_attempt(bundle, "a-s0", "attempt-1/code.diff"), "").unwrap();
    });
}

#[test]
fn every_file_of_a_forged_report_is_named() {
    let test = TestRun::to_bundle();
    let bundle = test.bundle_folder("bundle");
    let report = files_of(&bundle).into_iter().filter(|(name, _)| name.starts_with("report/"));
    let report: Vec<_> = report.collect();
    assert!(report.len() > 10, "{} files", report.len());
    for (name, content) in report {
        let forged = forged(&test, "forged", |bundle| {
            let mut content = content.clone();
            // A figure without a title has an empty caption.
            match content.iter().rposition(u8::is_ascii_alphanumeric) {
                Some(at) => content[at] ^= 1,
                None => content.push(b'x'),
            }
            fs::write(bundle.join(&name), content).unwrap();
            renew_manifest(bundle);
        });
        found(&test, &forged, &[&format!("`{name}` is not as it is drawn from the records")]);
    }
    let forged = forged(&test, "forged", |bundle| {
        fs::remove_file(bundle.join("report/claims.md")).unwrap();
        fs::write(bundle.join("report/other.md"), "").unwrap();
        renew_manifest(bundle);
    });
    found(
        &test,
        &forged,
        &["`report/claims.md` is missing", "`report/other.md` is not drawn from the records"],
    );
}

#[test]
fn another_version_explains_a_difference_and_excuses_none() {
    let test = TestRun::to_bundle();
    test.bundle_folder("bundle");
    let other = |bundle: &Path| {
        let path = bundle.join("bundle.json");
        let text = fs::read_to_string(&path).unwrap();
        let mut lines: Vec<_> = text.lines().collect();
        let at = lines.iter().position(|line| line.contains("\"orch\"")).unwrap();
        lines[at] = "  \"orch\": \"0.0.1\",";
        fs::write(path, lines.join("\n") + "\n").unwrap();
        renew_manifest(bundle);
    };
    let same = forged(&test, "same", other);
    test.orch(&format!("verify {}", same.display())).expect(0, &[]);
    let drawn = forged(&test, "drawn", |bundle| {
        edit(&bundle.join("report/table.md"), "20.", "30.");
        other(bundle);
    });
    let ended = test.orch(&format!("verify {}", drawn.display()));
    ended.expect(3, &[]);
    for part in
        ["`report/table.md` is not as it is drawn", "orch 0.0.1 made the bundle", "NOT VERIFIED"]
    {
        assert!(ended.stdout.contains(part), "{}", ended.stdout);
    }
}

#[test]
fn a_forgery_of_work_that_counts_for_nothing_is_named_as_such() {
    let test = TestRun::to_bundle();
    test.bundle_folder("bundle");
    // The first attempt of this trial failed, and the second began anew.
    let forged = forged(&test, "forged", |bundle| {
        edit(&of_attempt(bundle, "b-s0", "attempt-1/events.jsonl"), "\"loss\":0.1", "\"loss\":0.2");
        renew_manifest(bundle);
    });
    let ended = test.orch(&format!("verify {}", forged.display()));
    ended.expect(3, &[]);
    assert!(ended.stdout.contains("its attempt counts for no number"), "{}", ended.stdout);
}

#[test]
fn nothing_is_written_beside_the_bundle() {
    let test = TestRun::to_bundle();
    test.orch("bundle -o alone/trip.zip").expect(1, &[]);
    fs::create_dir(test.path("alone")).unwrap();
    test.orch("bundle -o alone/trip.zip").expect(0, &[]);
    let bundle = test.bundle_folder("alone/folder");
    let before = files_of(&bundle);
    for bundle in ["alone/trip.zip", "alone/folder"] {
        let ended = test.orch(&format!("verify {bundle} --json"));
        ended.expect(0, &[]);
        let json: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
        assert_eq!((&json["schema"], &json["run"]), (&1.into(), &"trip".into()));
        let checks = json["checks"].as_array().unwrap();
        for check in checks {
            let expected =
                if check["subject"] == "unsealed" { "manifest-only" } else { "verified" };
            assert_eq!(check["outcome"], expected, "{json}");
        }
    }
    assert_eq!(files_of(&bundle), before);
    assert_eq!(fs::read_dir(test.path("alone")).unwrap().count(), 2);
    test.orch("verify missing.zip").expect(2, &["there is no bundle `missing.zip`"]);
}

/// A new pair of keys of minisign in the files `name` and `name.pub`; the public one in base64.
fn new_keys(test: &TestRun, name: &str) -> String {
    let pair = minisign::KeyPair::generate_unencrypted_keypair().unwrap();
    fs::write(test.path(name), pair.sk.to_box(None).unwrap().to_string()).unwrap();
    fs::write(test.path(format!("{name}.pub")), pair.pk.to_box().unwrap().to_string()).unwrap();
    pair.pk.to_base64()
}

#[test]
fn a_signed_bundle_is_verified_by_its_key_alone() {
    let test = TestRun::to_bundle();
    let key = new_keys(&test, "own");
    new_keys(&test, "other");
    test.orch("bundle -o bundle --logs --sign own").expect(0, &[]);
    test.orch("bundle -o signed.zip --sign own").expect(0, &[]);
    for bundle in ["bundle", "signed.zip"] {
        test.orch(&format!("verify {bundle} --key own.pub")).expect(0, &[]);
        test.orch(&format!("verify {bundle} --key {key}")).expect(0, &[]);
        test.orch(&format!("verify {bundle}")).expect(3, &[]);
        test.orch(&format!("verify {bundle} --key other.pub")).expect(5, &[]);
    }
    let read = |name: &str| fs::read_to_string(test.path("bundle").join(name)).unwrap();
    let signature = minisign_verify::Signature::decode(&read("manifest.sha256.minisig")).unwrap();
    let public = minisign_verify::PublicKey::from_base64(&key).unwrap();
    public.verify(read("manifest.sha256").as_bytes(), &signature, false).unwrap();

    // No record vouches for a log: only the signature finds that it was exchanged with a new manifest.
    let log = forged_with_manifest(&test, "log", |bundle| {
        fs::write(of_attempt(bundle, "a-s0", "attempt-1/stdout.log"), "another").unwrap();
    });
    let ended = test.orch(&format!("verify {} --key own.pub", log.display()));
    ended.expect(5, &[]);
    assert!(ended.stdout.contains("signature  DIFFERS"), "{}", ended.stdout);
    let unsigned = forged(&test, "unsigned", |bundle| {
        fs::remove_file(bundle.join("manifest.sha256.minisig")).unwrap();
    });
    test.orch(&format!("verify {}", unsigned.display())).expect(0, &[]);
    found_with(&test, &unsigned, "--key own.pub", &["the bundle is not signed"]);
    test.orch("bundle -o none.zip --sign own.pub").expect(2, &["cannot use the key `own.pub`"]);
    test.orch("verify signed.zip --key no-key").expect(2, &["cannot use the key `no-key`"]);
}
