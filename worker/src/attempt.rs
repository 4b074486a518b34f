//! One attempt at carrying a trial to its end: where it reads and writes, the events it
//! writes, and the signal that asks it to stop.

use std::collections::BTreeMap;
use std::env;
use std::io::{self, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use experiments::protocol::events::{Event, Line};
use experiments::protocol::number::Number;
use experiments::protocol::trial::{ENV_ARTIFACTS, ENV_CHECKPOINTS, ENV_EVENTS, Trial};
use fs_err as fs;
use signal_hook::consts::{SIGINT, SIGTERM};

use crate::build_id;
use crate::failure::Failure;
use crate::filesystem;
use crate::image::Rgb;

/// Shortest time between two progress events.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(500);

/// The end of an attempt that did not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The trial has its result.
    Done,
    /// It was asked to stop, and can be resumed.
    Stopped,
}

/// The trial of one attempt, the folders and the event file it writes to.
pub(crate) struct Attempt {
    /// Read from `trial.json`; never changed.
    pub(crate) trial: Trial,
    /// Id of this program, see [`build_id::id`].
    pub(crate) build: String,
    /// Folder that paths in events are relative to.
    folder: PathBuf,
    /// Absolute, or relative to the working directory.
    pub(crate) checkpoints: PathBuf,
    artifacts: PathBuf,
    events: Events,
    stop: Arc<AtomicBool>,
    last_progress: Option<Instant>,
}

/// Destination of events.
enum Events {
    File(fs::File),
    /// For a person, who runs the program manually.
    Output(io::Stdout),
}

impl Attempt {
    /// The attempt that the environment describes, for the trial at `path`. From now on SIGTERM
    /// and SIGINT only ask for a stop.
    pub(crate) fn from_env(path: &Path) -> Result<Self, Failure> {
        let trial = Trial::read(path)?;
        let build = build_id::id()?;
        let folder = path.parent().map(Path::to_owned).unwrap_or_default();
        let place = |variable, default: &Path| {
            env::var_os(variable).map_or_else(|| folder.join(default), PathBuf::from)
        };
        let checkpoints = place(ENV_CHECKPOINTS, &trial.checkpoints);
        let artifacts = place(ENV_ARTIFACTS, &trial.artifacts);
        let events = match env::var_os(ENV_EVENTS) {
            Some(path) => {
                Events::File(fs::OpenOptions::new().create(true).append(true).open(path)?)
            }
            None => Events::Output(io::stdout()),
        };
        let stop = Arc::new(AtomicBool::new(false));
        for signal in [SIGTERM, SIGINT] {
            signal_hook::flag::register(signal, Arc::clone(&stop))?;
        }
        Ok(Self { trial, build, folder, checkpoints, artifacts, events, stop, last_progress: None })
    }

    /// True after SIGTERM or SIGINT.
    pub(crate) fn is_stopping(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Appends `event` as one line, in one write.
    pub(crate) fn emit(&mut self, event: Event) -> io::Result<()> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map(|d| d.as_secs_f64());
        let line = Line { time: now.ok(), event }.to_json() + "\n";
        match &mut self.events {
            Events::File(file) => file.write_all(line.as_bytes()),
            Events::Output(output) => {
                output.write_all(line.as_bytes())?;
                output.flush()
            }
        }
    }

    /// Brings the events so far to the disk, as is due before a checkpoint has its name: after a power
    /// cut no checkpoint is newer than the events.
    pub(crate) fn sync_events(&self) -> io::Result<()> {
        match &self.events {
            Events::File(file) => file.sync_data(),
            Events::Output(_) => Ok(()),
        }
    }

    /// Reports values at `step`, of one `item`, or of all images if it is none.
    pub(crate) fn emit_metrics(
        &mut self,
        step: u64,
        item: Option<&str>,
        values: BTreeMap<String, Number>,
    ) -> io::Result<()> {
        self.emit(Event::Metrics { step, item: item.map(str::to_owned), values })
    }

    /// Reports the progress of `phase`, not too often, and breaks where a stop was requested. Called
    /// between any two pieces of work that take noticeable time.
    pub(crate) fn tick(&mut self, phase: &str, step: u64, of: u64) -> ControlFlow<io::Result<()>> {
        if self.is_stopping() {
            return ControlFlow::Break(Ok(()));
        }
        if self.last_progress.is_none_or(|last| last.elapsed() >= PROGRESS_INTERVAL) {
            self.last_progress = Some(Instant::now());
            let event = Event::Progress { phase: phase.to_owned(), step, of };
            if let Err(error) = self.emit(event) {
                return ControlFlow::Break(Err(error));
            }
        }
        ControlFlow::Continue(())
    }

    /// Keeps `image` as the picture `name` of `item`, and reports it once it is on the disk. A later one
    /// of another step takes its place.
    pub(crate) fn picture(
        &mut self,
        step: u64,
        name: &str,
        item: &str,
        image: &Rgb,
    ) -> Result<(), Failure> {
        self.keep(&self.artifacts.join(name), step, (name, item), image)
    }

    /// As [`Attempt::picture`], beside those of other steps.
    pub(crate) fn picture_of_step(
        &mut self,
        step: u64,
        name: &str,
        item: &str,
        image: &Rgb,
    ) -> Result<(), Failure> {
        let folder = self.artifacts.join(name).join(format!("step-{step}"));
        self.keep(&folder, step, (name, item), image)
    }

    fn keep(
        &mut self,
        folder: &Path,
        step: u64,
        (name, item): (&str, &str),
        image: &Rgb,
    ) -> Result<(), Failure> {
        fs::create_dir_all(folder)?;
        let path = folder.join(item.replace(['/', '\\'], "_")).with_extension("png");
        let partial = path.with_extension("png.partial");
        image.save_png(&partial)?;
        filesystem::publish(&partial, &path)?;
        let path = self.relative(&path);
        let (kind, name, item) = ("image".to_owned(), name.to_owned(), Some(item.to_owned()));
        Ok(self.emit(Event::Artifact { kind, name, step, item, path })?)
    }

    /// `path` as events write it: relative to the trial's folder where it lies below it.
    pub(crate) fn relative(&self, path: &Path) -> String {
        path.strip_prefix(&self.folder).unwrap_or(path).to_string_lossy().into_owned()
    }
}
