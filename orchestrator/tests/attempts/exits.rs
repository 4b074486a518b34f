//! Attempts that end without being stopped.

use std::fs;

use experiments::protocol::events::Event;
use experiments::protocol::trial::ENV_OF_ATTEMPTS;
use orchestrator::run_dir::attempt::Outcome;
use serde_json::json;

use super::fixture::{TestTrial, events, is_running, steps};

#[test]
fn the_events_and_logs_of_a_finished_worker_are_complete() {
    let mut trial = TestTrial::new(json!({"steps": 6, "checkpoint_every": 3, "garbage": true}));
    let attempt = trial.start(1);
    let exit = trial.end(&attempt);
    assert_eq!(exit.outcome, Outcome::Exited { code: 0 });
    assert_eq!((exit.stop, exit.killed, exit.orphans), (None, false, 0));
    assert!(exit.started_ms <= exit.ended_ms);
    assert_eq!(steps(&attempt), [1, 2, 3, 4, 5, 6]);
    assert!(matches!(events(&attempt).last(), Some(Event::Result { .. })));
    assert_eq!(fs::read_to_string(attempt.stdout()).unwrap(), "garbage\n");
    assert_eq!(fs::read_to_string(attempt.stderr()).unwrap(), "more garbage\n");
    assert!(!attempt.holder_log().exists());
}

#[test]
fn exit_codes_and_signals_are_distinguished() {
    let mut trial = TestTrial::new(json!({"steps": 1, "exit": 64}));
    let attempt = trial.start(1);
    assert_eq!(trial.end(&attempt).outcome, Outcome::Exited { code: 64 });

    let mut trial = TestTrial::new(json!({"crash_at": 2}));
    let attempt = trial.start(1);
    let exit = trial.end(&attempt);
    assert_eq!(exit.outcome, Outcome::Signalled { signal: 6 });
    assert!(!exit.killed);
    assert_eq!(steps(&attempt), [1]);
}

#[test]
fn the_next_attempt_goes_on_from_the_last_checkpoint() {
    let mut trial = TestTrial::new(
        json!({"steps": 9, "checkpoint_every": 2, "crash_at": 6, "crash_attempts": 1}),
    );
    let first = trial.start(1);
    assert_eq!(trial.end(&first).outcome, Outcome::Signalled { signal: 6 });
    let second = trial.start(2);
    assert_eq!(trial.end(&second).outcome, Outcome::Exited { code: 0 });
    assert_eq!(steps(&second), [5, 6, 7, 8, 9]);
    let hello = events(&second).swap_remove(0);
    assert!(matches!(hello, Event::Hello { resumed_from: Some(4), .. }), "{hello:?}");
}

#[test]
fn a_program_that_cannot_be_started_is_named_in_the_error() {
    let cases = [
        ("no-such-worker", ".", "cannot start `no-such-worker`: no such program in PATH (`"),
        ("./worker", ".", "cannot start `./worker`: no such file relative to `"),
        ("true", "gone", "cannot start `true`: there is no working directory `"),
        ("./trial.json", ".", "cannot start `./trial.json`: Permission denied"),
    ];
    for (program, cwd, message) in cases {
        let mut trial = TestTrial::new(json!({}));
        let mut command = trial.command(1);
        command.argv = vec![program.to_owned()];
        command.cwd = trial.path(cwd);
        let lease = trial.no_slots();
        let attempt = trial.start_with(1, &command, lease);
        let Outcome::NotStarted { message: reported, .. } = trial.end(&attempt).outcome else {
            panic!("`{program}` was started");
        };
        assert!(reported.starts_with(message), "{reported}");
    }
}

#[test]
fn a_worker_that_reports_a_full_disk_last_ended_because_of_it() {
    for (words, full) in [("[Errno 28] No space left on device", true), ("no space left", false)] {
        let mut trial = TestTrial::new(json!({}));
        let mut command = trial.command(1);
        // A traceback may come after it.
        let script = format!("echo 'OSError: {words}' >&2; seq 1000 >&2; exit 1");
        command.argv = ["sh", "-c", &script].map(str::to_owned).to_vec();
        let lease = trial.no_slots();
        let attempt = trial.start_with(1, &command, lease);
        assert_eq!(trial.end(&attempt).disk_full, full, "{words}");
    }
}

#[test]
fn orphans_of_a_worker_are_ended_with_it() {
    let mut trial = TestTrial::new(json!({"steps": 1, "fork_child": true}));
    let attempt = trial.start(1);
    let exit = trial.end(&attempt);
    assert_eq!((exit.outcome, exit.orphans), (Outcome::Exited { code: 0 }, 1));
    assert!(!is_running(trial.forked_child()));
}

#[test]
fn nested_orphans_are_ended() {
    let mut trial = TestTrial::new(json!({}));
    let mut command = trial.command(1);
    let script = "setsid sh -c 'setsid sleep 1000 & setsid sh -c \"sleep 1000 & echo \\$! > pid; wait\" & wait' & \
                  while ! [ -s pid ]; do sleep 0.01; done";
    command.argv = ["sh", "-c", script].map(str::to_owned).to_vec();
    let lease = trial.no_slots();
    let attempt = trial.start_with(1, &command, lease);
    let exit = trial.end(&attempt);
    assert_eq!(exit.outcome, Outcome::Exited { code: 0 });
    assert!(exit.orphans >= 4, "{exit:?}");
    let pid = fs::read_to_string(trial.path("pid")).unwrap();
    assert!(!is_running(pid.trim().parse().unwrap()));
}

#[test]
fn the_worker_gets_the_environment_of_its_command_and_none_of_another_attempt() {
    let mut trial = TestTrial::new(json!({}));
    let mut command = trial.command(1);
    command.argv = ["sh", "-c", "env > seen; echo printed; sed -n s/SigBlk:.//p /proc/self/status"]
        .map(str::to_owned)
        .to_vec();
    command.env = [("ORCH_SEED", "7"), ("MARK", "a b")].map(|(n, v)| (n.into(), v.into())).into();
    let lease = trial.no_slots();
    let attempt = trial.start_with(1, &command, lease);
    assert_eq!(trial.end(&attempt).outcome, Outcome::Exited { code: 0 });
    let seen = fs::read_to_string(trial.path("seen")).unwrap();
    let of_attempts: Vec<_> = seen
        .lines()
        .filter(|line| line.split('=').next().is_some_and(|name| ENV_OF_ATTEMPTS.contains(&name)))
        .collect();
    assert_eq!(of_attempts, ["ORCH_SEED=7"]);
    assert!(seen.lines().any(|line| line == "MARK=a b"));
    assert!(seen.lines().any(|line| line.starts_with("PATH=")));
    assert_eq!(fs::read_to_string(attempt.stdout()).unwrap(), "printed\n0000000000000000\n");
}
