//! The fork server: a small process with one thread, behind the hidden `orch fork-server`, of which a
//! holder is a forked copy. To fork it takes a fraction of what it takes to start the program, whose
//! size the kernel would have to map and link for every trial.
//!
//! Supervisor and server talk over a socket of packets, the server's standard input. A request has the
//! id of a holder, its attempt's folder, and the descriptors of its slots; the answer, once the holder
//! has ended, is its [`End`]. The server ends with its supervisor, and holders outlive both.

mod client;
mod packet;
mod server;

pub(super) use self::client::ForkServer;
pub(super) use self::packet::End;
pub(crate) use self::server::serve;
