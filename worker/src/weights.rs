//! Safetensors files of weights: their header, and their tensors copied into ours, strictly. The one
//! place where such files are read.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use fs_err as fs;
use fs_err::os::unix::fs::FileExt;
use safetensors::tensor::{Metadata, TensorInfo};
use safetensors::{Dtype, SafeTensorError};
use sha2::{Digest, Sha256};
use tch::{Kind, Tensor};

use crate::sha256::hex;
use crate::{checksum, filesystem};

/// Bytes of the header's length, at the start of a file.
const LENGTH: usize = size_of::<u64>();
/// Longer headers than this are not those of a network's weights: a thousand tensors take 0.1 MB.
const LONGEST_HEADER: u64 = 10_000_000;

/// Weights could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum WeightsError {
    /// The file system refused; the message names the file.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The file is truncated or not a safetensors file.
    #[error("`{}` is not a complete safetensors file of weights; use another one", path.display())]
    Format { path: PathBuf, source: SafeTensorError },
    /// The file is not what was written.
    #[error(
        "`{}` is damaged, its contents do not have the SHA-256 that was stored in it; use another \
         checkpoint",
        path.display()
    )]
    Damaged { path: PathBuf },
    /// The file holds other tensors than are needed.
    #[error("the weights in `{}` do not fit: {}", path.display(), problems.join(", "))]
    Content {
        path: PathBuf,
        /// Tensors that are missing, surplus, of another shape or type, or not finite, each by name.
        problems: Vec<String>,
    },
}

/// A safetensors file. Opening it reads its header alone.
#[derive(Debug)]
pub(crate) struct WeightsFile {
    path: PathBuf,
    file: fs::File,
    header: Metadata,
    /// Offset of the first tensor in bytes.
    start: u64,
}

impl WeightsFile {
    /// Opens the file at `path`, which must be complete.
    pub(crate) fn open(path: &Path) -> Result<Self, WeightsError> {
        let format = |source| WeightsError::Format { path: path.to_owned(), source };
        let mut file = filesystem::open(path)?;
        let bytes = file.metadata()?.len();
        let mut length = [0; LENGTH];
        if bytes < LENGTH as u64 {
            return Err(format(SafeTensorError::HeaderTooSmall));
        }
        file.read_exact(&mut length)?;
        let length = u64::from_le_bytes(length);
        if length > LONGEST_HEADER {
            return Err(format(SafeTensorError::HeaderTooLarge));
        }
        let start = LENGTH as u64 + length;
        if bytes < start {
            return Err(format(SafeTensorError::InvalidHeaderLength));
        }
        let mut text = vec![0; length as usize];
        file.read_exact(&mut text)?;
        let header: Metadata = serde_json::from_slice(&text)
            .map_err(|error| format(SafeTensorError::InvalidHeaderDeserialization(error)))?;
        if Some(bytes) != start.checked_add(header.data_len() as u64) {
            return Err(format(SafeTensorError::MetadataIncompleteBuffer));
        }
        Ok(Self { path: path.to_owned(), file, header, start })
    }

    /// The header's entry `key` of free text; none in most files of others.
    pub(crate) fn metadata(&self, key: &str) -> Option<&str> {
        self.header.metadata().as_ref()?.get(key).map(String::as_str)
    }

    /// Fails unless the file is what was written, by the SHA-256 that it must hold.
    pub(crate) fn verify(&self) -> Result<(), WeightsError> {
        if checksum::is_intact(&self.file, self.start)? {
            return Ok(());
        }
        Err(WeightsError::Damaged { path: self.path.clone() })
    }

    /// The shape of each tensor by name.
    pub(crate) fn shapes(&self) -> BTreeMap<String, Vec<usize>> {
        let tensors = self.header.tensors().into_iter();
        tensors.map(|(name, info)| (name, info.shape.clone())).collect()
    }

    /// Fails where [`load`](Self::load) would, and copies nothing.
    pub(crate) fn check(
        &self,
        into: &BTreeMap<String, Tensor>,
        role: impl Fn(&str) -> Option<&str>,
    ) -> Result<(), WeightsError> {
        self.pairs(into, role).map(drop)
    }

    /// Copies the file's tensors into those of `into`, turning f16 and bf16 into f32. `role` maps
    /// the name of a tensor in the file to its name in `into`, or to none to skip it. The wanted ones
    /// must be exactly those of `into`, in their shapes; where they are not, nothing is copied. None is
    /// copied that holds NaN or an infinite value.
    pub(crate) fn load(
        &self,
        into: &BTreeMap<String, Tensor>,
        role: impl Fn(&str) -> Option<&str>,
    ) -> Result<(), WeightsError> {
        for (name, tensor, info, kind) in self.pairs(into, role)? {
            let (begin, end) = info.data_offsets;
            let mut bytes = vec![0; end - begin];
            self.file.read_exact_at(&mut bytes, self.start + begin as u64)?;
            let value = Tensor::from_data_size(&bytes, &tensor.size(), kind);
            if value.isfinite().all().int64_value(&[]) == 0 {
                let problems = vec![format!("`{name}` holds values that are not finite")];
                return Err(WeightsError::Content { path: self.path.clone(), problems });
            }
            tch::no_grad(|| tensor.shallow_clone().copy_(&value));
        }
        Ok(())
    }

