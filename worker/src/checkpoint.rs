//! A training's complete state in one safetensors file: weights under the network's own names,
//! average, moments, and in the metadata what else the next step depends on, with a SHA-256 of it all.
//! A file under its final name is complete: it is written to a temporary file, synced and renamed.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::{Path, PathBuf};

use experiments::protocol::number::Number;
use experiments::protocol::trial::Trial;
use experiments::protocol::trial_id::TrialId;
use fs_err as fs;
use safetensors::{Dtype, View};
use serde::{Deserialize, Serialize};
use tch::Tensor;

use crate::weights::{WeightsError, WeightsFile};
use crate::{checksum, filesystem};

/// Checkpoints that are kept: the newest, and the one before in case the newest cannot be read.
const KEPT: usize = 2;
const SUFFIX: &str = ".safetensors";
const PREFIX: &str = "step-";
/// The temporary file; one left by a killed attempt is overwritten.
const PARTIAL: &str = "checkpoint.partial";
/// Key of the [`Header`] in the file's metadata.
const METADATA: &str = "orch";
/// Prefixes of the names of averages, of Adam's moments and of the rest.
const AVERAGE: &str = "ema.";
const MOMENT: &str = "adam.";
const TRAINING: &str = "training.";

/// A checkpoint could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// The file system refused; the message names the file.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The tensors could not be read, or are others.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// The file has no readable header of ours.
    #[error("cannot identify the checkpoint `{}`: {reason}", path.display())]
    Unknown {
        /// Of the checkpoint.
        path: PathBuf,
        /// Completes the message.
        reason: String,
    },
    /// The file is another trial's, or of another step than its name says.
    #[error(
        "the checkpoint `{}` is of step {step} of the trial `{trial}`; remove it from there",
        path.display()
    )]
    Replaced {
        /// Of the checkpoint.
        path: PathBuf,
        /// As the file has it.
        step: u64,
        /// Id, as the file has it.
        trial: TrialId,
    },
    /// The tensors could not be written.
    #[error("cannot write the checkpoint `{}`", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The serializer's error.
        source: safetensors::SafeTensorError,
    },
}

/// The part of a checkpoint that is not tensors; stored as JSON in the metadata.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// As its `trial.json` had it.
    pub(crate) trial: Trial,
    /// Id of the program that wrote the file.
    pub(crate) build: String,
    /// The position to resume from.
    pub progress: Progress,
}

/// The position of a training between two steps.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// Completed optimiser steps.
    pub step: u64,
    /// Step of the validation curve's last point.
    pub(crate) validated: Option<u64>,
    /// Steps since the training curve's last point.
    pub(crate) loss_steps: u64,
    /// Seconds spent training, in all attempts.
    pub(crate) train_seconds: f64,
    /// The validation curves' last values.
    pub(crate) validation: BTreeMap<String, Number>,
}

/// Writes `tensors` (f32) and `header` as a checkpoint in `folder`, then removes all others but those
/// just before it: later ones could not be resumed from. `sync_events` is called before the checkpoint
/// has its name. Returns its path.
pub(crate) fn save(
    folder: &Path,
    tensors: &BTreeMap<String, Tensor>,
    header: &Header,
    sync_events: impl FnOnce() -> io::Result<()>,
) -> Result<PathBuf, CheckpointError> {
    fs::create_dir_all(folder)?;
    let path = folder.join(name(header.progress.step));
    let partial = folder.join(PARTIAL);
    let text = serde_json::to_string(header).expect("a header is plain data");
    let metadata = HashMap::from([(METADATA.to_owned(), text), checksum::entry()]);
    let stored = tensors.iter().map(|(name, tensor)| (name, Stored::new(tensor)));
    let mut bytes = safetensors::serialize(stored, Some(metadata))
        .map_err(|source| CheckpointError::Write { path: path.clone(), source })?;
    checksum::fill(&mut bytes);
    fs::write(&partial, &bytes)?;
    sync_events()?;
    filesystem::publish(&partial, &path)?;
    let (later, kept): (Vec<_>, Vec<_>) = list(folder)?.into_iter().partition(|p| *p > path);
    for other in later.into_iter().chain(kept.into_iter().skip(KEPT)) {
        fs::remove_file(other)?;
    }
    Ok(path)
}

/// The name of the checkpoint of this step.
fn name(step: u64) -> String {
    format!("{PREFIX}{step:010}{SUFFIX}")
}

