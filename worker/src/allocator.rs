//! The program's memory, also that of libtorch: a training step takes and frees gigabytes, and to fault them in
//! anew each time, in pages of 4 KiB, can take as long as the arithmetic (docs/benchmarks.md).

use tikv_jemallocator::Jemalloc;

#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

/// jemalloc's settings, a string of C: freed memory is kept until the process ends, in pages of 2 MiB where the
/// kernel has them. The environment variable `MALLOC_CONF` overrides them.
#[expect(unsafe_code, reason = "jemalloc reads a pointer to characters at this name")]
#[unsafe(export_name = "malloc_conf")]
static SETTINGS: &u8 = &b"thp:always,dirty_decay_ms:-1,muzzy_decay_ms:-1\0"[0];
