//! A segment, trained again.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use experiments::expand::RunConfig;
use experiments::expand::command::CONFIG_FILE;
use experiments::protocol::events::{Code, Event};
use experiments::protocol::trial::{
    ENV_ARTIFACTS, ENV_ATTEMPT, ENV_CHECKPOINTS, ENV_EVENTS, ENV_TRIAL, FILE_NAME, Trial,
};
use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::json;

use super::relocate::Relocation;
use super::segment::{Checkpoint, PointName, Segment};
use crate::bundle::Unpacked;
use crate::code::content_hash;
use crate::display::text::named;
use crate::executor::worker_program;
use crate::platform::filesystem::files_below;
use crate::platform::line_reader::ReadOffset;
use crate::run_dir::attempt;
use crate::run_dir::event_lines::read_events;
use crate::run_dir::snapshot::RunSnapshot;

/// Time between two reads of the events.
const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// The attempt that has reported the first checkpoint.
const BEFORE: &str = "attempt-1";

/// The attempt that trains again.
const AGAIN: &str = "attempt-2";

/// Bytes of the worker's error output that a message shows.
const SHOWN: usize = 500;

/// Results of a segment that was trained again.
#[derive(Debug, Default)]
pub(super) struct Replay {
    /// Values by metric, item and step.
    pub(super) points: BTreeMap<PointName, f64>,
    pub(super) results: BTreeMap<String, f64>,
    /// Metrics whose unit is one of time.
    pub(super) times: Vec<String>,
    pub(super) build: Option<String>,
    pub(super) device: Option<String>,
    /// The trial's folder.
    pub(super) folder: PathBuf,
}

impl Replay {
    /// Trains `segment` again in `folder`, with the worker that is installed here; `Err` with the reason if
    /// that was not possible.
    pub(super) fn run(segment: &Segment, bundle: &Unpacked, folder: &Path) -> Result<Self, String> {
        let trial = folder.join(&segment.trial.0);
        let text = |error: io::Error| error.to_string();
        prepare(segment, bundle, &trial).map_err(text)?;
        let stderr = folder.join("stderr.log");
        let mut worker = command(segment, bundle, &trial)?;
        worker.stderr(File::create(&stderr).map_err(text)?);
        let mut child = worker.spawn().map_err(|error| {
            format!("`{}` cannot be started: {error}", worker.get_program().display())
        })?;
        let events = trial.join(AGAIN).join("events.jsonl");
        let ended = wait(&mut child, &events, segment.to.as_ref()).map_err(text);
        let _ = kill_process_group(Pid::from_child(&child), Signal::KILL);
        let _ = child.wait();
        let mut reported = Vec::new();
        let _ = read_events(&events, &mut ReadOffset::default(), |line| reported.push(line.event));
        let replay = Self::of_events(reported, segment, trial);
        if ended? { Ok(replay) } else { Err(format!("the worker failed: {}", tail(&stderr))) }
    }

    fn of_events(events: Vec<Event>, segment: &Segment, folder: PathBuf) -> Self {
        let mut replay = Self { folder, ..Self::default() };
        for event in events {
            match event {
                Event::Hello { build, device, metrics, .. } => {
                    let timed =
                        metrics.into_iter().filter(|(_, info)| is_time(info.unit.as_deref()));
                    replay.times.extend(timed.map(|(metric, _)| metric));
                    (replay.build, replay.device) = (build, device);
                }
                Event::Metrics { step, item, values } if segment.has(step) => {
                    let item = item.unwrap_or_default();
                    replay.points.extend(values.into_iter().map(|(metric, value)| {
                        (PointName { metric, item: item.clone(), step }, value.0)
                    }));
                }
                Event::Result { values } if segment.to.is_none() => {
                    replay.results =
                        values.into_iter().map(|(metric, value)| (metric, value.0)).collect();
                }
                _ => {}
            }
        }
        replay
    }
}

/// True for `s`, `min`, `s/image`, `images/s` and the like.
pub(super) fn is_time(unit: Option<&str>) -> bool {
    unit.is_some_and(|unit| {
        unit.split('/').any(|part| ["s", "ms", "min", "h"].contains(&part.trim()))
    })
}

/// Makes the trial's folder as an attempt finds it that continues from the segment's first checkpoint.
fn prepare(segment: &Segment, bundle: &Unpacked, trial: &Path) -> io::Result<()> {
    let original = bundle.run().trial(&segment.trial);
    let Checkpoint { step, path } = &segment.from;
    for file in files_below(&original.join(path))? {
        let to = trial.join(file.strip_prefix(&original).unwrap_or(&file));
        fs::create_dir_all(to.parent().unwrap_or(trial))?;
        fs::copy(&file, &to)?;
    }
    for attempt in [BEFORE, AGAIN] {
        fs::create_dir_all(trial.join(attempt))?;
    }
    fs::copy(original.join(FILE_NAME), trial.join(FILE_NAME))?;
    let before = json!({"event": "checkpoint", "step": step, "path": path});
    fs::write(trial.join(BEFORE).join("events.jsonl"), format!("{before}\n"))
}

