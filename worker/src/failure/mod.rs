//! The error that ends an attempt: its class for the retry policy, its message for people.

mod memory;

use std::io;
use std::panic::{self, AssertUnwindSafe};

use experiments::protocol::check::Problem;
use experiments::protocol::exit::WORKER_CONFIG_WRONG;
use experiments::protocol::failure::FailureClass;
use experiments::protocol::trial::ReadError;

use crate::bridge::BridgeError;
use crate::checkpoint::CheckpointError;
use crate::data::DataError;
use crate::image::ImageError;
use crate::weights::WeightsError;

pub(crate) use memory::OutOfMemory;

/// Exit code of every failure that has none of its own.
const FAILED: i32 = 1;

/// The error that ended an attempt.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// `trial.json` cannot be read.
    #[error(transparent)]
    Trial(#[from] ReadError),
    #[error("the config is wrong: {}", list(.0))]
    Config(Vec<Problem>),
    /// The images cannot be had.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The loss is infinite or not a number.
    #[error(
        "the loss became {loss} between steps {from} and {to}; a lower `training.learning_rate` or more `training.warmup` may help"
    )]
    Diverged {
        /// Last step at which it was finite.
        from: u64,
        /// Step at which it was found not to be.
        to: u64,
        loss: f64,
    },
    /// `device: cuda` without a GPU.
    #[error(
        "`device: cuda` was requested, but libtorch finds no GPU; is `libtorch_cuda.so` where ORCH_LIBTORCH_CUDA or LD_LIBRARY_PATH says, and CUDA_VISIBLE_DEVICES not empty?"
    )]
    NoGpu,
    /// The initial weights that the config names cannot be loaded.
    #[error("cannot start from the weights that `model.init_from` names")]
    Weights(#[source] WeightsError),
    /// The state could not be saved or restored.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// A picture could not be written.
    #[error(transparent)]
    Picture(#[from] ImageError),
    /// Events could not be written, or a folder not be made.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// There is not enough memory.
    #[error(transparent)]
    Memory(OutOfMemory),
    /// libtorch refused a call of ours.
    #[error(transparent)]
    Libtorch(BridgeError),
    /// A tensor operation panicked.
    #[error("{0}")]
    Panic(String),
}

impl Failure {
    /// From a panic's payload. libtorch appends a C++ backtrace to its message; it is dropped.
    pub(crate) fn from_panic(payload: &(dyn std::any::Any + Send)) -> Self {
        let text = payload.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("a panic");
        let end = ["\\nException raised from", "\nException raised from", "\\nframe #0"]
            .iter()
            .filter_map(|mark| text.find(mark))
            .min();
        let text = &text[..end.unwrap_or(text.len())];
        OutOfMemory::parse(text).map_or_else(|| Self::Panic(text.to_owned()), Self::Memory)
    }

    /// The class that `failed` events carry.
    pub(crate) fn class(&self) -> FailureClass {
        match self {
            Self::Trial(_) | Self::Config(_) => FailureClass::Config,
            Self::NoGpu
            | Self::Data(DataError::Cache { .. } | DataError::Damaged { .. })
            | Self::Checkpoint(_)
            | Self::Picture(_)
            | Self::Io(_) => FailureClass::Infrastructure,
            Self::Data(_) | Self::Weights(_) => FailureClass::Data,
            Self::Diverged { .. } => FailureClass::Diverged,
            Self::Memory(memory) => memory.class(),
            Self::Libtorch(error) => class_of(&error.to_string()),
            Self::Panic(text) => class_of(text),
        }
    }

    pub(crate) fn exit_code(&self) -> i32 {
        match self {
            Self::Trial(_) | Self::Config(_) => WORKER_CONFIG_WRONG,
            _ => FAILED,
        }
    }
}

/// Runs `body` and turns a panic into a failure. Exhausted memory is not a bug: it is reported by
/// the failure alone, without location and backtrace.
pub(crate) fn caught<T>(body: impl FnOnce() -> T) -> Result<T, Failure> {
    let report = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        if !matches!(Failure::from_panic(panic.payload()), Failure::Memory(_)) {
            report(panic);
        }
    }));
    let outcome = panic::catch_unwind(AssertUnwindSafe(body));
    drop(panic::take_hook());
    outcome.map_err(|payload| Failure::from_panic(&*payload))
}

impl From<BridgeError> for Failure {
    fn from(error: BridgeError) -> Self {
        OutOfMemory::parse(&error.to_string()).map_or(Self::Libtorch(error), Self::Memory)
    }
}

fn class_of(text: &str) -> FailureClass {
    if text.contains("CUDA error") { FailureClass::Infrastructure } else { FailureClass::Crashed }
}

fn list(problems: &[Problem]) -> String {
    let lines = problems.iter().map(|p| format!("`{}`: {}", p.pointer, p.message));
    lines.collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind, Tensor};

    use super::*;
    use crate::error_chain::error_chain;

    #[test]
    fn a_panic_of_libtorch_is_told_in_one_sentence() {
        let text = "called `Result::unwrap()` on an `Err` value: Torch(\"CUDA out of memory. Tried \
                    to allocate 2.00 GiB. GPU 0 has a total capacity of 11.91 GiB of which 406.38 \
                    MiB is free. Of the allocated memory 11.18 GiB is allocated by PyTorch, and \
                    219.44 MiB is reserved.\\nException raised from malloc at x.cpp:1\\nframe #0\")";
        let failure = Failure::from_panic(&text.to_owned());
        assert_eq!(failure.class(), FailureClass::CudaOom);
        assert_eq!(
            error_chain(&failure),
            "the GPU's memory is full: 2.00 GiB were requested, 406.38 MiB of 11.91 GiB are free; \
             a smaller batch (`training.accumulate`, `evaluation.batch`, `--batch`) or \
             `precision: bf16` needs less"
        );
        let failure =
            Failure::from_panic(&"CUDA error: misaligned address\nException raised from x");
        assert_eq!(
            (failure.class(), error_chain(&failure).lines().count()),
            (FailureClass::Infrastructure, 1)
        );
        assert_eq!(Failure::from_panic(&"index out of bounds").class(), FailureClass::Crashed);
    }

    #[test]
    fn a_panic_is_caught() {
        assert!(matches!(caught(|| 3), Ok(3)));
        let too_large = || Tensor::zeros([1 << 46], (Kind::Float, Device::Cpu));
        assert!(matches!(caught(too_large), Err(Failure::Memory(OutOfMemory::Machine { .. }))));
        let failure = caught(|| panic!("for a reason")).unwrap_err();
        assert_eq!(error_chain(&failure), "for a reason");
    }
}
