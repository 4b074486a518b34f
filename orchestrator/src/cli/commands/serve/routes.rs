//! The paths of the server.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::header::CONTENT_TYPE;
use axum::middleware;
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;
use experiments::protocol::trial_id::TrialId;
use serde::Deserialize;

use super::access::{self, Access};
use super::pages::link::path;
use super::pages::trial_list::{self, Selection};
use super::problem::Problem;
use super::server::{Server, Subject};
use super::{artifacts, assets, events, metrics};

type Shared = State<Arc<Server>>;

/// All routes, behind the guard.
pub(super) fn router(server: Arc<Server>, access: Arc<Access>) -> Router {
    let guard = middleware::from_fn_with_state(access, access::guard);
    Router::new()
        .route("/", get(runs))
        .route("/events", get(runs_events))
        .route("/metrics", get(metrics::metrics))
        .route("/assets/{name}", get(assets::asset))
        .route("/runs/{run}", get(run_without_slash))
        .route("/runs/{run}/", get(run))
        .route("/runs/{run}/events", get(run_events))
        .route("/runs/{run}/figures/{name}", get(figure))
        .route("/runs/{run}/trials", get(trials))
        .route("/runs/{run}/trials/{trial}", get(trial_without_slash))
        .route("/runs/{run}/trials/{trial}/", get(trial))
        .route("/runs/{run}/trials/{trial}/events", get(trial_events))
        .route("/runs/{run}/trials/{trial}/artifacts/{*path}", get(artifacts::artifact))
        .fallback(|| async { Problem::NotFound })
        .layer(guard)
        .with_state(server)
}

/// The version of a page that its reader has.
#[derive(Debug, Deserialize)]
struct Since {
    version: Option<String>,
}

async fn runs(State(server): Shared) -> Result<Response, Problem> {
    page(&server, &Subject::Runs).await
}

async fn run_without_slash(Path(run): Path<String>) -> Redirect {
    Redirect::permanent(&path(&["runs", &run, ""]))
}

async fn trial_without_slash(Path((run, trial)): Path<(String, String)>) -> Redirect {
    Redirect::permanent(&path(&["runs", &run, "trials", &trial, ""]))
}

async fn run(State(server): Shared, Path(run): Path<String>) -> Result<Response, Problem> {
    let run = server.run(run).await?;
    page(&server, &Subject::Run(run)).await
}

async fn trial(
    State(server): Shared,
    Path((run, trial)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let run = server.run(run).await?;
    page(&server, &Subject::Trial(run, TrialId(trial))).await
}

async fn page(server: &Server, subject: &Subject) -> Result<Response, Problem> {
    Ok(Html(server.page(subject).await?.html()).into_response())
}

async fn runs_events(State(server): Shared, Query(since): Query<Since>) -> Response {
    events::follow(server, Subject::Runs, since.version).into_response()
}

async fn run_events(
    State(server): Shared,
    Path(run): Path<String>,
    Query(since): Query<Since>,
) -> Result<Response, Problem> {
    let run = server.run(run).await?;
    Ok(events::follow(server, Subject::Run(run), since.version).into_response())
}

async fn trial_events(
    State(server): Shared,
    Path((run, trial)): Path<(String, String)>,
    Query(since): Query<Since>,
) -> Result<Response, Problem> {
    let run = server.run(run).await?;
    let subject = Subject::Trial(run, TrialId(trial));
    Ok(events::follow(server, subject, since.version).into_response())
}

/// A figure that holds images, as a file of its own.
async fn figure(
    State(server): Shared,
    Path((run, name)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let run = server.run(run).await?;
    let name = name.strip_suffix(".svg").ok_or(Problem::NotFound)?;
    let svg = server.figure(run, name).await?;
    Ok(([(CONTENT_TYPE, "image/svg+xml")], svg).into_response())
}

async fn trials(
    State(server): Shared,
    Path(run): Path<String>,
    Query(selection): Query<Selection>,
) -> Result<Response, Problem> {
    let run = server.run(run).await?;
    let view = server.view(&run).await?;
    Ok(Html(trial_list::page(&view, &selection).html()).into_response())
}
