//! Kills a process right before its N-th change of a file: it is traced, with all its threads, from
//! system call to system call. Processes that it starts are not traced.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use nix::libc;
use nix::sys::ptrace::{self, Options};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

/// The end of a traced process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Traced {
    /// The number of changes that it made or was about to make.
    pub(crate) changes: usize,
    /// True if it was killed before the last of them.
    pub(crate) killed: bool,
}

/// Runs `command` to its end, or kills it before the change number `kill_at` (from 1) of a file in
/// `folder`.
#[expect(clippy::zombie_processes, reason = "it is waited for as a traced process")]
pub(crate) fn trace(mut command: Command, folder: &Path, kill_at: Option<usize>) -> Traced {
    #[expect(
        unsafe_code,
        reason = "the closure makes one system call and allocates nothing, as it must between fork \
                  and exec"
    )]
    // SAFETY: see the reason above.
    unsafe {
        command.pre_exec(|| Ok(ptrace::traceme()?));
    }
    let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let process = Pid::from_raw(child.id() as i32);
    // Those that another thread of this test program has started are not this one's to wait for.
    let children = WaitPidFlag::__WALL | WaitPidFlag::__WNOTHREAD;
    assert_eq!(waitpid(process, Some(children)), Ok(WaitStatus::Stopped(process, Signal::SIGTRAP)));
    let options =
        Options::PTRACE_O_TRACESYSGOOD | Options::PTRACE_O_TRACECLONE | Options::PTRACE_O_EXITKILL;
    ptrace::setoptions(process, options).unwrap();
    resume(process, None);

    let mut threads = BTreeSet::from([process]);
    let mut traced = Traced { changes: 0, killed: false };
    loop {
        match waitpid(None, Some(children)).unwrap() {
            WaitStatus::Exited(pid, _) | WaitStatus::Signaled(pid, ..) if pid == process => {
                return traced;
            }
            WaitStatus::PtraceSyscall(thread) => {
                if !traced.killed && is_change(thread, folder) {
                    traced.changes += 1;
                    if Some(traced.changes) == kill_at {
                        traced.killed = true;
                        kill(process, Signal::SIGKILL).unwrap();
                    }
                }
                resume(thread, None);
            }
            // A new thread begins with a stop of its own.
            WaitStatus::Stopped(thread, _) if threads.insert(thread) => resume(thread, None),
            WaitStatus::Stopped(thread, signal) => resume(thread, Some(signal)),
            WaitStatus::PtraceEvent(thread, ..) => resume(thread, None),
            _ => {}
        }
    }
}

/// Lets a thread run to its next system call, or to the end of the one that it is in.
fn resume(thread: Pid, signal: Option<Signal>) {
    // One that was killed meanwhile has nothing to resume.
    let _ = ptrace::syscall(thread, signal);
}

/// True if the thread is about to change a file in `folder`, or a name or a lock there.
fn is_change(thread: Pid, folder: &Path) -> bool {
    let Ok(info) = ptrace::syscall_info(thread) else { return false };
    if info.op != libc::PTRACE_SYSCALL_INFO_ENTRY {
        return false;
    }
    // The number and the arguments, in hexadecimal; one that has just stopped may not have left its core yet.
    let text = loop {
        let text = fs::read_to_string(format!("/proc/{thread}/syscall")).unwrap();
        if text.trim() != "running" {
            break text;
        }
        thread::yield_now();
    };
    let mut words = text.split_whitespace();
    let number = words.next().unwrap().parse::<libc::c_long>().unwrap();
    let arguments: Vec<_> =
        words.map(|word| u64::from_str_radix(word.trim_start_matches("0x"), 16).unwrap()).collect();
    if OF_NAMES.contains(&number) {
        return true;
    }
    if number == libc::SYS_openat {
        return arguments[2] as i32 & libc::O_CREAT != 0;
    }
    let file = fs::read_link(format!("/proc/{thread}/fd/{}", arguments[0]));
    OF_DESCRIPTORS.contains(&number) && file.is_ok_and(|file| file.starts_with(folder))
}

/// System calls that change the file, or the lock on it, that a descriptor names: their first argument.
const OF_DESCRIPTORS: &[libc::c_long] = &[
    libc::SYS_write,
    libc::SYS_writev,
    libc::SYS_pwrite64,
    libc::SYS_pwritev,
    libc::SYS_copy_file_range,
    libc::SYS_ftruncate,
    libc::SYS_fallocate,
    libc::SYS_fsync,
    libc::SYS_fdatasync,
    libc::SYS_fchmod,
    libc::SYS_flock,
    libc::SYS_fcntl,
];

/// System calls that make, change or remove names.
const OF_NAMES: &[libc::c_long] = &[
    #[cfg(target_arch = "x86_64")]
    libc::SYS_rename,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_link,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_unlink,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_mkdir,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_rmdir,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_symlink,
    libc::SYS_renameat,
    libc::SYS_renameat2,
    libc::SYS_linkat,
    libc::SYS_unlinkat,
    libc::SYS_mkdirat,
    libc::SYS_symlinkat,
];
