//! The bridge to what libtorch has and tch lacks: the fused Adam step, averaging lists of
//! tensors, autocast by device and type, process-wide switches, and opening its libraries. All
//! of this crate's unsafe code but a memory map and the allocator's settings.
#![expect(unsafe_code, reason = "calls into the C++ beside this file")]

use std::ffi::{CStr, c_char};
use std::marker::PhantomData;
use std::path::Path;

use tch::{Device, Kind, Tensor};
use torch_sys::C_tensor;

#[derive(Debug, thiserror::Error)]
#[error("libtorch: {0}")]
pub(crate) struct BridgeError(String);

/// Adam's constants for one step.
#[derive(Debug, Clone, Copy, PartialEq)]
#[repr(C)]
pub(crate) struct Adam {
    /// Learning rate of this step.
    pub(crate) learning_rate: f64,
    /// Decay of the gradients' running mean.
    pub(crate) beta1: f64,
    /// Decay of the squared gradients' running mean.
    pub(crate) beta2: f64,
    /// Added to the denominator.
    pub(crate) eps: f64,
}

// SAFETY: the signatures are those of `bridge.cpp`, and `C_tensor` is torch-sys' name for
// `at::Tensor`.
unsafe extern "C" {
    fn orch_fused_adam(
        weights: *const *mut C_tensor,
        gradients: *const *mut C_tensor,
        means: *const *mut C_tensor,
        squares: *const *mut C_tensor,
        count: usize,
        step: *mut C_tensor,
        adam: Adam,
    ) -> *mut c_char;
    fn orch_lerp(
        from: *const *mut C_tensor,
        to: *const *mut C_tensor,
        count: usize,
        share: f64,
    ) -> *mut c_char;
    fn orch_deterministic() -> *mut c_char;
    fn orch_flush_denormals() -> *mut c_char;
    fn orch_allow_tf32(allowed: bool) -> *mut c_char;
    fn orch_autocast_enter(cuda: bool) -> *mut c_char;
    fn orch_autocast_leave(cuda: bool) -> *mut c_char;
    fn orch_free(message: *mut c_char);
}

/// One step of Adam (Kingma and Ba 2015) on `weights`, in place; `means` and `squares` are the
/// moments and `step` a scalar f32 tensor with the number of this step, from 1.
pub(crate) fn fused_adam(
    weights: &[Tensor],
    gradients: &[Tensor],
    (means, squares): (&[Tensor], &[Tensor]),
    step: &Tensor,
    adam: Adam,
) -> Result<(), BridgeError> {
    let count = weights.len();
    assert!(
        [gradients, means, squares].iter().all(|list| list.len() == count),
        "lists of a length"
    );
    let [weights, gradients, means, squares] = [weights, gradients, means, squares].map(pointers);
    // SAFETY: each list holds `count` live tensors for the length of the call.
    checked(unsafe {
        orch_fused_adam(
            weights.as_ptr(),
            gradients.as_ptr(),
            means.as_ptr(),
            squares.as_ptr(),
            count,
            step.as_ptr().cast_mut(),
            adam,
        )
    })
}

/// Moves each of `from` towards its partner in `to` by `share` of the difference, in place.
pub(crate) fn lerp(from: &[Tensor], to: &[Tensor], share: f64) -> Result<(), BridgeError> {
    assert_eq!(from.len(), to.len(), "each tensor has its partner");
    let (from, to) = (pointers(from), pointers(to));
    // SAFETY: both lists hold `from.len()` live tensors for the length of the call.
    checked(unsafe { orch_lerp(from.as_ptr(), to.as_ptr(), from.len(), share) })
}

/// Makes libtorch use deterministic algorithms, and refuse an operation that has none. Must come
/// before the first use of the GPU.
pub(crate) fn deterministic() -> Result<(), BridgeError> {
    // SAFETY: sets flags; nothing else runs yet that could read the environment meanwhile.
    checked(unsafe { orch_deterministic() })
}

/// Makes this thread treat denormal numbers as zero, which are very slow on CPUs.
pub(crate) fn flush_denormals() -> Result<(), BridgeError> {
    // SAFETY: sets a flag of this thread.
    checked(unsafe { orch_flush_denormals() })
}

/// Lets GPUs round the factors of f32 convolutions and matrix products to ten bits, or forbids it.
pub(crate) fn allow_tf32(allowed: bool) -> Result<(), BridgeError> {
    // SAFETY: sets flags of the process, which one thread computes for.
    checked(unsafe { orch_allow_tf32(allowed) })
}

/// While it lives, this thread's operations on one device compute in bf16 where libtorch's
/// autocast rules let them: convolutions and matrix products do, what sums many numbers does not.
#[derive(Debug)]
#[must_use = "dropping it ends autocast"]
pub(crate) struct Autocast {
    cuda: bool,
    /// Autocast belongs to a thread, so the guard may not leave it.
    _thread: PhantomData<*const ()>,
}

