//! One trial of the fake worker, whose attempts a test starts, and checks of processes from outside.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use experiments::protocol::events::{Event, Line};
use experiments::protocol::trial::{
    ENV_ARTIFACTS, ENV_ATTEMPT, ENV_CHECKPOINTS, ENV_EVENTS, ENV_TRIAL, Trial,
};
use experiments::protocol::trial_id::TrialId;
use experiments::schema::resources::Resources;
use orchestrator::executor::Local;
use orchestrator::executor::holder;
use orchestrator::platform::atomic_file;
use orchestrator::run_dir::attempt::{AttemptDir, Command, Exit};
use orchestrator::run_dir::ownership::{self, AttemptStatus, Owner};
use orchestrator::slots::{ForeignProcesses, Gpu, Inventory, Lease, Request, Slots};
use serde_json::Value;

use crate::common::signals::try_signal;
use crate::common::wait::wait_for;

/// True if the process runs; a zombie does not.
pub(crate) fn is_running(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(')')
        .is_some_and(|(_, rest)| !matches!(rest.trim_start().as_bytes()[0], b'Z' | b'X'))
}

pub(crate) fn signal(pid: u32, signal: &str) {
    assert!(try_signal(pid, signal), "kill {signal} {pid}");
}

/// A trial in a folder of its own; its holders and workers are killed when dropped.
pub(crate) struct TestTrial {
    pub(crate) folder: tempfile::TempDir,
    executor: Local,
    started: Vec<AttemptDir>,
    ended: Vec<AttemptDir>,
}

impl Drop for TestTrial {
    fn drop(&mut self) {
        for attempt in &self.started {
            if let Ok(AttemptStatus::Held(Some(owner))) = ownership::attempt_status(attempt) {
                signal(owner.pid, "-KILL");
            }
            holder::end_orphans(attempt, attempt.read_command().ok().flatten().as_ref());
        }
    }
}

impl TestTrial {
    /// A trial with `config` as the fake worker's script.
    pub(crate) fn new(config: Value) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let Value::Object(config) = config else { panic!("a script is a mapping") };
        let trial = Trial {
            orch: 1,
            id: TrialId("a-s7-00000000".to_owned()),
            experiment: "test".to_owned(),
            profile: None,
            variant: "a".to_owned(),
            seed: 7,
            cpus: 1,
            config,
            checkpoints: "checkpoints".into(),
            artifacts: "artifacts".into(),
        };
        atomic_file::write_json(&folder.path().join("trial.json"), &trial).unwrap();
        fs::create_dir(folder.path().join("checkpoints")).unwrap();
        fs::create_dir(folder.path().join("artifacts")).unwrap();
        Self {
            folder,
            executor: Local::with_program(env!("CARGO_BIN_EXE_orch")),
            started: Vec::new(),
            ended: Vec::new(),
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The command of attempt `number`, with a grace period that no worker outlasts unnoticed.
    pub(crate) fn command(&self, number: u32) -> Command {
        let attempt = AttemptDir::new(self.folder.path(), number);
        let text = |path: PathBuf| path.into_os_string().into_string().unwrap();
        let env = BTreeMap::from([
            (ENV_TRIAL.to_owned(), text(self.path("trial.json"))),
            (ENV_EVENTS.to_owned(), text(attempt.events())),
            (ENV_CHECKPOINTS.to_owned(), text(self.path("checkpoints"))),
            (ENV_ARTIFACTS.to_owned(), text(self.path("artifacts"))),
            (ENV_ATTEMPT.to_owned(), number.to_string()),
        ]);
        Command {
            argv: vec![env!("CARGO_BIN_EXE_fake-worker").to_owned()],
            cwd: self.folder.path().to_owned(),
            env,
            code: None,
            grace_secs: 20.0,
            ..Command::default()
        }
    }

    /// Starts attempt `number` with `command` and `lease`.
    pub(crate) fn start_with(
        &mut self,
        number: u32,
        command: &Command,
        lease: Lease,
    ) -> AttemptDir {
        let attempt = AttemptDir::new(self.folder.path(), number);
        attempt.prepare(command).unwrap();
        self.executor.start(&attempt, lease).unwrap();
        self.started.push(attempt.clone());
        attempt
    }

    /// Starts attempt `number`.
    pub(crate) fn start(&mut self, number: u32) -> AttemptDir {
        let command = self.command(number);
        let lease = self.no_slots();
        self.start_with(number, &command, lease)
    }

    /// A lease of nothing.
    pub(crate) fn no_slots(&self) -> Lease {
        let resources = Resources { cpus: 0, ..Resources::default() };
        let nothing = Request { resources, foreign_processes: ForeignProcesses::Avoided };
        let lease = Slots::at(self.path("slots")).try_lease(&machine(0, 0), &nothing);
        lease.unwrap().expect("nothing is always free")
    }

    /// Waits until `attempt`'s holder has ended and been reaped.
    pub(crate) fn holder_ended(&mut self, attempt: &AttemptDir) {
        wait_for("the holder's end", || {
            self.ended.extend(self.executor.reap().into_iter().map(|ended| ended.attempt));
            self.ended.contains(attempt).then_some(())
        });
    }

    /// Waits for the end of `attempt` and of its holder.
    pub(crate) fn end(&mut self, attempt: &AttemptDir) -> Exit {
        self.holder_ended(attempt);
        attempt.read_exit().unwrap().expect("the holder has recorded the end")
    }

    /// The process id of the fake worker's child.
    pub(crate) fn forked_child(&self) -> u32 {
        let path = self.path("artifacts/children");
        wait_for("the forked child", || {
            fs::read_to_string(&path).ok()?.strip_suffix('\n')?.parse().ok()
        })
    }
}

/// Waits until a holder owns `attempt`.
pub(crate) fn wait_for_owner(attempt: &AttemptDir) -> Owner {
    wait_for("the owner", || match ownership::attempt_status(attempt).unwrap() {
        AttemptStatus::Held(owner) => owner,
        _ => None,
    })
}

/// The events that `attempt` has written so far.
pub(crate) fn events(attempt: &AttemptDir) -> Vec<Event> {
    let text = fs::read_to_string(attempt.events()).unwrap_or_default();
    text.lines().filter_map(|line| Line::parse(line).ok()).map(|line| line.event).collect()
}

/// The steps of the metrics that `attempt` has written so far.
pub(crate) fn steps(attempt: &AttemptDir) -> Vec<u64> {
    let step = |event| if let Event::Metrics { step, .. } = event { Some(step) } else { None };
    events(attempt).into_iter().filter_map(step).collect()
}

/// Waits until `attempt`'s worker trains, and handles SIGTERM.
pub(crate) fn wait_for_first_step(attempt: &AttemptDir) {
    wait_for("the first step", || steps(attempt).first().copied());
}

/// The inventory of a mock machine.
pub(crate) fn machine(cpus: u32, gpus: u32) -> Inventory {
    let gpus = (0..gpus).map(|i| Gpu { uuid: format!("GPU-{i}"), ..Gpu::default() }).collect();
    Inventory { cpus, gpus, ..Inventory::default() }
}