/// The complete checkpoints in `folder`, newest first.
pub fn list(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut paths = Vec::new();
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        if name.to_str().is_some_and(|n| n.starts_with(PREFIX) && n.ends_with(SUFFIX)) {
            paths.push(entry.path());
        }
    }
    paths.sort_unstable_by(|a, b| b.cmp(a));
    Ok(paths)
}

/// A checkpoint's file, and what it holds beside tensors.
#[derive(Debug)]
pub struct Checkpoint {
    /// Opened, but no tensor read yet.
    pub(crate) weights: WeightsFile,
    /// Read when the file was opened.
    pub header: Header,
}

impl Checkpoint {
    /// Opens the checkpoint at `path`, all of which must be what was written.
    pub fn open(path: &Path) -> Result<Self, CheckpointError> {
        let weights = WeightsFile::open(path)?;
        let unknown = |reason| CheckpointError::Unknown { path: path.to_owned(), reason };
        let Some(text) = weights.metadata(METADATA) else {
            return Err(unknown("it was written by another program".to_owned()));
        };
        weights.verify()?;
        let header = serde_json::from_str(text)
            .map_err(|error| unknown(format!("its header cannot be read: {error}")))?;
        Ok(Self { weights, header })
    }

    /// The same of a checkpoint among those of `trial`.
    pub(crate) fn open_of(trial: &Trial, path: &Path) -> Result<Self, CheckpointError> {
        let checkpoint = Self::open(path)?;
        let Header { trial: Trial { id, .. }, progress: Progress { step, .. }, .. } =
            &checkpoint.header;
        if *id == trial.id && path.file_name() == Some(name(*step).as_ref()) {
            return Ok(checkpoint);
        }
        let (path, trial, step) = (path.to_owned(), id.clone(), *step);
        Err(CheckpointError::Replaced { path, step, trial })
    }

    /// True if `file` has the header of our checkpoints, readable or not.
    pub(crate) fn is(file: &WeightsFile) -> bool {
        file.metadata(METADATA).is_some()
    }
}

/// The two sets of weights in a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Weights {
    /// The exponential moving average over the steps.
    Ema,
    /// As the last step left them.
    Raw,
}

impl Weights {
    /// The name in the network of the checkpoint's tensor `name`, if it is one of these weights.
    pub(crate) fn role(self, name: &str) -> Option<&str> {
        match self {
            Self::Ema => name.strip_prefix(AVERAGE),
            Self::Raw => {
                let is_beside = [AVERAGE, MOMENT, TRAINING].iter().any(|b| name.starts_with(b));
                (!is_beside).then_some(name)
            }
        }
    }
}

struct Stored<'a> {
    tensor: &'a Tensor,
    shape: Vec<usize>,
}

impl<'a> Stored<'a> {
    fn new(tensor: &'a Tensor) -> Self {
        Self { tensor, shape: tensor.size().into_iter().map(|d| d as usize).collect() }
    }
}

