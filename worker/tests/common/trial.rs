//! A trial's folder, and attempts at it by the real program.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use experiments::protocol::events::{Event, Line};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Longer than any trial here takes on a busy machine.
const PATIENCE: Duration = Duration::from_mins(2);

pub(crate) struct TrialFolder {
    folder: TempDir,
    /// Attempts see no GPU.
    hides_gpus: bool,
}

impl TrialFolder {
    pub(crate) fn new(config: &Value) -> Self {
        let folder = TempDir::new().unwrap();
        let trial = json!({
            "orch": 1, "id": "cos-s3-0", "experiment": "test", "profile": null, "variant": "cos",
            "seed": 3, "cpus": 1, "config": config,
            "checkpoints": "checkpoints", "artifacts": "artifacts",
        });
        std::fs::write(folder.path().join("trial.json"), trial.to_string()).unwrap();
        Self { folder, hides_gpus: config["device"] != "cuda" }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Starts an attempt that writes its events to the file `attempt`.
    pub(crate) fn start(&self, attempt: &str) -> Child {
        self.start_with(attempt, &self.path("cache"))
    }

    /// The same with prepared images in `cache`.
    pub(crate) fn start_with(&self, attempt: &str, cache: &Path) -> Child {
        self.start_below(Command::new("env"), attempt, cache)
    }

    /// The same, by a program that takes the attempt's command as its last arguments.
    pub(crate) fn start_below(&self, mut starter: Command, attempt: &str, cache: &Path) -> Child {
        if self.hides_gpus {
            starter.env("CUDA_VISIBLE_DEVICES", "");
        }
        starter
            .args([env!("CARGO_BIN_EXE_orch-worker"), "train"])
            .env("ORCH_CACHE", cache)
            .env("ORCH_TRIAL", self.path("trial.json"))
            .env("ORCH_EVENTS", self.path(attempt))
            .env_remove("ORCH_CHECKPOINTS")
            .env_remove("ORCH_ARTIFACTS")
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    }

    /// Carries an attempt to its end; its exit code and events.
    pub(crate) fn finish(&self, attempt: &str) -> (i32, Vec<Event>) {
        let status = self.start(attempt).wait().unwrap();
        (status.code().unwrap(), self.events(attempt))
    }

    /// The whole lines so far.
    pub(crate) fn events(&self, attempt: &str) -> Vec<Event> {
        let text = std::fs::read_to_string(self.path(attempt)).unwrap_or_default();
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        whole.lines().map(|line| Line::parse(line).unwrap().event).collect()
    }

    /// Waits until an attempt has written an event that `is_wanted` accepts.
    pub(crate) fn wait_for(&self, attempt: &str, is_wanted: impl Fn(&Event) -> bool) {
        wait_until(|| self.events(attempt).iter().any(&is_wanted));
    }

    pub(crate) fn checkpoints(&self) -> Vec<PathBuf> {
        worker::checkpoint::list(&self.path("checkpoints")).unwrap()
    }
}

/// Asks an attempt to stop.
pub(crate) fn terminate(child: &Child) {
    let status = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert!(status.success());
}

/// Polls until the condition holds; fails after [`PATIENCE`].
pub(crate) fn wait_until(is_there: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_there() {
        assert!(start.elapsed() < PATIENCE, "timed out after {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Every point, keyed as the store keys it, without the pace, which is the clock's.
pub(crate) fn points(events: &[Event]) -> BTreeMap<(u64, Option<String>, String), u64> {
    let mut points = BTreeMap::new();
    for event in events {
        if let Event::Metrics { step, item, values } = event {
            for (name, value) in values.iter().filter(|(name, _)| *name != "train/it_per_second") {
                points.insert((*step, item.clone(), name.clone()), value.0.to_bits());
            }
        }
    }
    points
}

/// The points that a view shows of several attempts.
pub(crate) fn visible(attempts: &[Vec<Event>]) -> BTreeMap<(u64, Option<String>, String), u64> {
    let mut shown = BTreeMap::new();
    for events in attempts {
        let resumed = events.iter().find_map(|event| match event {
            Event::Hello { resumed_from, .. } => Some(*resumed_from),
            _ => None,
        });
        let resumed = resumed.expect("an attempt begins with hello");
        shown.retain(|(step, _, _), _| resumed.is_some_and(|resumed| *step <= resumed));
        shown.extend(points(events));
    }
    shown
}

/// The values of the trial's result.
pub(crate) fn result(events: &[Event]) -> BTreeMap<String, f64> {
    let values = events.iter().find_map(|event| match event {
        Event::Result { values } => Some(values),
        _ => None,
    });
    values.unwrap().iter().map(|(name, value)| (name.clone(), value.0)).collect()
}

/// The checkpoint's tensors, bit by bit.
pub(crate) fn weights(path: &Path) -> BTreeMap<String, Vec<u8>> {
    let bytes = std::fs::read(path).unwrap();
    let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    file.tensors().into_iter().map(|(name, view)| (name, view.data().to_vec())).collect()
}
