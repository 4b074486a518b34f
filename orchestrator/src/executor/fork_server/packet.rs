//! The packets between a supervisor and its fork server.

use std::ffi::OsStr;
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::io::Errno;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};

/// Most descriptors in a packet: the kernel takes 253 (`SCM_MAX_FD`).
const MOST_DESCRIPTORS: usize = 250;

/// Bytes of a packet, more than a path may have.
const LONGEST: usize = 8 << 10;

/// Bytes of an id, and of an [`End`].
const ID: usize = 8;
const END: usize = 12;

/// A holder to fork.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) id: u64,
    /// Its attempt's folder.
    pub(super) attempt: PathBuf,
    /// The locks of its slots.
    pub(super) slots: Vec<OwnedFd>,
}

/// The end of a holder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::executor) struct End {
    pub(in crate::executor) id: u64,
    /// The system's error if it could not be forked.
    pub(in crate::executor) failed: Option<Errno>,
}

/// Sends a request. Descriptors that do not fit into its packet go ahead in packets without text.
pub(super) fn send_request(
    socket: impl AsFd,
    id: u64,
    attempt: &Path,
    slots: &[OwnedFd],
) -> io::Result<()> {
    let slots: Vec<_> = slots.iter().map(AsFd::as_fd).collect();
    let (rest, last) = slots.split_at(slots.len() - slots.len() % MOST_DESCRIPTORS);
    for ahead in rest.chunks(MOST_DESCRIPTORS) {
        send(&socket, b"", ahead)?;
    }
    send(&socket, &[&id.to_ne_bytes(), attempt.as_os_str().as_bytes()].concat(), last)
}

fn send(socket: impl AsFd, text: &[u8], descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
    let mut space = vec![MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_DESCRIPTORS))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    if !descriptors.is_empty() {
        ancillary.push(SendAncillaryMessage::ScmRights(descriptors));
    }
    // A packet of no bytes would look like the end.
    let text = [IoSlice::new(b"+"), IoSlice::new(text)];
    sendmsg(socket, &text, &mut ancillary, SendFlags::NOSIGNAL)?;
    Ok(())
}

/// The next request; `None` once the supervisor has gone.
pub(super) fn receive_request(socket: impl AsFd) -> io::Result<Option<Request>> {
    let mut slots = Vec::new();
    loop {
        let mut text = [0; LONGEST];
        let mut space =
            vec![MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_DESCRIPTORS))];
        let mut ancillary = RecvAncillaryBuffer::new(&mut space);
        let flags = RecvFlags::CMSG_CLOEXEC;
        let received = recvmsg(&socket, &mut [IoSliceMut::new(&mut text)], &mut ancillary, flags)?;
        for message in ancillary.drain() {
            if let RecvAncillaryMessage::ScmRights(descriptors) = message {
                slots.extend(descriptors);
            }
        }
        match text[..received.bytes].get(1..) {
            None => return Ok(None),
            Some([]) => {}
            Some(text) => {
                let (id, attempt) = text
                    .split_first_chunk::<ID>()
                    .ok_or_else(|| io::Error::other("a request without an id"))?;
                let attempt = PathBuf::from(OsStr::from_bytes(attempt));
                return Ok(Some(Request { id: u64::from_ne_bytes(*id), attempt, slots }));
            }
        }
    }
}

