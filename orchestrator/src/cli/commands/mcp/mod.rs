//! `orch mcp`: a server of the Model Context Protocol on standard input and output, so that an assistant can
//! read runs and, where that is allowed, start them.
//!
//! A call finds its tool in the `catalogue`, whose `tools` turn arguments into the command line of a verb. This
//! program runs that verb as a process of its own (`verb_process`), and `answer` makes the result of what it
//! printed: a tool says what the command says.

mod answer;
mod catalogue;
mod command_line;
mod folders;
mod parameters;
mod server;
mod tools;
mod verb_process;

use std::io::{self, IsTerminal};

use experiments::protocol::exit;
use rmcp::service::{RunningService, ServerInitializeError};
use rmcp::{RoleServer, ServiceExt};
use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};

use self::server::McpServer;
use super::error::Result;
use super::output::print_message;
use crate::cli::args::{self, Global};

/// The client cannot be served.
#[derive(Debug, thiserror::Error)]
pub(super) enum McpError {
    /// What it sends first is not the protocol.
    #[error(
        "standard input does not speak the Model Context Protocol; `orch mcp` is started by a client of it: \
         see docs/mcp.md"
    )]
    Handshake,
    /// The server has failed.
    #[error("the server has failed")]
    Server(#[from] tokio::task::JoinError),
}

/// Runs the verb: until the client closes standard input, or SIGINT or SIGTERM.
pub(super) fn run(arguments: &args::Mcp, global: &Global) -> Result<u8> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let served = runtime.block_on(serve(arguments, global));
    // A thread may still be reading standard input, which nothing can interrupt.
    runtime.shutdown_background();
    served
}

async fn serve(arguments: &args::Mcp, global: &Global) -> Result<u8> {
    let (mut interrupt, mut terminate) =
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let server = McpServer::new(global, arguments.allow_run)?;
    if io::stdin().is_terminal() && !global.quiet {
        print_message(
            "waits for a client of the Model Context Protocol, which starts this command itself: see docs/mcp.md; \
             Ctrl-C ends it",
        );
    }
    let session = async {
        match server.serve(rmcp::transport::stdio()).await {
            Ok(session) => until_closed(session).await,
            // A client that leaves before it says anything wants nothing.
            Err(ServerInitializeError::ConnectionClosed(_)) => Ok(exit::OK),
            Err(error) => {
                tracing::debug!(%error, "no handshake");
                Err(McpError::Handshake.into())
            }
        }
    };
    tokio::select! {
        ended = session => ended,
        _ = interrupt.recv() => Ok(exit::OK),
        _ = terminate.recv() => Ok(exit::OK),
    }
}

async fn until_closed(session: RunningService<RoleServer, McpServer>) -> Result<u8> {
    session.waiting().await.map_err(McpError::from)?;
    Ok(exit::OK)
}
