//! The answer to a request for which there is no page.

use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};

use super::pages;
use super::problem::Problem;

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
            Self::Unreadable(_) | Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        };
        let page = pages::message(status.canonical_reason().unwrap_or("Error"), &self.to_string());
        (status, Html(page)).into_response()
    }
}