impl Autocast {
    /// Begins autocast to bf16 for `device`. Guards may nest.
    pub(crate) fn bf16(device: Device) -> Result<Self, BridgeError> {
        let cuda = device.is_cuda();
        // SAFETY: sets flags of this thread.
        checked(unsafe { orch_autocast_enter(cuda) })?;
        Ok(Self { cuda, _thread: PhantomData })
    }
}

impl Drop for Autocast {
    fn drop(&mut self) {
        // SAFETY: sets flags of this thread, which is that of `bf16`.
        if let Err(error) = checked(unsafe { orch_autocast_leave(self.cuda) }) {
            tracing::error!("cannot end autocast: {error}");
        }
    }
}

/// The values of a contiguous f32 tensor on a CPU that shares its memory with no other, to be written.
///
/// # Panics
/// If the tensor is another.
pub(crate) fn floats_mut(tensor: &mut Tensor) -> &mut [f32] {
    let is_plain = tensor.kind() == Kind::Float && tensor.device() == Device::Cpu;
    assert!(is_plain && tensor.is_contiguous(), "a contiguous f32 tensor on a CPU");
    if tensor.numel() == 0 {
        return &mut [];
    }
    // SAFETY: contiguous, so `numel` floats from there on are the tensor's, which is borrowed for as long.
    unsafe { std::slice::from_raw_parts_mut(tensor.data_ptr().cast(), tensor.numel()) }
}

/// Opens a shared library for good; its initialisers register what it holds with libtorch.
pub(crate) fn open_library(path: &Path) -> Result<(), libloading::Error> {
    use libloading::os::unix::{Library, RTLD_GLOBAL, RTLD_NOW};
    // SAFETY: libtorch's own libraries, whose initialisers only register.
    let library = unsafe { Library::open(Some(path), RTLD_NOW | RTLD_GLOBAL)? };
    // Closing it would pull the registered functions from under libtorch.
    std::mem::forget(library);
    Ok(())
}

fn pointers(tensors: &[Tensor]) -> Vec<*mut C_tensor> {
    tensors.iter().map(|tensor| tensor.as_ptr().cast_mut()).collect()
}

fn checked(message: *mut c_char) -> Result<(), BridgeError> {
    if message.is_null() {
        return Ok(());
    }
    // SAFETY: a message that is not null is a C string owned by us until it is freed here.
    let text = unsafe { CStr::from_ptr(message) }.to_string_lossy().into_owned();
    unsafe { orch_free(message) };
    Err(BridgeError(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADAM: Adam = Adam { learning_rate: 0.1, beta1: 0.9, beta2: 0.999, eps: 1e-8 };

    #[test]
    fn adam_steps_as_its_paper_says() {
        let weights = [Tensor::from_slice(&[1.0_f32, -2.0]), Tensor::from_slice(&[0.5_f32])];
        let means = weights.each_ref().map(Tensor::zeros_like);
        let squares = weights.each_ref().map(Tensor::zeros_like);
        let (mut w, mut m, mut v) = (1.0_f64, 0.0_f64, 0.0_f64);
        for (step, gradient) in [(1, 0.3_f64), (2, -0.7), (3, 0.2)] {
            let gradients = weights.each_ref().map(|w| w.full_like(gradient));
            let count = Tensor::from(step as f32);
            fused_adam(&weights, &gradients, (&means, &squares), &count, ADAM).unwrap();
            m = 0.9 * m + 0.1 * gradient;
            v = 0.999 * v + 0.001 * gradient * gradient;
            let m_hat = m / (1.0 - 0.9_f64.powi(step));
            let v_hat = v / (1.0 - 0.999_f64.powi(step));
            w -= 0.1 * m_hat / (v_hat.sqrt() + 1e-8);
            assert!((weights[0].double_value(&[0]) - w).abs() < 1e-6, "step {step}");
        }
    }

    #[test]
    fn an_average_moves_by_its_share() {
        let (from, to) =
            ([Tensor::from_slice(&[0.0_f32, 8.0])], [Tensor::from_slice(&[4.0_f32, 0.0])]);
        lerp(&from, &to, 0.25).unwrap();
        assert_eq!(Vec::<f32>::try_from(&from[0]).unwrap(), [1.0, 6.0]);
    }

    #[test]
    fn autocast_lasts_as_long_as_its_outermost_guard() {
        let matrix = Tensor::ones([8, 8], (Kind::Float, Device::Cpu)).set_requires_grad(true);
        let kind = || matrix.matmul(&matrix).kind();
        let outer = Autocast::bf16(Device::Cpu).unwrap();
        let inner = Autocast::bf16(Device::Cpu).unwrap();
        assert_eq!(kind(), Kind::BFloat16);
        drop(inner);
        assert_eq!(kind(), Kind::BFloat16);
        drop(outer);
        assert_eq!(kind(), Kind::Float);
    }

    #[test]
    fn an_exception_becomes_an_error() {
        let (from, to) = (
            [Tensor::zeros([2], (Kind::Float, Device::Cpu))],
            [Tensor::zeros([3], (Kind::Float, Device::Cpu))],
        );
        assert!(lerp(&from, &to, 0.5).unwrap_err().to_string().starts_with("libtorch: "));
    }
}
