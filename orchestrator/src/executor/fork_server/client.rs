//! A supervisor's side of its fork server.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::packet::{self, End};

/// A running fork server; it ends when this is dropped, and its holders do not.
#[derive(Debug)]
pub(in crate::executor) struct ForkServer {
    process: Child,
    socket: OwnedFd,
}

impl ForkServer {
    /// Starts `program fork-server` in a session of its own, so that no signal of a terminal ends it.
    pub(in crate::executor) fn start(program: &Path) -> io::Result<Self> {
        let flags = SocketFlags::CLOEXEC;
        let (socket, theirs) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)?;
        let mut command = Command::new(program);
        command.arg0("orch").arg("fork-server");
        command.stdin(theirs).stdout(Stdio::null()).stderr(Stdio::null());
        #[expect(unsafe_code, reason = "the closure makes one system call")]
        unsafe {
            command.pre_exec(|| Ok(rustix::process::setsid().map(drop)?));
        }
        Ok(Self { process: command.spawn()?, socket })
    }

    /// Asks for the holder `id` of `attempt`, an absolute path, which gets the locks `slots`.
    pub(in crate::executor) fn fork(
        &self,
        id: u64,
        attempt: &Path,
        slots: &[OwnedFd],
    ) -> io::Result<()> {
        packet::send_request(&self.socket, id, attempt, slots)
    }

    /// The holders that have ended by now; an error once the server has gone.
    pub(in crate::executor) fn ended(&self) -> io::Result<Vec<End>> {
        packet::receive_ends(&self.socket)
    }

    /// Waits until [`Self::ended`] has something to tell.
    pub(in crate::executor) async fn wait(&self) -> io::Result<()> {
        #[expect(unsafe_code, reason = "the descriptor is open for longer than its registration")]
        let socket =
            unsafe { AsyncFd::register_with_interest(self.socket.as_fd(), Interest::READABLE)? };
        socket.readable().await.map(drop)
    }
}

impl Drop for ForkServer {
    fn drop(&mut self) {
        // It would end with its socket, unless a signal has stopped it.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