    /// Each tensor of `into` with its partner in the file, that one's name and the kind of its numbers.
    fn pairs<'a>(
        &'a self,
        into: &'a BTreeMap<String, Tensor>,
        role: impl Fn(&str) -> Option<&str>,
    ) -> Result<Vec<(String, &'a Tensor, &'a TensorInfo, Kind)>, WeightsError> {
        let in_file: BTreeMap<String, &TensorInfo> = self.header.tensors().into_iter().collect();
        let mut left: BTreeMap<&str, &Tensor> =
            into.iter().map(|(name, tensor)| (name.as_str(), tensor)).collect();
        let (mut pairs, mut problems) = (Vec::with_capacity(into.len()), Vec::new());
        for (name, info) in &in_file {
            let Some(role) = role(name) else { continue };
            let Some(tensor) = left.remove(role) else {
                problems.push(format!("`{name}` is surplus"));
                continue;
            };
            let shape: Vec<i64> = info.shape.iter().map(|&side| side as i64).collect();
            match kind(info.dtype) {
                Some(kind) if shape == tensor.size() => {
                    pairs.push((name.clone(), tensor, *info, kind));
                }
                _ => {
                    let (dtype, wanted) = (info.dtype, tensor.size());
                    problems
                        .push(format!("`{name}` is {dtype} {shape:?} instead of F32 {wanted:?}"));
                }
            }
        }
        problems.extend(left.into_keys().map(|name| format!("`{name}` is missing")));
        if problems.is_empty() {
            Ok(pairs)
        } else {
            Err(WeightsError::Content { path: self.path.clone(), problems })
        }
    }

    /// The SHA-256 of the whole file, in hexadecimal.
    pub(crate) fn digest(&self) -> Result<String, WeightsError> {
        let mut file = filesystem::open(&self.path)?;
        let (mut hash, mut buffer) = (Sha256::new(), vec![0; 1 << 20]);
        loop {
            match file.read(&mut buffer)? {
                0 => return Ok(hex(hash)),
                length => hash.update(&buffer[..length]),
            }
        }
    }
}