/// Sends as many `ends`, the first ones, as the supervisor has room for, and removes them.
pub(super) fn send_ends(socket: impl AsFd, ends: &mut Vec<End>) -> io::Result<()> {
    while !ends.is_empty() {
        let count = ends.len().min(LONGEST / END);
        let text: Vec<u8> = ends[..count].iter().copied().flat_map(End::to_bytes).collect();
        match rustix::net::send(&socket, &text, SendFlags::NOSIGNAL | SendFlags::DONTWAIT) {
            Ok(_) => drop(ends.drain(..count)),
            Err(Errno::AGAIN) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// The ends that have come in by now; an error once the server has gone.
pub(super) fn receive_ends(socket: impl AsFd) -> io::Result<Vec<End>> {
    let mut ends = Vec::new();
    loop {
        let mut text = [0; LONGEST];
        match rustix::net::recv(&socket, &mut text, RecvFlags::DONTWAIT) {
            // The ends before are told first.
            Ok((_, 0)) | Err(_) if !ends.is_empty() => return Ok(ends),
            Ok((_, 0)) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok((_, bytes)) => {
                ends.extend(text[..bytes].as_chunks().0.iter().map(End::from_bytes));
            }
            Err(Errno::AGAIN) => return Ok(ends),
            Err(error) => return Err(error.into()),
        }
    }
}

impl End {
    fn to_bytes(self) -> [u8; END] {
        let mut bytes = [0; END];
        bytes[..ID].copy_from_slice(&self.id.to_ne_bytes());
        let failed = self.failed.map_or(0, Errno::raw_os_error);
        bytes[ID..].copy_from_slice(&failed.to_ne_bytes());
        bytes
    }

    fn from_bytes(bytes: &[u8; END]) -> Self {
        let (id, failed) = bytes.split_first_chunk::<ID>().expect("longer than an id");
        let failed = failed.try_into().map_or(0, i32::from_ne_bytes);
        let failed = (failed != 0).then(|| Errno::from_raw_os_error(failed));
        Self { id: u64::from_ne_bytes(*id), failed }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::Write;

    use rustix::net::{AddressFamily, Shutdown, SocketFlags, SocketType, shutdown, socketpair};

    use super::*;

    fn sockets() -> (OwnedFd, OwnedFd) {
        let flags = SocketFlags::CLOEXEC;
        socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None).unwrap()
    }

    #[test]
    fn a_request_arrives_with_any_number_of_descriptors() {
        let (ours, theirs) = sockets();
        let folder = tempfile::tempdir().unwrap();
        for count in [0, 1, MOST_DESCRIPTORS, 2 * MOST_DESCRIPTORS + 3] {
            let slots: Vec<OwnedFd> =
                (0..count).map(|_| tempfile::tempfile_in(folder.path()).unwrap().into()).collect();
            let attempt = Path::new(OsStr::from_bytes(b"/a \xff/attempt-1"));
            send_request(&ours, 7, attempt, &slots).unwrap();
            let request = receive_request(&theirs).unwrap().unwrap();
            assert_eq!((request.id, request.attempt.as_path()), (7, attempt));
            assert_eq!(request.slots.len(), count);
            // They are the same open files.
            for (sent, received) in slots.into_iter().zip(request.slots) {
                File::from(received).write_all(b"x").unwrap();
                assert_eq!(File::from(sent).metadata().unwrap().len(), 1);
            }
        }
        drop(ours);
        assert!(receive_request(&theirs).unwrap().is_none());
    }

    #[test]
    fn ends_that_find_no_room_are_sent_later_and_none_is_lost() {
        let (ours, theirs) = sockets();
        assert_eq!(receive_ends(&ours).unwrap(), []);
        let failed = [None, Some(Errno::AGAIN)];
        let all: Vec<End> =
            (0..1_000_000).map(|id| End { id, failed: failed[id as usize % 2] }).collect();
        let (mut unsent, mut received) = (all.clone(), Vec::new());
        send_ends(&theirs, &mut unsent).unwrap();
        assert!(!unsent.is_empty() && unsent.len() < all.len());
        while received.len() < all.len() {
            received.extend(receive_ends(&ours).unwrap());
            send_ends(&theirs, &mut unsent).unwrap();
        }
        assert_eq!(received, all);
        // A process that another test is starting may still have it open.
        shutdown(&theirs, Shutdown::Both).unwrap();
        assert!(receive_ends(&ours).is_err());
    }
}
