//! Reading the golden vectors, and comparing with them.

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use tch::{Kind, Tensor};

use crate::common::section::Section;

/// To be held while libtorch's generator is used, or a GPU's precision matters: both are the
/// process's, and tests are its threads.
pub(crate) fn generator() -> MutexGuard<'static, ()> {
    static GENERATOR: Mutex<()> = Mutex::new(());
    GENERATOR.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A file of `tests/golden`.
pub(crate) fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

/// A JSON file of `tests/golden`.
pub(crate) fn json(name: &str) -> Value {
    serde_json::from_str(&std::fs::read_to_string(path(name)).unwrap()).unwrap()
}

/// The numbers of a JSON list.
pub(crate) fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

/// A list as an f64 tensor of `shape`.
pub(crate) fn shaped(value: &Value, shape: &[i64]) -> Tensor {
    Tensor::from_slice(&numbers(value)).reshape(shape)
}

/// A `{shape, data}` entry as an f64 tensor.
pub(crate) fn tensor(value: &Value) -> Tensor {
    let shape: Vec<i64> = numbers(&value["shape"]).into_iter().map(|d| d as i64).collect();
    shaped(&value["data"], &shape)
}

/// The largest difference of an element.
#[track_caller]
pub(crate) fn difference(actual: &Tensor, expected: &Tensor) -> f64 {
    assert_eq!(actual.size(), expected.size());
    let difference = actual.to_kind(Kind::Double) - expected.to_kind(Kind::Double);
    difference.abs().max().double_value(&[])
}

/// The largest size of an element, or 1: what its rounding errors are relative to.
pub(crate) fn scale(tensor: &Tensor) -> f64 {
    tensor.abs().max().double_value(&[]).max(1.0)
}

/// Compares a number absolutely.
#[track_caller]
pub(crate) fn number(section: &mut Section, actual: f64, expected: &Value) {
    section.within((actual - expected.as_f64().unwrap()).abs());
}

/// Fails unless every element of `actual` is within `tolerance` of `expected`.
#[track_caller]
pub(crate) fn assert_close(actual: &Tensor, expected: &Tensor, tolerance: f64) {
    let worst = difference(actual, expected);
    assert!(worst <= tolerance, "differs by {worst}, allowed are {tolerance}");
}
