//! Images that a worker has reported, and no other file of a run.

use std::path::PathBuf;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use experiments::protocol::trial_id::TrialId;
use experiments::regular_file;

use super::cache::blocking;
use super::image_path::{is_image, parts};
use super::problem::Problem;
use super::server::Server;
use crate::cli::commands::runtime::block_on;
use crate::run_dir::RunDir;
use crate::run_dir::trial::file_of_trial;
use crate::store::sync;

/// Bytes of an image, more than any sensible one has.
const MOST: u64 = 32 << 20;

/// Kinds of images by the first bytes of the file. SVG is not one of them: it is a program.
const KINDS: [(&[u8], &str); 4] = [
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"RIFF", "image/webp"),
];

/// Answers with an image of a trial.
pub(super) async fn artifact(
    State(server): State<Arc<Server>>,
    Path((run, trial, path)): Path<(String, String, String)>,
) -> Result<Response, Problem> {
    let run = server.run(run).await?;
    let bytes = blocking(move || read(&run, &TrialId(trial), &path)).await??;
    let is_kind = |(start, _): &&(&[u8], &str)| bytes.starts_with(start);
    let (_, kind) = KINDS.iter().find(is_kind).ok_or(Problem::NotFound)?;
    let headers = [(CONTENT_TYPE, *kind), (CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox")];
    Ok((headers, bytes).into_response())
}

/// The content of an artifact that is recorded under this path, and lies in the trial's folder.
fn read(run: &RunDir, trial: &TrialId, wanted: &str) -> Result<Vec<u8>, Problem> {
    let not_found = |_| Problem::NotFound;
    let recorded: Result<Vec<_>, Problem> = block_on(async {
        let mut store = sync::for_reading(run).await.map_err(not_found)?;
        store.artifacts(trial).await.map_err(|_| Problem::NotFound)
    })
    .map_err(|_| Problem::Internal)?;
    let is_wanted = |path: &String| is_image(path) && parts(path).join("/") == wanted;
    let path = recorded?.into_iter().map(|artifact| artifact.path).find(is_wanted);
    let path = PathBuf::from(path.ok_or(Problem::NotFound)?);
    let file = file_of_trial(&run.trial(trial), &path).map_err(|_| Problem::NotFound)?;
    regular_file::read(&file, MOST).map_err(|_| Problem::NotFound)
}
