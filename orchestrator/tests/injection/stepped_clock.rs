//! A library to preload: the wall clock, stepped by as many seconds as the file that
//! `STEPPED_CLOCK` names says. Compiled by the fault campaign itself; not part of any program.

use std::ffi::{c_int, c_long};

#[repr(C)]
pub struct Time {
    seconds: i64,
    nanoseconds: c_long,
}

const REALTIME: c_int = 0;

#[cfg(target_arch = "x86_64")]
const SYS_CLOCK_GETTIME: c_long = 228;
#[cfg(target_arch = "aarch64")]
const SYS_CLOCK_GETTIME: c_long = 113;

unsafe extern "C" {
    fn syscall(number: c_long, ...) -> c_long;
}

/// Replaces the function of libc.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn clock_gettime(clock: c_int, time: *mut Time) -> c_int {
    // SAFETY: the caller's pointer goes on to the kernel, as libc would pass it on.
    let failed = unsafe { syscall(SYS_CLOCK_GETTIME, clock, time) } != 0;
    if failed {
        return -1;
    }
    if clock == REALTIME {
        // SAFETY: the kernel has just written there.
        unsafe { (*time).seconds += step() };
    }
    0
}

fn step() -> i64 {
    let path = std::env::var_os("STEPPED_CLOCK").unwrap_or_default();
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.trim().parse().unwrap_or(0)
}
