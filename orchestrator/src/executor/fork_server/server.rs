//! The fork server itself.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::rc::Rc;

use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::{ForkResult, Pid, fork};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::{Errno, FdFlags, fcntl_setfd};
use signal_hook::consts::SIGCHLD;
use signal_hook::low_level::{pipe, unregister};

use super::packet::{self, End, Request};
use crate::code::{CodeAndDiff, CodeCache};
use crate::platform::host;
use crate::run_dir::attempt::AttemptDir;

/// A holder to be, in its own process and session.
#[derive(Debug)]
pub(crate) struct ForkedHolder {
    /// Its attempt's folder.
    pub(crate) attempt: PathBuf,
    /// The worker's code, where the server knows it, mostly from the attempt before.
    pub(crate) code: Option<Rc<CodeAndDiff>>,
    /// The locks of its slots, which its worker inherits.
    #[expect(dead_code, reason = "held, never read")]
    slots: Vec<OwnedFd>,
}

/// Forks holders until the supervisor, at the other end of standard input, has gone. Returns once in
/// each of them, and `None` in the server at its end. Call it in a process with one thread.
pub(crate) fn serve() -> io::Result<Option<ForkedHolder>> {
    let socket = io::stdin().as_fd().try_clone_to_owned()?;
    rustix::stdio::dup2_stdin(File::open("/dev/null")?)?;
    // Read once, for all holders.
    host::remember();
    let (signals, sender) = UnixStream::pair()?;
    let on_child_end = pipe::register(SIGCHLD, sender)?;
    let (mut holders, mut ends) = (BTreeMap::new(), Vec::new());
    let mut codes = CodeCache::default();
    loop {
        let room = if ends.is_empty() { PollFlags::empty() } else { PollFlags::OUT };
        let mut wakeups =
            [PollFd::new(&socket, PollFlags::IN | room), PollFd::new(&signals, PollFlags::IN)];
        match poll(&mut wakeups, None) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let [asked, ended] = wakeups.map(|wakeup| wakeup.revents());
        if asked.intersects(PollFlags::IN | PollFlags::HUP) {
            let Some(request) = packet::receive_request(&socket)? else { return Ok(None) };
            let code = known_code(&request, &mut codes);
            let Request { id, attempt, slots } = request;
            match fork_holder() {
                Ok(Some(holder)) => drop(holders.insert(holder, id)),
                Ok(None) => {
                    // The server's own wakeups are no business of a holder.
                    unregister(on_child_end);
                    for slot in &slots {
                        let _ = fcntl_setfd(slot, FdFlags::empty());
                    }
                    return Ok(Some(ForkedHolder { attempt, code, slots }));
                }
                Err(error) => ends.push(End { id, failed: Some(error) }),
            }
        }
        if !ended.is_empty() {
            let _ = (&signals).read(&mut [0; 64])?;
            while let Ok(Some(pid)) = waitpid(None, Some(WaitPidFlag::WNOHANG)).map(|s| s.pid()) {
                ends.extend(holders.remove(&pid).map(|id| End { id, failed: None }));
            }
        }
        packet::send_ends(&socket, &mut ends)?;
    }
}

/// The code of the attempt's worker, if it is known.
fn known_code(request: &Request, codes: &mut CodeCache) -> Option<Rc<CodeAndDiff>> {
    let command = AttemptDir::at(&request.attempt).read_command().ok().flatten();
    codes.known(&command?.code?)
}

/// Forks: the new process in this one, and `None` in the new one, which has a session of its own.
fn fork_holder() -> Result<Option<Pid>, Errno> {
    #[expect(unsafe_code, reason = "this process has one thread, so that its copy may do anything")]
    match unsafe { fork() } {
        Ok(ForkResult::Parent { child }) => Ok(Some(child)),
        Ok(ForkResult::Child) => {
            // It leads no group yet, so that it cannot fail.
            let _ = rustix::process::setsid();
            // For people, who would take it for another server.
            let _ = rustix::thread::set_name(c"orch-holder");
            Ok(None)
        }
        Err(error) => Err(Errno::from_raw_os_error(error as i32)),
    }
}
