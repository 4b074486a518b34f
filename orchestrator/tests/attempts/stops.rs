//! Attempts that are stopped, and holders that are killed.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};

use orchestrator::executor::holder;
use orchestrator::run_dir::attempt::{AttemptDir, Outcome, StopSource};
use orchestrator::run_dir::ownership::{self, AttemptStatus};
use serde_json::json;

use super::fixture::{TestTrial, is_running, signal, wait_for_first_step, wait_for_owner};
use crate::common::wait::wait_for;

const CHECKPOINTED: Outcome = Outcome::Exited { code: 75 };
const KILLED: Outcome = Outcome::Signalled { signal: 9 };

/// The worker of a holder: its only child.
fn worker_of(holder: u32) -> u32 {
    let children = format!("/proc/{holder}/task/{holder}/children");
    wait_for("the worker", || fs::read_to_string(&children).ok()?.trim().parse().ok())
}

#[test]
fn a_stop_file_lets_the_worker_save_a_checkpoint() {
    let mut trial =
        TestTrial::new(json!({"steps": 1_000_000, "sleep_ms": 1, "checkpoint_every": 0}));
    let attempt = trial.start(1);
    wait_for_first_step(&attempt);
    attempt.request_stop().unwrap();
    let exit = trial.end(&attempt);
    assert_eq!((exit.outcome, exit.stop), (CHECKPOINTED, Some(StopSource::Requested)));
    assert!(!exit.killed);
    assert_eq!(fs::read_dir(trial.path("checkpoints")).unwrap().count(), 1);
}

#[test]
fn signals_to_the_holder_are_requests_to_stop() {
    for name in ["-TERM", "-INT", "-HUP", "-USR1"] {
        let mut trial = TestTrial::new(json!({"steps": 1_000_000, "sleep_ms": 1}));
        let attempt = trial.start(1);
        wait_for_first_step(&attempt);
        signal(wait_for_owner(&attempt).pid, name);
        let exit = trial.end(&attempt);
        assert_eq!(
            (exit.outcome, exit.stop),
            (CHECKPOINTED, Some(StopSource::Requested)),
            "{name}"
        );
    }
}

#[test]
fn a_stop_before_the_start_starts_nothing() {
    let mut trial = TestTrial::new(json!({}));
    let attempt = AttemptDir::new(trial.folder.path(), 1);
    fs::create_dir(attempt.path()).unwrap();
    attempt.request_stop().unwrap();
    trial.start(1);
    let exit = trial.end(&attempt);
    assert!(matches!(exit.outcome, Outcome::NotStarted { .. }), "{exit:?}");
    assert_eq!(exit.stop, Some(StopSource::Requested));
    assert!(!attempt.events().exists());
}

#[test]
fn a_worker_that_ignores_sigterm_is_killed_with_all_it_started() {
    let mut trial = TestTrial::new(
        json!({"steps": 1_000_000, "sleep_ms": 1, "ignore_term": true, "fork_child": true}),
    );
    let mut command = trial.command(1);
    command.grace_secs = 0.2;
    let lease = trial.no_slots();
    let attempt = trial.start_with(1, &command, lease);
    wait_for_first_step(&attempt);
    let child = trial.forked_child();
    assert!(is_running(child));
    attempt.request_stop().unwrap();
    let exit = trial.end(&attempt);
    assert_eq!((exit.outcome, exit.killed, exit.orphans), (KILLED, true, 1));
    assert!(!is_running(child));
}

#[test]
fn a_kill_skips_the_grace_period() {
    let mut trial = TestTrial::new(json!({"hang_at": 2, "ignore_term": true}));
    let mut command = trial.command(1);
    command.grace_secs = 1e9;
    let lease = trial.no_slots();
    let attempt = trial.start_with(1, &command, lease);
    wait_for_first_step(&attempt);
    attempt.request_kill().unwrap();
    let exit = trial.end(&attempt);
    assert_eq!((exit.outcome, exit.stop), (KILLED, Some(StopSource::Requested)));
    assert!(exit.killed);
}

#[test]
fn the_time_limit_is_a_stop() {
    let mut trial = TestTrial::new(json!({"hang_at": 2}));
    let mut command = trial.command(1);
    command.time_limit_secs = Some(0.3);
    let lease = trial.no_slots();
    let attempt = trial.start_with(1, &command, lease);
    let exit = trial.end(&attempt);
    assert_eq!((exit.outcome, exit.stop), (CHECKPOINTED, Some(StopSource::TimeLimit)));
}

#[test]
fn a_worker_killed_by_another_process_is_not_counted_as_killed_by_its_holder() {
    let mut trial = TestTrial::new(json!({"hang_at": 2}));
    let attempt = trial.start(1);
    wait_for_first_step(&attempt);
    signal(worker_of(wait_for_owner(&attempt).pid), "-KILL");
    let exit = trial.end(&attempt);
    assert_eq!((exit.outcome, exit.stop, exit.killed), (KILLED, None, false));
}

#[test]
fn the_worker_dies_with_a_killed_holder_and_the_attempt_is_lost() {
    let mut trial = TestTrial::new(json!({"hang_at": 2, "ignore_term": true}));
    let attempt = trial.start(1);
    wait_for_first_step(&attempt);
    let holder = wait_for_owner(&attempt).pid;
    let worker = worker_of(holder);
    signal(holder, "-KILL");
    trial.holder_ended(&attempt);
    wait_for("the worker's end", || (!is_running(worker)).then_some(()));
    assert!(matches!(ownership::attempt_status(&attempt).unwrap(), AttemptStatus::Lost(_)));
}