impl View for Stored<'_> {
    fn dtype(&self) -> Dtype {
        Dtype::F32
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        let tensor = self.tensor.to_device(tch::Device::Cpu).contiguous();
        let mut bytes = vec![0; self.data_len()];
        tensor.copy_data_u8(&mut bytes, tensor.numel());
        Cow::Owned(bytes)
    }

    fn data_len(&self) -> usize {
        size_of::<f32>() * self.tensor.numel()
    }
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind};

    use super::*;

    fn state(value: f64) -> BTreeMap<String, Tensor> {
        let full = |shape: &[i64]| Tensor::full(shape, value, (Kind::Float, Device::Cpu));
        BTreeMap::from([("a".to_owned(), full(&[2, 3])), ("b".to_owned(), full(&[]))])
    }

    fn save_step(folder: &Path, step: u64) -> PathBuf {
        save(folder, &state(step as f64), &header(step), || Ok(())).unwrap()
    }

    fn header(step: u64) -> Header {
        let validation = BTreeMap::from([("val/psnr".to_owned(), Number(20.5))]);
        let progress =
            Progress { step, validated: Some(2), loss_steps: 1, train_seconds: 0.5, validation };
        let trial = serde_json::json!({"orch": 1, "id": "cos-s3-0", "experiment": "test",
            "profile": null, "variant": "cos", "seed": 3, "cpus": 1, "config": {},
            "checkpoints": "checkpoints", "artifacts": "artifacts"});
        let trial = serde_json::from_value(trial).unwrap();
        Header { trial, build: "0.1.0-0".to_owned(), progress }
    }

    #[test]
    fn what_was_saved_is_loaded() {
        let folder = tempfile::tempdir().unwrap();
        let path = save_step(folder.path(), 3);
        let into = state(0.0);
        let Checkpoint { weights, header } = Checkpoint::open(&path).unwrap();
        let Header { trial, progress, .. } = header;
        assert_eq!((trial.variant.as_str(), progress.step, progress.loss_steps), ("cos", 3, 1));
        assert_eq!((progress.validated, progress.validation["val/psnr"].0), (Some(2), 20.5));
        weights.load(&into, |name| Some(name)).unwrap();
        assert_eq!(into, state(3.0));
    }

    #[test]
    fn the_newest_two_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let paths = [9, 10, 11].map(|step| save_step(folder.path(), step));
        assert_eq!(list(folder.path()).unwrap(), [paths[2].clone(), paths[1].clone()]);
    }

    #[test]
    fn those_beyond_the_last_saved_one_are_removed() {
        let folder = tempfile::tempdir().unwrap();
        let paths = [10, 20, 30].map(|step| save_step(folder.path(), step));
        std::fs::write(&paths[2], "torn").unwrap();
        let saved = save_step(folder.path(), 25);
        assert_eq!(list(folder.path()).unwrap(), [saved, paths[1].clone()]);
    }

    #[test]
    fn a_checkpoint_has_its_name_only_once_the_events_are_on_the_disk() {
        let folder = tempfile::tempdir().unwrap();
        let partial = folder.path().join(PARTIAL);
        let path = save(folder.path(), &state(3.0), &header(3), || {
            assert_eq!(list(folder.path()).unwrap(), Vec::<PathBuf>::new());
            assert!(Checkpoint::open(&partial).is_ok(), "only the name is left to give");
            Ok(())
        });
        assert_eq!(list(folder.path()).unwrap(), [path.unwrap()]);
        let failed = save(folder.path(), &state(4.0), &header(4), || Err(io::Error::other("full")));
        assert!(failed.unwrap_err().to_string().contains("full"));
        assert_eq!(list(folder.path()).unwrap().len(), 1);
    }

    #[test]
    fn no_flipped_bit_and_no_missing_byte_is_overlooked() {
        let folder = tempfile::tempdir().unwrap();
        let path = save_step(folder.path(), 3);
        let whole = std::fs::read(&path).unwrap();
        let is_refused = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            Checkpoint::open(&path)
                .is_err_and(|error| error.to_string().contains("step-0000000003"))
        };
        for at in 0..whole.len() {
            let mut flipped = whole.clone();
            flipped[at] ^= 1 << (at % 8);
            assert!(is_refused(&flipped), "byte {at} of {}", whole.len());
        }
        assert!((0..whole.len()).all(|length| is_refused(&whole[..length])));
        assert!(is_refused(&[&whole[..], &[0]].concat()));
        assert!(!is_refused(&whole));
    }

    #[test]
    fn another_checkpoint_in_the_place_of_one_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let [older, path] = [3, 4].map(|step| save_step(folder.path(), step));
        let Header { trial, .. } = header(4);
        assert!(Checkpoint::open_of(&trial, &path).is_ok());
        let other = Trial { id: TrialId("vlb-s0-1f2e3d4c".to_owned()), ..trial.clone() };
        let refused = |trial| Checkpoint::open_of(trial, &path).unwrap_err().to_string();
        assert!(
            refused(&other).contains("of step 4 of the trial `cos-s3-0`"),
            "{}",
            refused(&other)
        );
        std::fs::copy(&older, &path).unwrap();
        assert!(
            refused(&trial).contains("step-0000000004") && refused(&trial).contains("of step 3")
        );
    }

    #[test]
    fn a_file_without_a_header_is_distinguished_from_a_truncated_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = save_step(folder.path(), 3);
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
        let torn = Checkpoint::open(&path).unwrap_err();
        assert!(matches!(torn, CheckpointError::Weights(WeightsError::Format { .. })));
        let tensors = state(1.0);
        Tensor::write_safetensors(&tensors.iter().collect::<Vec<_>>(), &path).unwrap();
        let foreign = Checkpoint::open(&path).unwrap_err().to_string();
        assert!(foreign.contains("another program"), "{foreign}");
    }

    #[test]
    fn weights_and_averages_are_distinguished_by_name() {
        let names = ["a.weight", "ema.a.weight", "adam.mean.a.weight", "training.loss"];
        assert_eq!(names.map(|name| Weights::Raw.role(name)), [Some("a.weight"), None, None, None]);
        assert_eq!(names.map(|name| Weights::Ema.role(name)), [None, Some("a.weight"), None, None]);
    }
}
