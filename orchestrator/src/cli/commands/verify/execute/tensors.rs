//! Two checkpoints, compared tensor by tensor where they are safetensors, and else byte by byte.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;

use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};

use super::comparison::{Comparison, relative};
use crate::platform::filesystem::files_below;

/// Compares the checkpoint at `there`, a file or a folder, with the one at `here`.
pub(super) fn compare(there: &Path, here: &Path, comparison: &mut Comparison) -> io::Result<()> {
    let mut differences = Vec::new();
    for file in files_below(there)? {
        let below = file.strip_prefix(there).unwrap_or(&file);
        let again = if below.as_os_str().is_empty() { here.to_owned() } else { here.join(below) };
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let recorded = fs::read(&file)?;
        let again = match fs::read(&again) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                comparison.largest = f64::INFINITY;
                differences.push(format!("`{name}` was not written again"));
                continue;
            }
            read => read?,
        };
        if let (Ok(a), Ok(b)) =
            (SafeTensors::deserialize(&recorded), SafeTensors::deserialize(&again))
        {
            compare_tensors(&a, &b, comparison, &mut differences);
        } else {
            comparison.tensors += 1;
            if recorded != again {
                comparison.largest = f64::INFINITY;
                differences.push(format!("`{name}` has other bytes"));
            }
        }
    }
    comparison.add("checkpoint", &differences);
    Ok(())
}

/// The metadata, which may hold times, is not compared.
fn compare_tensors(
    a: &SafeTensors,
    b: &SafeTensors,
    comparison: &mut Comparison,
    differences: &mut Vec<String>,
) {
    for (name, recorded) in a.iter() {
        comparison.tensors += 1;
        let Ok(again) = b.tensor(name) else {
            comparison.largest = f64::INFINITY;
            differences.push(format!("`{name}` is missing"));
            continue;
        };
        if recorded.data() == again.data() && recorded.dtype() == again.dtype() {
            continue;
        }
        let largest = largest_difference(&recorded, &again);
        comparison.largest = comparison.largest.max(largest);
        differences.push(format!("`{name}` differs by up to {largest:.1e} of its largest value"));
    }
    for name in b.names() {
        if a.tensor(name).is_err() {
            comparison.largest = f64::INFINITY;
            differences.push(format!("`{name}` is new"));
        }
    }
}

/// The largest difference of two elements, relative to the largest element; infinite if the tensors are not
/// of the same shape and of single or double precision.
fn largest_difference(a: &TensorView, b: &TensorView) -> f64 {
    if a.shape() != b.shape() || a.dtype() != b.dtype() {
        return f64::INFINITY;
    }
    let (Some(a), Some(b)) = (elements(a), elements(b)) else { return f64::INFINITY };
    let largest = a.iter().chain(&b).fold(0.0_f64, |largest, value| largest.max(value.abs()));
    let difference = a.iter().zip(&b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    if a.iter().chain(&b).all(|value| value.is_finite()) {
        relative(largest, largest - difference)
    } else {
        f64::INFINITY
    }
}

fn elements(tensor: &TensorView) -> Option<Vec<f64>> {
    let data = tensor.data();
    match tensor.dtype() {
        Dtype::F32 => {
            let (chunks, _) = data.as_chunks::<4>();
            Some(chunks.iter().map(|bytes| f64::from(f32::from_le_bytes(*bytes))).collect())
        }
        Dtype::F64 => {
            let (chunks, _) = data.as_chunks::<8>();
            Some(chunks.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect())
        }
        _ => None,
    }
}
