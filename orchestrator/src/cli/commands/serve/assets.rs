//! The server's own files: a style sheet, a script and an icon. Their names have the hash of their content,
//! so that a browser keeps them.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};

use super::problem::Problem;
use crate::platform::hash;

/// A file of the server.
pub(super) struct Asset {
    /// Its path.
    pub(super) path: String,
    kind: &'static str,
    content: String,
}

/// The style sheet, with that of reports.
pub(super) static STYLE: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new(
        "style",
        "css",
        "text/css; charset=utf-8",
        reports::live::style() + include_str!("style.css"),
    )
});

/// The script.
pub(super) static SCRIPT: LazyLock<Asset> = LazyLock::new(|| {
    let kind = "text/javascript; charset=utf-8";
    Asset::new("script", "js", kind, include_str!("script.js").to_owned())
});

/// The icon.
pub(super) static ICON: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new("icon", "svg", "image/svg+xml", include_str!("icon.svg").to_owned())
});

impl Asset {
    fn new(name: &str, extension: &str, kind: &'static str, content: String) -> Self {
        let hash = hash::sha256(&content);
        let path = format!("/assets/{name}-{}.{extension}", hash::short(&hash, 16));
        Self { path, kind, content }
    }
}

/// Answers with the file of that name.
pub(super) async fn asset(Path(name): Path<String>) -> Result<Response, Problem> {
    let assets = [&*STYLE, &*SCRIPT, &*ICON];
    let is_named = |asset: &&&Asset| asset.path.strip_prefix("/assets/") == Some(name.as_str());
    let asset = assets.iter().find(is_named).ok_or(Problem::NotFound)?;
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static(asset.kind)),
        (CACHE_CONTROL, HeaderValue::from_static("private, max-age=31536000, immutable")),
    ];
    Ok((headers, asset.content.clone()).into_response())
}