/// The kind of tensor that holds such numbers, none if they cannot become weights.
fn kind(dtype: Dtype) -> Option<Kind> {
    match dtype {
        Dtype::F32 => Some(Kind::Float),
        Dtype::F16 => Some(Kind::Half),
        Dtype::BF16 => Some(Kind::BFloat16),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use tch::Device;

    use super::*;

    fn tensors(shapes: &[(&str, &[i64])], value: f64) -> BTreeMap<String, Tensor> {
        let full = |shape| Tensor::full(shape, value, (Kind::Float, Device::Cpu));
        shapes.iter().map(|(name, shape)| ((*name).to_owned(), full(*shape))).collect()
    }

    /// Writes `file`, and loads all of it but the classifier.
    fn load_into(
        file: &BTreeMap<String, Tensor>,
        into: &BTreeMap<String, Tensor>,
    ) -> Result<(), WeightsError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("weights.safetensors");
        Tensor::write_safetensors(&file.iter().collect::<Vec<_>>(), &path).unwrap();
        WeightsFile::open(&path)?.load(into, |name| (!name.starts_with("fc.")).then_some(name))
    }

    #[test]
    fn exactly_the_same_names_are_copied() {
        let into = tensors(&[("a", &[2, 3]), ("b", &[])], 0.0);
        let mut file = tensors(&[("a", &[2, 3]), ("b", &[])], 3.0);
        let expected = tensors(&[("a", &[2, 3]), ("b", &[])], 3.0);
        file.extend(tensors(&[("fc.weight", &[4])], 1.0));
        load_into(&file, &into).unwrap();
        assert_eq!(into, expected);
    }

    #[test]
    fn half_precision_becomes_single() {
        let into = tensors(&[("a", &[3]), ("b", &[3])], 0.0);
        let exact = Tensor::from_slice(&[1.5_f32, -0.125, 96.0]);
        let half = |kind| exact.to_kind(kind);
        let file = [("a", half(Kind::Half)), ("b", half(Kind::BFloat16))];
        load_into(&file.map(|(name, t)| (name.to_owned(), t)).into(), &into).unwrap();
        assert!(into.values().all(|tensor| *tensor == exact));
    }

    #[test]
    fn every_difference_is_named_and_nothing_is_copied() {
        let shapes: [(&str, &[i64]); 3] = [("a", &[2, 3]), ("b", &[1]), ("kind", &[1])];
        let into = tensors(&shapes, 0.0);
        let mut file = tensors(&[("a", &[3, 2]), ("c", &[1]), ("d", &[])], 3.0);
        file.insert("kind".to_owned(), Tensor::from_slice(&[1.0_f64]));
        let message = load_into(&file, &into).unwrap_err().to_string();
        let (_, problems) = message.split_once("do not fit: ").unwrap();
        assert_eq!(
            problems,
            "`a` is F32 [3, 2] instead of F32 [2, 3], `c` is surplus, `d` is surplus, \
             `kind` is F64 [1] instead of F32 [1], `b` is missing"
        );
        assert_eq!(into, tensors(&shapes, 0.0));
    }

    #[test]
    fn values_that_are_not_finite_are_refused() {
        for value in [f64::NAN, f64::INFINITY] {
            let into = tensors(&[("a", &[2])], 0.0);
            let message =
                load_into(&tensors(&[("a", &[2])], value), &into).unwrap_err().to_string();
            assert!(message.contains("`a` holds values that are not finite"), "{message}");
            assert_eq!(into, tensors(&[("a", &[2])], 0.0));
        }
    }

    /// A safetensors file's beginning: the header's length as it says, and what follows.
    fn beginning(length: u64, header: &str) -> Vec<u8> {
        [&length.to_le_bytes()[..], header.as_bytes()].concat()
    }

    #[test]
    fn headers_that_no_program_writes_are_refused_before_memory_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("strange.safetensors");
        let tensor = |shape: &str, end: u64| {
            let header =
                format!(r#"{{"a":{{"dtype":"F32","shape":{shape},"data_offsets":[0,{end}]}}}}"#);
            beginning(header.len() as u64, &header)
        };
        let far = 1_u64 << 62;
        let garbage = "\u{0}NaN".repeat(50);
        for (bytes, size) in [
            (beginning(3_000_000_000, ""), 3_000_000_100),
            (beginning(u64::MAX, ""), 100),
            (beginning(9_000_000, ""), 9_000_008),
            (beginning(garbage.len() as u64, &garbage), 8 + garbage.len() as u64),
            (beginning(3, "NaN"), 11),
            (beginning(2, "[]"), 10),
            (tensor("[1099511627776]", 4 << 40), 3_000_000_000),
            (tensor(&format!("[{far},{far}]"), 4), 100),
            (tensor("[NaN]", 4), 100),
            (tensor("[-1]", 4), 100),
        ] {
            fs::write(&path, &bytes).unwrap();
            fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(size).unwrap();
            let refused = WeightsFile::open(&path).unwrap_err();
            assert!(matches!(refused, WeightsError::Format { .. }), "{size}: {refused:?}");
            assert!(refused.to_string().contains("strange.safetensors"), "{refused}");
        }
        // Sixteen tensors that end 4 bytes before the last 64-bit offset, where nothing fits beside them.
        let pieces = (0..16_u64).map(|i| {
            let elements = (1_u64 << 58) - i / 15;
            let (begin, end) = (i << 60, (i << 60) + 4 * elements);
            format!(
                r#""{i}":{{"dtype":"F32","shape":[{elements}],"data_offsets":[{begin},{end}]}}"#
            )
        });
        let header = format!("{{{}}}", pieces.collect::<Vec<_>>().join(","));
        fs::write(&path, beginning(header.len() as u64, &header)).unwrap();
        assert!(matches!(WeightsFile::open(&path), Err(WeightsError::Format { .. })));
    }

    #[test]
    fn a_pipe_and_a_device_are_not_waited_for() {
        let error = WeightsFile::open(Path::new("/dev/zero")).unwrap_err().to_string();
        assert!(error.contains("/dev/zero") && error.contains("regular file"), "{error}");
    }

    #[test]
    fn a_torn_file_and_one_of_another_kind_are_not_safetensors() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("weights.safetensors");
        let file = tensors(&[("a", &[2, 3])], 3.0);
        Tensor::write_safetensors(&file.iter().collect::<Vec<_>>(), &path).unwrap();
        let whole = std::fs::read(&path).unwrap();
        let is_refused = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            matches!(WeightsFile::open(&path), Err(WeightsError::Format { .. }))
        };
        assert!((0..whole.len()).all(|length| is_refused(&whole[..length])));
        assert!(is_refused(&[&whole[..], &[0]].concat()));
        assert!(is_refused(&[b"PK\x03\x04\x14\x00\x06\x00", &whole[..]].concat()));
        assert!(!is_refused(&whole));
    }
}
