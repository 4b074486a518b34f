// What libtorch has and tch lacks. Every function returns null, or a message to be freed with
// `orch_free`: no C++ exception may cross into Rust.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <vector>

#include <ATen/Context.h>
#include <ATen/autocast_mode.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/_foreach_lerp.h>
#include <ATen/ops/_fused_adam.h>

namespace {

using List = std::vector<at::Tensor>;

// Tensors are handles that share their storage: the copies below are cheap and in-place writes
// reach the originals.
List list(at::Tensor *const *tensors, size_t count) {
    List result;
    result.reserve(count);
    for (size_t i = 0; i < count; ++i) result.push_back(*tensors[i]);
    return result;
}

// A copy for the caller to free. Without memory for it the process ends: null would mean success.
char *copied(const char *message) {
    if (char *copy = strdup(message)) {
        return copy;
    }
    std::fputs(message, stderr);
    std::abort();
}

template <class Body>
char *guarded(Body body) {
    try {
        body();
        return nullptr;
    } catch (const std::exception &error) {
        return copied(error.what());
    } catch (...) {
        return copied("an exception that is no std::exception");
    }
}

}  // namespace

extern "C" {

struct OrchAdam {
    double learning_rate, beta1, beta2, eps;
};

char *orch_fused_adam(at::Tensor *const *weights, at::Tensor *const *gradients,
                      at::Tensor *const *means, at::Tensor *const *squares, size_t count,
                      at::Tensor *step, OrchAdam adam) {
    return guarded([&] {
        at::_fused_adam_(list(weights, count), list(gradients, count), list(means, count),
                         list(squares, count), {}, List(count, *step), adam.learning_rate,
                         adam.beta1, adam.beta2, /*weight_decay=*/0.0, adam.eps,
                         /*amsgrad=*/false, /*maximize=*/false);
    });
}

char *orch_lerp(at::Tensor *const *from, at::Tensor *const *to, size_t count, double share) {
    return guarded([&] { at::_foreach_lerp_(list(from, count), list(to, count), share); });
}

char *orch_deterministic() {
    return guarded([] {
        // cuBLAS reads it when its first handle is made.
        setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8", /*overwrite=*/0);
        auto &context = at::globalContext();
        context.setDeterministicAlgorithms(true, /*warn_only=*/false);
        // Filling fresh memory with NaN only helps to find reads of it, and costs time.
        context.setDeterministicFillUninitializedMemory(false);
        context.setDeterministicCuDNN(true);
        context.setBenchmarkCuDNN(false);
    });
}

char *orch_flush_denormals() {
    return guarded([] { at::globalContext().setFlushDenormal(true); });
}

// Left alone, libtorch computes f32 convolutions on GPUs in tf32, and matrix products in f32.
char *orch_allow_tf32(bool allowed) {
    return guarded([allowed] {
        auto &context = at::globalContext();
        context.setFloat32MatmulPrecision(allowed ? "high" : "highest");
        context.setFloat32Precision(
            at::Float32Backend::CUDA, at::Float32Op::CONV,
            allowed ? at::Float32Precision::TF32 : at::Float32Precision::IEEE);
    });
}

// Nests: only the outermost pair switches autocast, and forgets the weights' cached bf16 copies.
char *orch_autocast_enter(bool cuda) {
    return guarded([cuda] {
        auto device = cuda ? at::kCUDA : at::kCPU;
        at::autocast::set_autocast_dtype(device, at::kBFloat16);
        at::autocast::set_autocast_enabled(device, true);
        at::autocast::increment_nesting();
    });
}

char *orch_autocast_leave(bool cuda) {
    return guarded([cuda] {
        if (at::autocast::decrement_nesting() > 0) return;
        at::autocast::clear_cache();
        at::autocast::set_autocast_enabled(cuda ? at::kCUDA : at::kCPU, false);
    });
}

void orch_free(char *message) { std::free(message); }
}
