//! `orch serve`: pages that show runs while they go on and afterwards. Read-only: records are read as by
//! `orch status`, and nothing that a browser sends starts, stops or changes anything.
//!
//! A request passes `access`, finds its page in `routes`, and gets data from a `cache` of `views`, which are
//! read again only once the files of a run have changed. `pages` makes markup of them; `events` tells a page
//! that is open to fetch itself again.

mod access;
mod answer;
mod artifacts;
mod assets;
mod cache;
mod connections;
mod error;
mod events;
mod image_path;
mod metrics;
mod pages;
mod problem;
mod routes;
mod server;
mod stamp;
mod views;

use std::net::SocketAddr;
use std::sync::Arc;

use experiments::protocol::exit;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use self::access::Access;
pub(super) use self::error::ServeError;
use self::server::Server;
use super::error::Result;
use super::output::{print, print_message};
use crate::cli::args::{self, Global};

/// Runs the verb: until SIGINT or SIGTERM.
pub(super) async fn run(arguments: &args::Serve, global: &Global) -> Result<u8> {
    let (mut interrupt, mut terminate) =
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let (address, token_file) = (arguments.bind, arguments.token_file.as_deref());
    if !address.ip().is_loopback() && token_file.is_none() {
        return Err(ServeError::NoToken { address }.into());
    }
    let listener = TcpListener::bind(address).await;
    let listener = listener.map_err(|source| ServeError::Bind { address, source })?;
    let address = listener.local_addr()?;
    let access = Arc::new(Access::new(address, &arguments.hosts, token_file)?);
    let router = routes::router(Server::new(global.runs.clone()), access);
    print(&format!("http://{address}/\n"))?;
    if !global.quiet {
        announce(address, global);
    }
    tokio::select! {
        () = connections::accept(listener, router) => {}
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    Ok(exit::OK)
}

/// Says what is shown, and to whom.
fn announce(address: SocketAddr, global: &Global) {
    let folder = global.runs.display();
    print_message(&format!("shows the runs in `{folder}`, read-only; Ctrl-C ends it"));
    if !address.ip().is_loopback() {
        print_message(
            "warning: other machines can reach this address. Whoever has the token sees everything, logs \
             included, and the connection is not encrypted",
        );
    }
}
