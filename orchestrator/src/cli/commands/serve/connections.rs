//! Accepts connections, a limited number at once, each of which has to send its request in time.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

/// Connections at once; others wait.
const MOST: usize = 128;

/// Time that the head of a request may take to arrive, and that a connection may wait for another request.
const HEADER_TIMEOUT: Duration = Duration::from_secs(20);

/// Bytes of the head of a request, and of what is buffered of it.
const BUFFER: usize = 16 << 10;

/// Time to wait after an error, as of too many open files.
const PAUSE: Duration = Duration::from_millis(100);

/// Serves `router` on `listener`; never returns.
pub(super) async fn accept(listener: TcpListener, router: Router) {
    let permits = Arc::new(Semaphore::new(MOST));
    loop {
        let Ok(permit) = Arc::clone(&permits).acquire_owned().await else { return };
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::debug!("cannot accept a connection: {error}");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        let service = TowerToHyperService::new(router.clone());
        tokio::spawn(async move {
            let mut http = http1::Builder::new();
            http.timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT).max_buf_size(BUFFER);
            // Whatever goes wrong with a connection concerns its client alone.
            if let Err(error) = http.serve_connection(TokioIo::new(stream), service).await {
                tracing::debug!("a connection ended: {error}");
            }
            drop(permit);
        });
    }
}
