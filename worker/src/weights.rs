//! Another program's weights, from a safetensors file into tensors of ours, strictly.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use fs_err as fs;
use safetensors::{Dtype, SafeTensors};
use tch::{Kind, Tensor};

/// Weights could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum WeightsError {
    /// The file system refused; the message names the file.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The file is torn or no safetensors file.
    #[error("`{}` is no complete safetensors file", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What the reader said.
        source: safetensors::SafeTensorError,
    },
    /// The file holds other tensors than are needed.
    #[error("the weights in `{}` do not fit: {}", path.display(), problems.join(", "))]
    Content {
        /// The file.
        path: PathBuf,
        /// What is missing, surplus or of another shape or type, each by name.
        problems: Vec<String>,
    },
}

/// Copies the tensors of the file at `path` into those of `into` that have the same names. The file
/// must hold exactly these, in f32 and their shapes, beside what `is_ignored` by name; where it
/// does not, nothing was copied.
pub fn load(
    path: &Path,
    into: &BTreeMap<String, Tensor>,
    is_ignored: impl Fn(&str) -> bool,
) -> Result<(), WeightsError> {
    let bytes = fs::read(path)?;
    let file = SafeTensors::deserialize(&bytes)
        .map_err(|source| WeightsError::Format { path: path.to_owned(), source })?;
    let names = file.names().into_iter().filter(|name| !is_ignored(name));
    let mut left: BTreeSet<&str> = names.collect();
    let mut problems = Vec::new();
    let mut found = Vec::with_capacity(into.len());
    for (name, tensor) in into {
        left.remove(name.as_str());
        let Ok(view) = file.tensor(name) else {
            problems.push(format!("`{name}` is missing"));
            continue;
        };
        let shape: Vec<i64> = view.shape().iter().map(|&d| d as i64).collect();
        if shape == tensor.size() && view.dtype() == Dtype::F32 {
            found.push((tensor, Tensor::from_data_size(view.data(), &shape, Kind::Float)));
        } else {
            let (dtype, wanted) = (view.dtype(), tensor.size());
            problems.push(format!("`{name}` is {dtype} {shape:?} instead of F32 {wanted:?}"));
        }
    }
    problems.extend(left.into_iter().map(|name| format!("`{name}` is surplus")));
    if !problems.is_empty() {
        return Err(WeightsError::Content { path: path.to_owned(), problems });
    }
    tch::no_grad(|| found.iter().for_each(|(into, value)| into.shallow_clone().copy_(value)));
    Ok(())
}

#[cfg(test)]
mod tests {
    use tch::Device;

    use super::*;

    fn tensors(shapes: &[(&str, &[i64])], value: f64) -> BTreeMap<String, Tensor> {
        let full = |shape| Tensor::full(shape, value, (Kind::Float, Device::Cpu));
        shapes.iter().map(|(name, shape)| ((*name).to_owned(), full(*shape))).collect()
    }

    fn load_into(
        file: &BTreeMap<String, Tensor>,
        into: &BTreeMap<String, Tensor>,
    ) -> Result<(), WeightsError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("weights.safetensors");
        Tensor::write_safetensors(&file.iter().collect::<Vec<_>>(), &path).unwrap();
        load(&path, into, |name| name.starts_with("fc."))
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
    fn every_difference_is_named_and_nothing_is_copied() {
        let shapes: [(&str, &[i64]); 3] = [("a", &[2, 3]), ("b", &[1]), ("kind", &[1])];
        let into = tensors(&shapes, 0.0);
        let mut file = tensors(&[("a", &[3, 2]), ("c", &[1]), ("d", &[])], 3.0);
        file.insert("kind".to_owned(), Tensor::from_slice(&[1.0_f64]));
        let message = load_into(&file, &into).unwrap_err().to_string();
        let (_, problems) = message.split_once("do not fit: ").unwrap();
        assert_eq!(
            problems,
            "`a` is F32 [3, 2] instead of F32 [2, 3], `b` is missing, \
             `kind` is F64 [1] instead of F32 [1], `c` is surplus, `d` is surplus"
        );
        assert_eq!(into, tensors(&shapes, 0.0));
    }
}
