//! The bundles of the gallery are verified, wherever this repository is checked out.

use std::path::Path;

use serde_json::Value;

use crate::common::test_run::TestRun;

#[test]
fn the_bundle_of_a_script_is_verified() {
    is_verified("argparse/argparse.orch.zip");
}

#[test]
fn the_bundle_of_the_demo_is_verified() {
    is_verified("demo/table1.demo.orch.zip");
}

fn is_verified(bundle: &str) {
    let gallery = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/gallery");
    let bundle = gallery.join(bundle);
    let test = TestRun::with_file("");
    let ended = test.orch(&format!("verify {} --json", bundle.display()));
    // 3: this version draws something otherwise than the one that made the bundle, and says so.
    assert!([0, 3].contains(&ended.code), "{}", ended.stdout);
    let verified: Value = serde_json::from_str(&ended.stdout).unwrap();
    let outcome = |subject: &str| {
        let checks = verified["checks"].as_array().unwrap();
        let check = checks.iter().find(|check| check["subject"] == subject).unwrap();
        check["outcome"].as_str().unwrap().to_owned()
    };
    assert_eq!((outcome("files"), outcome("records")), ("verified".into(), "verified".into()));
}
