//! Runs a trial: steps, metrics, checkpoints and the misbehaviour that the script asks for.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use experiments::protocol::events::{Event, Line, PROTOCOL};
use experiments::protocol::exit;
use experiments::protocol::number::Number;
use experiments::protocol::trial::{
    ENV_ARTIFACTS, ENV_ATTEMPT, ENV_CHECKPOINTS, ENV_EVENTS, ENV_TRIAL, Trial,
};
use orchestrator::platform::atomic_file;
use orchestrator::platform::clock;

use crate::script::Script;

struct Worker {
    script: Script,
    seed: u64,
    attempt: u64,
    events: fs::File,
    checkpoints: PathBuf,
    artifacts: PathBuf,
    stop: Arc<AtomicBool>,
}

pub(crate) fn run() -> ExitCode {
    let mut worker = Worker::from_environment();
    atomic_file::clean_up(&worker.checkpoints).expect("there is a folder for checkpoints");
    let resumed_from = worker.last_checkpoint();
    worker.hello(resumed_from);
    if worker.script.garbage {
        worker.emit_garbage();
    }
    if worker.script.fork_child {
        worker.fork_child(&["setsid"]);
    }
    if worker.script.fork_sibling {
        worker.fork_child(&[]);
    }
    for step in resumed_from.unwrap_or(0) + 1..=worker.script.steps {
        worker.step(step);
        if worker.stop.load(Ordering::SeqCst) && !worker.script.ignore_term {
            worker.checkpoint(step);
            return ExitCode::from(exit::WORKER_STOPPED as u8);
        }
        if worker.script.checkpoint_every > 0 && step % worker.script.checkpoint_every == 0 {
            worker.checkpoint(step);
        }
    }
    worker.finish()
}

impl Worker {
    fn from_environment() -> Self {
        let path = |name| PathBuf::from(std::env::var_os(name).unwrap_or_else(|| panic!("{name}")));
        let trial = Trial::read(&path(ENV_TRIAL)).expect("the trial can be read");
        let stop = Arc::new(AtomicBool::new(false));
        signal_hook::flag::register(signal_hook::consts::SIGTERM, Arc::clone(&stop))
            .expect("SIGTERM can be caught");
        let events = OpenOptions::new().append(true).create(true).open(path(ENV_EVENTS));
        let attempt = std::env::var(ENV_ATTEMPT).ok().and_then(|n| n.parse().ok());
        Self {
            script: serde_json::from_value(trial.config.into()).expect("the config is a script"),
            seed: trial.seed,
            attempt: attempt.expect("a number"),
            events: events.expect("events can be appended"),
            checkpoints: path(ENV_CHECKPOINTS),
            artifacts: path(ENV_ARTIFACTS),
            stop,
        }
    }

    fn emit(&mut self, event: Event) {
        let time = Some(clock::now_ms() as f64 / 1e3);
        let line = Line { time, event }.to_json() + "\n";
        self.events.write_all(line.as_bytes()).expect("events can be appended");
    }

    fn hello(&mut self, resumed_from: Option<u64>) {
        self.emit(Event::Hello {
            protocol: PROTOCOL,
            program: "fake-worker".to_owned(),
            build: Some(crate::build()),
            device: None,
            resumed_from,
            deterministic: self.script.deterministic,
            metrics: BTreeMap::new(),
        });
    }

    fn step(&mut self, step: u64) {
        thread::sleep(Duration::from_millis(self.script.sleep_ms));
        if step == self.script.crash_at && self.attempt <= self.script.crash_attempts {
            std::process::abort();
        }
        while step == self.script.hang_at && (self.script.ignore_term || !self.stopping()) {
            thread::sleep(Duration::from_millis(5));
        }
        if let Some(file) = self.script.wait_for.as_ref().filter(|_| step == self.script.steps) {
            while !file.exists() && !self.stopping() {
                thread::sleep(Duration::from_millis(5));
            }
        }
        let loss = if step == self.script.nan_at { f64::NAN } else { self.value(step) };
        let values = BTreeMap::from([("loss".to_owned(), Number(loss))]);
        self.emit(Event::Metrics { step, item: None, values });
        self.emit(Event::Progress { phase: "train".to_owned(), step, of: self.script.steps });
    }

    fn stopping(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }

    /// Falls with the step; the same for the same seed and step, whichever attempt reaches it.
    fn value(&self, step: u64) -> f64 {
        let mixed = (self.seed << 32 ^ step).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let noise = (mixed >> 40) as f64 / f64::from(1 << 24);
        self.script.offset + (1.0 + noise) / step as f64
    }

    fn checkpoint(&mut self, step: u64) {
        let name = format!("{step:08}.json");
        // A checkpoint must not outlive the events before it in a power cut.
        self.events.sync_data().expect("events can be synced");
        atomic_file::write_json(&self.checkpoints.join(&name), &step)
            .expect("checkpoints can be saved");
        let folder = self.checkpoints.file_name().expect("a folder of the trial").to_string_lossy();
        self.emit(Event::Checkpoint { step, path: format!("{folder}/{name}"), hash: None });
    }

    fn last_checkpoint(&self) -> Option<u64> {
        let names = fs::read_dir(&self.checkpoints).expect("there is a folder for checkpoints");
        let step = |name: String| name.strip_suffix(".json")?.parse().ok();
        names.filter_map(|e| step(e.ok()?.file_name().into_string().ok()?)).max()
    }

    fn emit_garbage(&mut self) {
        let garbage = "Epoch 1/10\n{\"event\":\"sneeze\"}\n{\"event\":\n";
        self.events.write_all(garbage.as_bytes()).expect("events can be appended");
        std::io::stdout().write_all(b"garbage\n").expect("there is a log");
        std::io::stderr().write_all(b"more garbage\n").expect("there is a log");
    }

    /// Starts a process that ignores SIGTERM, by `launcher` if there is one.
    fn fork_child(&self, launcher: &[&str]) {
        let ignores_term = ["sh", "-c", "trap '' TERM; exec sleep 1000"];
        let words = [launcher, &ignores_term].concat();
        let child = Command::new(words[0]).args(&words[1..]).stdin(Stdio::null()).spawn();
        let child = child.expect("there are `setsid` and `sh`").id();
        let path = self.artifacts.join("children");
        let mut file = OpenOptions::new().append(true).create(true).open(path).expect("a file");
        writeln!(file, "{child}").expect("a line");
    }

    fn finish(mut self) -> ExitCode {
        if let Some(failure) = self.script.fail.take() {
            self.emit(Event::Failed { class: failure.class.into(), message: failure.message });
            return ExitCode::FAILURE;
        }
        if self.script.exit != 0 {
            return ExitCode::from(self.script.exit);
        }
        let values = [("psnr", 20.0 + self.value(self.script.steps)), ("seed", self.seed as f64)];
        let values = values.map(|(name, value)| (name.to_owned(), Number(value)));
        self.emit(Event::Result { values: values.into() });
        ExitCode::from(exit::WORKER_DONE as u8)
    }
}
