//! The errors by which the server does not start.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

/// The server cannot be started.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServeError {
    /// The port is taken, or the address is not one of this machine.
    #[error("cannot listen at {address}: {source}\n\nhint: `--bind 127.0.0.1:0` takes a free port")]
    Bind {
        /// As it was requested.
        address: SocketAddr,
        /// The system's error.
        source: io::Error,
    },
    /// Other machines could read everything.
    #[error(
        "{address} can be reached from other machines: give a secret with `--token-file`\n\nhint: \
         `(umask 077; head -c 24 /dev/urandom | base64 > token)` makes one; or keep the default address and \
         forward its port, `ssh -L 8750:127.0.0.1:8750 HOST`"
    )]
    NoToken {
        /// As it was requested.
        address: SocketAddr,
    },
    /// The file of the token cannot be used.
    #[error("the token in `{}` cannot be used: {reason}", path.display())]
    Token {
        /// The file.
        path: PathBuf,
        /// For people.
        reason: String,
    },
}
