//! A training's complete state in one safetensors file: weights under the network's own names,
//! average, moments, and in the metadata what else the next step depends on. A file under its
//! final name is complete: it is written to a temporary file, synced and renamed.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use experiments::protocol::number::Number;
use experiments::protocol::trial::Trial;
use fs_err as fs;
use safetensors::{Dtype, View};
use serde::{Deserialize, Serialize};
use tch::Tensor;

use crate::weights::{WeightsError, WeightsFile};

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

/// Writes `tensors` (f32) and `header` as a checkpoint in `folder`, then removes all but the
/// newest checkpoints. Returns its path.
pub(crate) fn save(
    folder: &Path,
    tensors: &BTreeMap<String, Tensor>,
    header: &Header,
) -> Result<PathBuf, CheckpointError> {
    fs::create_dir_all(folder)?;
    let path = folder.join(format!("{PREFIX}{:010}{SUFFIX}", header.progress.step));
    let partial = folder.join(PARTIAL);
    let text = serde_json::to_string(header).expect("a header is plain data");
    let metadata = HashMap::from([(METADATA.to_owned(), text)]);
    let stored = tensors.iter().map(|(name, tensor)| (name, Stored::new(tensor)));
    let bytes = safetensors::serialize(stored, Some(metadata))
        .map_err(|source| CheckpointError::Write { path: path.clone(), source })?;
    let mut file = fs::File::create(&partial)?;
    file.write_all(&bytes)?;
    file.sync_all()?;
    fs::rename(&partial, &path)?;
    fs::File::open(folder)?.sync_all()?;
    for old in list(folder)?.into_iter().skip(KEPT) {
        fs::remove_file(old)?;
    }
    Ok(path)
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
    /// Opens the checkpoint at `path`; the tensors are not read yet.
    pub fn open(path: &Path) -> Result<Self, CheckpointError> {
        let weights = WeightsFile::open(path)?;
        let reason = match weights.metadata(METADATA).map(serde_json::from_str) {
            Some(Ok(header)) => return Ok(Self { weights, header }),
            Some(Err(error)) => format!("its header cannot be read: {error}"),
            None => "it was written by another program, or by an older version of this one".into(),
        };
        Err(CheckpointError::Unknown { path: path.to_owned(), reason })
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
        let validation = BTreeMap::from([("val/psnr".to_owned(), Number(20.5))]);
        let progress =
            Progress { step, validated: Some(2), loss_steps: 1, train_seconds: 0.5, validation };
        let trial = serde_json::json!({"orch": 1, "id": "cos-s3-0", "experiment": "test",
            "profile": null, "variant": "cos", "seed": 3, "cpus": 1, "config": {},
            "checkpoints": "checkpoints", "artifacts": "artifacts"});
        let trial = serde_json::from_value(trial).unwrap();
        let header = Header { trial, build: "0.1.0-0".to_owned(), progress };
        save(folder, &state(step as f64), &header).unwrap()
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
