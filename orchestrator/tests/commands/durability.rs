//! The files are the records: the database can be lost, lines can be torn, and any number of readers
//! may run at the same time.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crate::common::default_file::reference_records;
use crate::common::test_run::TestRun;

const QUICK: [(&str, &str); 1] = [("sleep_ms: 20", "sleep_ms: 0")];

/// Cuts `bytes` off the end of a file.
fn cut(path: &Path, bytes: usize) {
    let content = fs::read(path).unwrap();
    fs::write(path, &content[..content.len() - bytes]).unwrap();
}

#[test]
fn a_lost_database_is_rebuilt() {
    let test = TestRun::with(&[("sleep_ms: 20", "sleep_ms: 0, crash_at: 7, crash_attempts: 1")]);
    test.orch("run trip.yaml").expect(0, &[]);
    test.edit(&[("  b: {label: Second, set: {offset: 1}}\n", "")]);
    test.orch("run trip.yaml").expect(0, &[]);
    let (before, status) = (test.recorded(), test.json("status --all --json"));
    for name in ["orch.db", "orch.db-wal", "orch.db-shm"] {
        let _ = fs::remove_file(test.run_dir().join(name));
    }
    assert_eq!(test.json("status --all --json"), status);
    assert_eq!(test.recorded(), before);
}

#[test]
fn a_database_lost_before_it_was_closed_is_rebuilt() {
    let test = TestRun::with(&[("steps: 20", "steps: 40")]);
    let run = test.start("run trip.yaml");
    test.wait_for_step("a-s0-", 1, 7);
    test.kill_all();
    drop(run);
    let status = test.orch("status").stdout;
    assert!(status.contains("its processes are gone; `orch run` resumes it"), "{status}");
    // The write-ahead log of the lost database is still there.
    fs::remove_file(test.run_dir().join("orch.db")).unwrap();
    test.orch("run trip.yaml").expect(0, &["2 of 2 trials done"]);
    assert_eq!(test.recorded(), reference_records(&[("steps: 20", "steps: 40")]));
}

#[test]
fn a_torn_journal_line_is_ignored_and_a_complete_one_counts_without_its_line_feed() {
    for (bytes, action) in [(1, "1 to resume"), (20, "1 still running")] {
        let test = TestRun::with(&[QUICK[0], ("label: First", "label: First, set: {hang_at: 7}")]);
        let run = test.start("run trip.yaml -j 1");
        test.wait_for_step("a-s0-", 1, 6);
        test.wait_for_state("a-s0-", "running");
        run.signal("-INT");
        assert_eq!(run.end().code, 130);
        cut(&test.run_dir().join("journal.jsonl"), bytes);
        fs::remove_file(test.run_dir().join("orch.db")).unwrap();
        test.orch("run trip.yaml").expect(0, &[action, "2 of 2 trials done"]);
        assert_eq!(test.recorded(), reference_records(&QUICK));
    }
}

#[test]
fn a_torn_event_is_ignored() {
    let test = TestRun::with(&[("steps: 20", "steps: 60")]);
    let run = test.start("run trip.yaml -j 1");
    test.wait_for_step("a-s0-", 1, 8);
    test.kill_all();
    drop(run);
    cut(&test.attempt("a-s0-", 1).unwrap().events(), 9);
    test.orch("run trip.yaml").expect(0, &["2 of 2 trials done"]);
    assert_eq!(test.recorded(), reference_records(&[("steps: 20, sleep_ms: 20", "steps: 60")]));
}

#[test]
fn status_and_report_work_during_a_run() {
    let test = TestRun::with(&[("steps: 20", "steps: 100")]);
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        for arguments in ["status --json", "report --json --out one", "report --json --out two"] {
            let (test, over) = (&test, &over);
            scope.spawn(move || {
                let mut answers = 0;
                while !over.load(Ordering::SeqCst) {
                    let ended = test.orch(arguments);
                    // At first there is no run, later some results are missing.
                    let refused = ended.code == 2 && answers == 0;
                    assert!(refused || [0, 3].contains(&ended.code), "{ended:?}");
                    answers += u32::from(!refused);
                }
                assert!(answers > 0);
            });
        }
        let ended = test.orch("run trip.yaml");
        over.store(true, Ordering::SeqCst);
        ended.expect(0, &["2 of 2 trials done"]);
    });
    assert_eq!(test.recorded(), reference_records(&[("steps: 20, sleep_ms: 20", "steps: 100")]));
}

#[test]
fn readers_do_not_block_a_supervisor() {
    let test = TestRun::with(&QUICK);
    test.orch("run trip.yaml").expect(0, &[]);
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !over.load(Ordering::SeqCst) {
                    assert_eq!(test.orch("status").code, 0);
                }
            });
        }
        let ended: Vec<_> = (0..20).map(|_| test.orch("run trip.yaml")).collect();
        over.store(true, Ordering::SeqCst);
        for run in ended {
            run.expect(0, &["nothing is left to do"]);
        }
    });
}

#[test]
fn a_read_only_folder_can_be_read() {
    let test = TestRun::with(&QUICK);
    test.orch("run trip.yaml").expect(0, &[]);
    let out = tempfile::tempdir().unwrap();
    let program = out.path().join("orch");
    fs::copy(env!("CARGO_BIN_EXE_orch"), &program).unwrap();
    chmod(out.path(), 0o777);
    chmod(&test.path(""), 0o755);
    for folder in [test.run_dir(), test.run_dir().join("report")] {
        let _ = fs::create_dir(&folder);
        chmod(&folder, 0o555);
    }
    let orch_as_other_user = |arguments: &str| {
        let mut command = std::process::Command::new(&program);
        command.args(arguments.split(' ')).arg("--runs").arg(test.path("runs"));
        // Nothing is forbidden to root.
        if rustix::process::geteuid().is_root() {
            command.uid(65534).gid(65534);
        }
        command.current_dir(out.path()).output().unwrap()
    };
    let status = orch_as_other_user("status --json");
    assert!(status.status.success(), "{status:?}");
    assert!(orch_as_other_user("report --out here").status.success());
    assert!(out.path().join("here/table.md").is_file());
    let refused = orch_as_other_user("report");
    assert_eq!(refused.status.code(), Some(1));
    let stderr = String::from_utf8(refused.stderr).unwrap();
    assert!(stderr.contains("runs/trip/report"), "{stderr}");
}

fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}
