//! A training's whole state in one safetensors file: weights under the network's own names,
//! average, moments, and in the metadata what else the next step depends on. A file under its
//! final name is complete: it is written aside, synced and renamed.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use experiments::number::Number;
use experiments::trial::Trial;
use fs_err as fs;
use safetensors::tensor::{Metadata, TensorInfo};
use safetensors::{Dtype, SafeTensorError, SafeTensors, View};
use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

/// Checkpoints that are kept: the newest, and the one before in case the newest cannot be read.
const KEPT: usize = 2;
const SUFFIX: &str = ".safetensors";
const PREFIX: &str = "step-";
/// Key of the [`Header`] in the file's metadata.
const METADATA: &str = "orch";
/// No header of ours is longer, even with thousands of tensors.
const LONGEST_HEADER: u64 = 1 << 27;

/// A checkpoint could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// The file system refused; the message names the file.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The file is torn or no safetensors file.
    #[error("`{}` is no complete checkpoint", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What the reader said.
        source: SafeTensorError,
    },
    /// The file does not hold what this trial needs.
    #[error("checkpoint `{}` does not fit: {reason}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What is missing or different.
        reason: String,
    },
}

/// What a checkpoint holds beside tensors.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// The trial that is trained.
    pub trial: Trial,
    /// The program that trains it.
    pub build: String,
    /// How far it is.
    pub progress: Progress,
}

/// How far a training is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// Optimiser steps done.
    pub step: u64,
    /// Step of the validation curve's last point.
    pub validated: Option<u64>,
    /// Steps since the training curve's last point.
    pub loss_steps: u64,
    /// Seconds spent training, in all attempts.
    pub train_seconds: f64,
    /// The validation curves' last values.
    pub validation: BTreeMap<String, Number>,
}

/// Writes `tensors` (f32) and `header` as a checkpoint in `folder`, then removes all but the
/// newest checkpoints. Returns its path.
pub fn save(
    folder: &Path,
    tensors: &BTreeMap<String, Tensor>,
    header: &Header,
) -> Result<PathBuf, CheckpointError> {
    fs::create_dir_all(folder)?;
    let path = folder.join(format!("{PREFIX}{:010}{SUFFIX}", header.progress.step));
    let partial = path.with_extension("partial");
    let text = serde_json::to_string(header).expect("a header is plain data");
    let metadata = HashMap::from([(METADATA.to_owned(), text)]);
    let stored = tensors.iter().map(|(name, tensor)| (name, Stored::new(tensor)));
    let bytes = safetensors::serialize(stored, Some(metadata))
        .map_err(|source| CheckpointError::Format { path: path.clone(), source })?;
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

/// What the checkpoint at `path` holds beside tensors, and the shape of each tensor by name. The
/// tensors themselves are not read.
pub fn describe(path: &Path) -> Result<(Header, BTreeMap<String, Vec<usize>>), CheckpointError> {
    let mut file = fs::File::open(path)?;
    let (mut length, mut text) = ([0; 8], Vec::new());
    let torn = |source| CheckpointError::Format { path: path.to_owned(), source };
    file.read_exact(&mut length).map_err(|_| torn(SafeTensorError::HeaderTooSmall))?;
    file.take(u64::from_le_bytes(length).min(LONGEST_HEADER)).read_to_end(&mut text)?;
    let metadata: Metadata = serde_json::from_slice(&text)
        .map_err(|error| torn(SafeTensorError::InvalidHeaderDeserialization(error)))?;
    let shape = |(name, info): (String, &TensorInfo)| (name, info.shape.clone());
    Ok((header(path, &metadata)?, metadata.tensors().into_iter().map(shape).collect()))
}

fn header(path: &Path, metadata: &Metadata) -> Result<Header, CheckpointError> {
    let text = metadata.metadata().as_ref().and_then(|map| map.get(METADATA));
    let reason = match text.map(|text| serde_json::from_str(text)) {
        Some(Ok(header)) => return Ok(header),
        Some(Err(error)) => format!("what it says of itself cannot be read: {error}"),
        None => "it does not say which trial it is of; was it written by another program?".into(),
    };
    Err(CheckpointError::Content { path: path.to_owned(), reason })
}

/// Copies the checkpoint at `path` into `tensors`, all of which it must hold, and returns its
/// progress. Where it does not fit, nothing was copied.
pub fn load(path: &Path, tensors: &BTreeMap<String, Tensor>) -> Result<Progress, CheckpointError> {
    let format = |source| CheckpointError::Format { path: path.to_owned(), source };
    let content = |reason| CheckpointError::Content { path: path.to_owned(), reason };
    let bytes = fs::read(path)?;
    let (_, metadata) = SafeTensors::read_metadata(&bytes).map_err(format)?;
    let progress = header(path, &metadata)?.progress;
    let file = SafeTensors::deserialize(&bytes).map_err(format)?;
    let mut found = Vec::with_capacity(tensors.len());
    for (name, tensor) in tensors {
        let view = file.tensor(name).map_err(|_| content(format!("`{name}` is missing")))?;
        let shape: Vec<i64> = view.shape().iter().map(|&d| d as i64).collect();
        if shape != tensor.size() || view.dtype() != Dtype::F32 {
            return Err(content(format!("`{name}` has another shape or type")));
        }
        found.push(Tensor::from_data_size(view.data(), &shape, Kind::Float));
    }
    tch::no_grad(|| {
        for (tensor, value) in tensors.values().zip(found) {
            tensor.shallow_clone().copy_(&value);
        }
    });
    Ok(progress)
}

/// A tensor as safetensors wants to see it.
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
    use tch::Device;

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
        let progress = load(&path, &into).unwrap();
        assert_eq!((progress.step, progress.validated, progress.loss_steps), (3, Some(2), 1));
        assert_eq!(into, state(3.0));
        let (header, shapes) = describe(&path).unwrap();
        assert_eq!((header.trial.variant.as_str(), &header.progress), ("cos", &progress));
        assert_eq!(shapes, BTreeMap::from([("a".into(), vec![2, 3]), ("b".into(), vec![])]));
    }

    #[test]
    fn the_newest_two_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let paths = [9, 10, 11].map(|step| save_step(folder.path(), step));
        assert_eq!(list(folder.path()).unwrap(), [paths[2].clone(), paths[1].clone()]);
    }

    #[test]
    fn a_torn_file_is_an_error_and_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = save_step(folder.path(), 3);
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
        let into = state(0.0);
        assert!(matches!(load(&path, &into), Err(CheckpointError::Format { .. })));
        std::fs::write(&path, &bytes[..5]).unwrap();
        assert!(matches!(describe(&path), Err(CheckpointError::Format { .. })));
        assert_eq!(into, state(0.0));
    }

    #[test]
    fn another_networks_file_is_an_error_that_names_the_parameter() {
        let folder = tempfile::tempdir().unwrap();
        let path = save_step(folder.path(), 3);
        let mut into = state(0.0);
        into.insert("c".to_owned(), Tensor::zeros([1], (Kind::Float, Device::Cpu)));
        assert!(load(&path, &into).unwrap_err().to_string().ends_with("`c` is missing"));
    }
}
