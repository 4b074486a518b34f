//! Server-sent events: one whenever a page is no longer as its reader has it.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use tokio::sync::OwnedSemaphorePermit;

use super::problem::Problem;
use super::server::{Server, Subject};

/// Time between two looks at the records.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// Time after which a line is sent although nothing has changed, so that a connection that was lost is
/// noticed.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// A reader of a page.
struct Listener {
    server: Arc<Server>,
    subject: Subject,
    /// The version that it has.
    version: Option<String>,
    _permit: OwnedSemaphorePermit,
}

/// Sends the version of the page whenever it is another one than the reader has: at first `version`.
pub(super) fn follow(server: Arc<Server>, subject: Subject, version: Option<String>) -> Response {
    let Ok(permit) = Arc::clone(&server.listeners).try_acquire_owned() else {
        return Problem::Busy.into_response();
    };
    let listener = Listener { server, subject, version, _permit: permit };
    let changes = stream::unfold(listener, |mut listener| async {
        let version = listener.next().await;
        let event = Event::default().event("changed").data(version);
        Some((Ok::<_, Infallible>(event), listener))
    });
    Sse::new(changes).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response()
}

impl Listener {
    /// Waits for another version.
    async fn next(&mut self) -> String {
        loop {
            // A run that was removed, or cannot be read just now, may come back.
            if let Ok(page) = self.server.page(&self.subject).await
                && self.version.as_ref() != Some(&page.version)
            {
                self.version = Some(page.version.clone());
                return page.version;
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }
}