#[test]
fn a_killed_fork_server_is_replaced_and_its_holders_go_on() {
    let mut trial = TestTrial::new(json!({"hang_at": 2}));
    let first = trial.start(1);
    wait_for_first_step(&first);
    let holder = wait_for_owner(&first).pid;
    let stat = fs::read_to_string(format!("/proc/{holder}/stat")).unwrap();
    let server = stat.rsplit_once(')').unwrap().1.split_whitespace().nth(1).unwrap();
    let server = server.parse().unwrap();
    signal(server, "-KILL");
    wait_for("the server's end", || (!is_running(server)).then_some(()));
    let second = trial.start(2);
    wait_for_first_step(&second);
    assert!(is_running(holder));
    for attempt in [&first, &second] {
        attempt.request_stop().unwrap();
    }
    assert_eq!(trial.end(&second).outcome, CHECKPOINTED);
    let exit = wait_for("the first one's end", || match ownership::attempt_status(&first) {
        Ok(AttemptStatus::Ended(exit)) => Some(exit),
        _ => None,
    });
    assert_eq!(exit.outcome, CHECKPOINTED);
}

#[test]
fn orphans_of_a_killed_holder_are_found_and_ended() {
    let mut trial = TestTrial::new(json!({"hang_at": 2, "fork_child": true}));
    let mut bystanders = TestTrial::new(json!({"hang_at": 2, "fork_child": true}));
    let (attempt, other) = (trial.start(1), bystanders.start(1));
    let (child, bystander) = (trial.forked_child(), bystanders.forked_child());
    let holder = wait_for_owner(&attempt).pid;
    let worker = worker_of(holder);
    signal(holder, "-KILL");
    wait_for("the worker's end", || (!is_running(worker)).then_some(()));
    assert!(is_running(child));
    let command = attempt.read_command().unwrap();
    assert_eq!(holder::end_orphans(&attempt, command.as_ref()), 1);
    wait_for("the orphan's end", || (!is_running(child)).then_some(()));
    assert!(is_running(bystander));
    other.request_stop().unwrap();
    bystanders.end(&other);
}

/// A process that a worker starts, and that leaves all behind which is not its own: environment, session
/// and output. It writes to the attempt's events.
const HIDDEN: &str = r#"env -i setsid sh -c '
    exec > /dev/null 2>&1 < /dev/null
    echo $$ > "$2"
    while :; do echo x >> "$1"; sleep 0.01; done
' hidden "$ORCH_EVENTS" "$ORCH_ARTIFACTS/children" &
sleep 600"#;

#[test]
fn an_orphan_that_hides_is_ended_and_readers_of_its_files_are_not() {
    let mut trial = TestTrial::new(json!({}));
    let mut command = trial.command(1);
    command.argv = ["sh", "-c", HIDDEN].map(str::to_owned).into();
    let lease = trial.no_slots();
    let attempt = trial.start_with(1, &command, lease);
    let child = trial.forked_child();
    // Followed by one program, and shown by another, which keeps a hidden file open for writing.
    let follow = |name: &str, arguments: &[&str]| {
        Command::new(name).args(arguments).stdout(Stdio::null()).spawn().unwrap()
    };
    let events = attempt.events();
    let swap = attempt.path().join(".events.jsonl.swp");
    let editor = format!("exec sleep 600 3>> {}", swap.display());
    let mut readers =
        [follow("tail", &["-f", events.to_str().unwrap()]), follow("sh", &["-c", &editor])];
    wait_for("the editor", || swap.exists().then_some(()));
    signal(wait_for_owner(&attempt).pid, "-KILL");
    trial.holder_ended(&attempt);
    assert!(is_running(child));
    assert!(holder::end_orphans(&attempt, Some(&command)) > 0);
    wait_for("the orphan's end", || (!is_running(child)).then_some(()));
    for reader in &mut readers {
        assert!(reader.try_wait().unwrap().is_none(), "a reader was killed");
        reader.kill().unwrap();
        reader.wait().unwrap();
    }
}

#[test]
fn an_orphan_is_found_by_the_file_that_it_writes_to_alone() {
    let mut trial = TestTrial::new(json!({"hang_at": 2}));
    let attempt = trial.start(1);
    wait_for_first_step(&attempt);
    signal(wait_for_owner(&attempt).pid, "-KILL");
    trial.holder_ended(&attempt);
    // It has inherited nothing. The file's name is another by now.
    let moved = attempt.path().join("moved");
    fs::rename(attempt.events(), &moved).unwrap();
    let writer = format!("exec sleep 600 3>> {}", moved.display());
    let mut writer = Command::new("sh").args(["-c", &writer]).spawn().unwrap();
    wait_for("the orphan's end", || (holder::end_orphans(&attempt, None) == 1).then_some(()));
    assert_eq!(writer.wait().unwrap().signal(), Some(9));
}

#[test]
fn the_holder_has_a_session_of_its_own() {
    let mut trial = TestTrial::new(json!({"hang_at": 2}));
    let attempt = trial.start(1);
    let holder = wait_for_owner(&attempt).pid;
    let session = |pid: u32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        let (_, rest) = stat.rsplit_once(')').unwrap();
        rest.split_whitespace().nth(3).unwrap().parse::<u32>().unwrap()
    };
    assert_eq!(session(holder), holder);
    assert_ne!(session(std::process::id()), holder);
    attempt.request_stop().unwrap();
    trial.end(&attempt);
}
