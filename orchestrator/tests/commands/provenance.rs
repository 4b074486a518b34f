//! The records of how an attempt was run, and their permissions.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use crate::common::test_run::{Ended, TestRun};

const QUICK: [(&str, &str); 1] = [("sleep_ms: 20", "sleep_ms: 0")];

/// The output of another program, without white space around it.
fn output(program: &str, argument: &str) -> String {
    let output = Command::new(program).arg(argument).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn a_report_explains_every_number() {
    let test = TestRun::new();
    assert_eq!(test.orch("run trip.yaml").code, 0);
    let one = test.json("report --explain a.psnr --json");
    assert!(!test.run_dir().join("report").exists(), "nothing is drawn");
    let value = &one["values"][0];
    let id = value["trial"].as_str().unwrap();
    let shown = test.json("show variant=a --json");
    assert_eq!(shown["id"], id);
    assert_eq!(shown["results"]["psnr"], value["value"]);
    let attempt = &one["trials"][id]["attempts"][0];
    assert_eq!(attempt["build"], shown["attempts"][0]["build"]);
    assert_eq!(attempt["ran_with"], shown["attempts"][0]["ran_with"]);
    assert!(test.run_dir().join(attempt["events"].as_str().unwrap()).is_file());
    let text = test.orch("report --explain a.psnr").stdout;
    for part in [id, one["trials"][id]["key"].as_str().unwrap(), "stdout.log"] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
    let wrong = test.orch("report --explain a.pnsr");
    assert_eq!(wrong.code, 2);
    assert!(wrong.stderr.contains("did you mean `a.psnr`?"), "{}", wrong.stderr);
    // The file has the same for all cells, and is the same every time.
    let report = || {
        assert_eq!(test.orch("report").code, 0);
        std::fs::read_to_string(test.run_dir().join("report/provenance.json")).unwrap()
    };
    let (first, second) = (report(), report());
    assert_eq!(first, second);
    let all: serde_json::Value = serde_json::from_str(&first).unwrap();
    assert_eq!(all["trials"][id], one["trials"][id]);
    assert_eq!(all["cells"]["b.psnr"].as_array().unwrap().len(), 1);
}

#[test]
fn the_provenance_of_an_attempt_is_recorded_and_shown() {
    let test =
        TestRun::with(&[QUICK[0], ("seeds: [0]", "seeds: [0]\nresources: {gpus: 1, share: 1/2}")]);
    let gpu = "gpus: [{uuid: GPU-1, name: H9, memory: 80GiB}]\ndriver: '1.2'\n";
    fs::write(test.path("gpus.yaml"), gpu).unwrap();
    let environment =
        [("ORCH_INVENTORY", "gpus.yaml"), ("MINE", "private"), ("OMP_PLACES", "sockets")];
    test.start_with("run trip.yaml -q", &environment).end().expect(0, &[]);

    let ran_with = &test.json("show a-s0 --json")["attempts"][0]["ran_with"];
    let provenance = &ran_with["provenance"];
    let worker = provenance["worker"]["path"].as_str().unwrap();
    let sha256 = output("sha256sum", worker);
    assert!(sha256.starts_with(provenance["worker"]["sha256"].as_str().unwrap()), "{sha256}");
    assert_eq!(provenance["gpus"][0]["uuid"], "GPU-1");
    assert_eq!((&provenance["driver"], &provenance["mock"]), (&"1.2".into(), &"gpus.yaml".into()));
    assert_eq!(ran_with["kernel"], output("uname", "-r"));
    let shown = test.orch("show a-s0").stdout;
    assert!(shown.contains("  GPU          GPU-1 H9 (mock)\n"), "{shown}");

    let recorded = test.attempt("a-s0-", 1).unwrap().read_env().unwrap().unwrap();
    assert_eq!(recorded.variables["OMP_PLACES"], "sockets");
    assert_eq!(recorded.variables["CUDA_VISIBLE_DEVICES"], "GPU-1");
    assert!(recorded.unrecorded.iter().any(|name| name == "MINE"));
    let files = fs::read_dir(test.attempt("a-s0-", 1).unwrap().path()).unwrap();
    for file in files.map(|entry| entry.unwrap().path()) {
        assert!(!fs::read_to_string(&file).unwrap().contains("private"), "{}", file.display());
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn the_files_of_an_attempt_are_private_whatever_the_umask() {
    let test = TestRun::with(&QUICK);
    let orch = test.command("run trip.yaml -q");
    let mut lax = Command::new("sh");
    lax.args(["-c", "umask 0; exec \"$0\" \"$@\""])
        .arg(orch.get_program())
        .args(orch.get_args())
        .current_dir(orch.get_current_dir().unwrap())
        .envs(orch.get_envs().filter_map(|(name, value)| Some((name, value?))));
    assert!(lax.status().unwrap().success());
    let attempt = test.attempt("a-s0-", 1).unwrap();
    assert_eq!(mode(attempt.path()), 0o700);
    assert_eq!([mode(&attempt.command()), mode(&attempt.env())], [0o600; 2]);
    // Files without secrets get the user's umask.
    assert_eq!(mode(&test.path("runs/trip/experiment.yaml")), 0o666);
}

#[test]
fn other_users_may_read_the_status_and_are_told_that_logs_are_private() {
    let test = TestRun::with(&[("sleep_ms: 20", "hang_at: 3")]);
    let run = test.start("run trip.yaml -q -j 1");
    test.wait_for_step("a-s0-", 1, 2);
    test.wait_for_state("a-s0-", "running");
    run.kill();
    let ended = as_another_user(&test, &["status"]);
    assert!(ended.code == 0 && ended.stdout.contains("1 queued, 1 running"), "{ended:?}");
    let ended = as_another_user(&test, &["logs", "a-s0"]);
    assert!(!ended.stderr.contains("there is no"), "{}", ended.stderr);
    ended.expect(1, &["/attempt-1/stdout.log`: Permission denied"]);
}

/// `orch` as called by another user: anyone may read the run's folder, and only its user the attempt's.
fn as_another_user(test: &TestRun, arguments: &[&str]) -> Ended {
    let out = tempfile::tempdir().unwrap();
    let program = out.path().join("orch");
    fs::copy(env!("CARGO_BIN_EXE_orch"), &program).unwrap();
    for folder in [out.path(), &test.path("")] {
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let mut orch = Command::new(&program);
    orch.args(arguments).arg("--runs").arg(test.path("runs")).current_dir(out.path());
    // Nothing is forbidden to root.
    if rustix::process::geteuid().is_root() {
        orch.uid(65534).gid(65534);
    }
    Ended::of(orch.output().unwrap())
}
