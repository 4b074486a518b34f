//! Arguments of `orch serve`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

/// Arguments of `orch serve`.
#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// Address and port to listen at; port 0 stands for any that is free.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8750")]
    pub(crate) bind: SocketAddr,
    /// A file with a secret of 16 characters or more, without which nothing is shown. Any address but a
    /// loopback one needs it.
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// A name by which browsers reach the server, beside `localhost` and its address; repeatable.
    #[arg(long = "host", value_name = "NAME")]
    pub(crate) hosts: Vec<String>,
}