/// The command of the segment's attempt, with the folders of here.
fn command(segment: &Segment, bundle: &Unpacked, trial: &Path) -> Result<Command, String> {
    let recorded = bundle.run().attempt(&segment.trial, segment.attempt);
    let attempt::Command { argv, cwd, env, .. } = recorded
        .read_command()
        .map_err(|error| error.to_string())?
        .ok_or("its command was not recorded")?;
    let spec = Trial::read(&trial.join(FILE_NAME)).map_err(|error| error.to_string())?;
    let mut relocation = Relocation::default();
    let parent = |name: &str| env.get(name).and_then(|path| Path::new(path).parent());
    for (then, now) in [(parent(ENV_EVENTS), trial.join(AGAIN)), (parent(ENV_TRIAL), trial.into())]
    {
        if let Some(then) = then {
            relocation.add(then, &now);
        }
    }
    let code = recorded.read_code().ok().flatten();
    if let Some(code) = &code
        && let Some(copy) = bundle.run().code_copy(code)
    {
        relocation.add(Path::new(&code.root), &copy);
    }
    let here = std::env::current_dir().map_err(|error| error.to_string())?;
    let snapshot = RunSnapshot::read_settings(&bundle.run().resolved());
    let run = snapshot.map_err(|error| error.to_string())?.run;
    relocation.add(&run.folder, &here);
    if let Some(code) = &code {
        is_recorded_code(code, &relocation.path(Path::new(&code.root)))?;
    }
    let config = trial.join(CONFIG_FILE);
    let argv: Vec<_> = argv.iter().map(|word| relocation.text(word)).collect();
    if argv.iter().any(|word| word.contains(&*config.to_string_lossy())) {
        let written = serde_json::to_string(&spec.config).expect("a config is plain data");
        fs::write(&config, written).map_err(|error| error.to_string())?;
    }
    let cwd = relocation.path(&cwd);
    let program = program(argv.first().ok_or("its command is empty")?, &cwd, &run, &here);
    let mut command = Command::new(program);
    command.args(&argv[1..]).current_dir(cwd).process_group(0).stdin(Stdio::null());
    command.stdout(Stdio::null());
    for (name, value) in &env {
        // The GPUs are others here.
        if name != "CUDA_VISIBLE_DEVICES" || value.is_empty() {
            command.env(name, relocation.text(value));
        }
    }
    command
        .env(ENV_CHECKPOINTS, trial.join(&spec.checkpoints))
        .env(ENV_ARTIFACTS, trial.join(&spec.artifacts))
        .env(ENV_ATTEMPT, "2");
    Ok(command)
}

/// An error that names the files of `code` that are others in the folder `here`: what they compute says nothing
/// about the bundle.
fn is_recorded_code(code: &Code, here: &Path) -> Result<(), String> {
    let is_other = |(path, recorded): &(&String, &String)| {
        content_hash(&here.join(path)).ok().flatten().as_ref() != Some(*recorded)
    };
    let others = code.files.iter().filter(is_other);
    let others = named(others.map(|(path, _)| path.as_str()));
    if others.is_empty() {
        return Ok(());
    }
    Err(format!(
        "its code is not the recorded one in `{}`: {others}; `orch bundle` of a run with `worker.snapshot` has the \
         code in it",
        here.display()
    ))
}

/// The program of the command as it was recorded; where there is none at that path, the one that the
/// experiment's file names, as `orch run` would find it in the folder `here`.
fn program(recorded: &str, cwd: &Path, run: &RunConfig, here: &Path) -> PathBuf {
    let recorded = if recorded.contains('/') { cwd.join(recorded) } else { recorded.into() };
    if recorded.is_file() {
        return recorded;
    }
    let named = run.worker.command.first().and_then(|name| worker_program::find(name, here).ok());
    named.unwrap_or(recorded)
}

/// Waits until the worker has reported the checkpoint `to`, or has ended; true if the segment is complete.
fn wait(child: &mut Child, events: &Path, to: Option<&Checkpoint>) -> io::Result<bool> {
    let mut offset = ReadOffset::default();
    loop {
        let ended = child.try_wait()?;
        let mut new = Vec::new();
        read_events(events, &mut offset, |line| new.push(line.event))?;
        let is_there = |event: &Event| matches!(event, Event::Checkpoint { step, .. } if Some(*step) == to.map(|to| to.step));
        if new.iter().any(is_there) {
            return Ok(true);
        }
        if let Some(status) = ended {
            return Ok(to.is_none() && status.success());
        }
        thread::sleep(POLL_INTERVAL);
    }
}

/// The end of a file, on one line.
fn tail(path: &Path) -> String {
    let text = fs::read(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&text[text.len().saturating_sub(SHOWN)..]).into_owned();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
