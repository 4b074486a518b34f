//! Failed allocations, parsed from libtorch's messages.

use experiments::protocol::failure::FailureClass;

const ADVICE: &str = "a smaller batch (`training.accumulate`, `evaluation.batch`, `--batch`) or `precision: bf16` needs less";

/// Messages of CUDA's own libraries, which name no sizes.
const UNSIZED: [&str; 4] = [
    "CUDA out of memory",
    "CUDA error: out of memory",
    "CUBLAS_STATUS_ALLOC_FAILED",
    "CUDNN_STATUS_ALLOC_FAILED",
];

/// A failed allocation. Sizes are in words, for example `2.00 GiB`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum OutOfMemory {
    /// GPU memory, requested by libtorch.
    #[error(
        "the GPU's memory is full: {asked} were requested, {free} of {total} are free; {ADVICE}"
    )]
    Gpu {
        /// Size of the failed allocation.
        asked: String,
        /// Free memory on the GPU.
        free: String,
        /// Size of the GPU's memory.
        total: String,
    },
    /// GPU memory, requested by one of CUDA's libraries.
    #[error("the GPU's memory is full; {ADVICE}")]
    GpuLibrary,
    #[error("the machine's memory is full: {asked} were requested; {ADVICE}")]
    Machine {
        /// Size of the failed allocation.
        asked: String,
    },
}

impl OutOfMemory {
    /// Parses libtorch's message `text`; none if it is not about memory.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let after = |mark| text.split_once(mark).map(|(_, rest)| rest);
        if let Some(rest) =
            after("DefaultCPUAllocator: can't allocate memory: you tried to allocate ")
        {
            let bytes = rest.split_once(" bytes").and_then(|(bytes, _)| bytes.parse().ok())?;
            return Some(Self::Machine { asked: size(bytes) });
        }
        after("CUDA out of memory. Tried to allocate ")
            .and_then(Self::parse_sizes)
            .or_else(|| UNSIZED.iter().any(|mark| text.contains(mark)).then_some(Self::GpuLibrary))
    }

    /// Parses the rest of libtorch's message after "Tried to allocate".
    fn parse_sizes(text: &str) -> Option<Self> {
        let (asked, rest) = text.split_once(". ")?;
        let (_, rest) = rest.split_once("has a total capacity of ")?;
        let (total, rest) = rest.split_once(" of which ")?;
        let (free, _) = rest.split_once(" is free")?;
        let [asked, free, total] = [asked, free, total].map(str::to_owned);
        Some(Self::Gpu { asked, free, total })
    }

    /// The class that `failed` events carry.
    pub(crate) fn class(&self) -> FailureClass {
        match self {
            Self::Gpu { .. } | Self::GpuLibrary => FailureClass::CudaOom,
            Self::Machine { .. } => FailureClass::CpuOom,
        }
    }
}

/// A number of bytes in words, as libtorch writes it.
fn size(bytes: u64) -> String {
    let (mebi, gibi) = ((1_u64 << 20) as f64, (1_u64 << 30) as f64);
    let bytes = bytes as f64;
    if bytes < gibi {
        format!("{:.2} MiB", bytes / mebi)
    } else {
        format!("{:.2} GiB", bytes / gibi)
    }
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind, Tensor};

    use super::*;

    #[test]
    fn what_the_gpu_was_asked_for_and_has_is_read() {
        // Recorded messages: of a process alone, beside others, with a limit, with private pools.
        let cases = [
            (
                "CUDA out of memory. Tried to allocate 320.00 MiB. GPU 0 has a total capacity of \
                 31.37 GiB of which 80.69 MiB is free. Including non-PyTorch memory, this process \
                 has 31.28 GiB memory in use. Of the allocated memory 30.76 GiB is allocated by \
                 PyTorch, and 33.46 MiB is reserved by PyTorch but unallocated.",
                ["320.00 MiB", "80.69 MiB", "31.37 GiB"],
            ),
            (
                "CUDA out of memory. Tried to allocate 86.00 MiB. GPU 0 has a total capacity of \
                 23.64 GiB of which 264.00 MiB is free. Process 2086283 has 419.48 MiB memory in \
                 use. Including non-PyTorch memory, this process has 8.04 GiB memory in use. \
                 Process 2797307 has 14.85 GiB memory in use.",
                ["86.00 MiB", "264.00 MiB", "23.64 GiB"],
            ),
            (
                "CUDA out of memory. Tried to allocate 2.00 MiB. GPU 0 has a total capacity of \
                 255.98 GiB of which 244.65 GiB is free. 1.05 GiB allowed; Of the allocated memory \
                 1017.01 MiB is allocated by PyTorch, with 17.00 MiB allocated in private pools",
                ["2.00 MiB", "244.65 GiB", "255.98 GiB"],
            ),
            (
                "CUDA out of memory. Tried to allocate 1002.00 MiB. GPU 0 has a total capacity of \
                 8.00 GiB of which 0 bytes is free. Of the allocated memory 13.98 GiB is allocated",
                ["1002.00 MiB", "0 bytes", "8.00 GiB"],
            ),
        ];
        for (text, sizes) in cases {
            let [asked, free, total] = sizes.map(str::to_owned);
            let expected = OutOfMemory::Gpu { asked, free, total };
            assert_eq!(OutOfMemory::parse(text).as_ref(), Some(&expected));
            assert_eq!(expected.class(), FailureClass::CudaOom);
        }
    }

    #[test]
    fn messages_without_sizes_are_parsed() {
        for text in [
            "CUDA error: out of memory\nCUDA kernel errors might be asynchronously reported",
            "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
            "cuDNN error: CUDNN_STATUS_ALLOC_FAILED",
            "CUDA out of memory, in the words of another version",
        ] {
            assert_eq!(OutOfMemory::parse(text), Some(OutOfMemory::GpuLibrary));
        }
        assert_eq!(OutOfMemory::parse("CUDA error: an illegal memory access"), None);
    }

    #[test]
    fn the_machines_memory_is_full_when_libtorch_says_so() {
        let error = Tensor::f_zeros([1 << 46], (Kind::Float, Device::Cpu)).unwrap_err();
        let memory = OutOfMemory::parse(&error.to_string()).unwrap();
        assert_eq!(memory, OutOfMemory::Machine { asked: "262144.00 GiB".to_owned() });
        assert_eq!(memory.class(), FailureClass::CpuOom);
    }
}
