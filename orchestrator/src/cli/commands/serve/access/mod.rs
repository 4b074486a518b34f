//! The guard before every page: who may ask, for what, and what browsers may do with the answer.

mod headers;
mod hosts;
mod token;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{ALLOW, HOST, LOCATION, ORIGIN, SET_COOKIE, WWW_AUTHENTICATE};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Response};

use self::hosts::Hosts;
use self::token::{Presented, Token};
use super::error::ServeError;
use super::pages;

/// The rules of who may ask.
pub(super) struct Access {
    hosts: Hosts,
    /// `None` if everybody may who can reach the address.
    token: Option<Token>,
}

/// A request that is refused, or sent elsewhere.
#[derive(Debug, PartialEq, Eq)]
enum Refusal {
    Method,
    Host,
    Origin,
    Token,
    /// The token was in the address: it is exchanged for a cookie, and the page without it shown.
    Exchange {
        cookie: String,
        path: String,
    },
}

impl Access {
    pub(super) fn new(
        address: SocketAddr,
        more: &[String],
        token_file: Option<&Path>,
    ) -> Result<Self, ServeError> {
        let token = token_file.map(|file| Token::read(file, address.port())).transpose()?;
        Ok(Self { hosts: Hosts::new(address.ip(), more), token })
    }

    fn check(&self, request: &Request) -> Result<(), Refusal> {
        let headers = request.headers();
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return Err(Refusal::Method);
        }
        let host = only(headers, HOST).ok_or(Refusal::Host)?;
        let named = request.uri().authority().map(Authority::as_str);
        if !self.hosts.admit(host) || named.is_some_and(|named| !self.hosts.admit(named)) {
            return Err(Refusal::Host);
        }
        if !is_from_here(headers, host) {
            return Err(Refusal::Origin);
        }
        let Some(token) = &self.token else { return Ok(()) };
        match token.presented(headers, request.uri()) {
            Presented::Right => Ok(()),
            Presented::Wrong => Err(Refusal::Token),
            Presented::InAddress => {
                // A path that begins with two slashes would lead to another server.
                let path = request.uri().path();
                let path = if path.starts_with("//") { "/" } else { path }.to_owned();
                Err(Refusal::Exchange { cookie: token.cookie(), path })
            }
        }
    }
}

/// The value of a header that is there exactly once, as text.
fn only(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    let mut all = headers.get_all(name).iter();
    all.next().filter(|_| all.next().is_none())?.to_str().ok()
}

/// False for a request that a page of another site makes. Following a link to here is no such request.
fn is_from_here(headers: &HeaderMap, host: &str) -> bool {
    let is_navigation = headers.get("sec-fetch-mode").is_some_and(|mode| mode == "navigate");
    let by_other =
        headers.get("sec-fetch-site").is_some_and(|site| site != "same-origin" && site != "none");
    if by_other && !is_navigation {
        return false;
    }
    let Some(origin) = headers.get(ORIGIN) else { return true };
    let origin = origin.to_str().unwrap_or_default();
    let authority = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
    authority.is_some_and(|authority| authority.eq_ignore_ascii_case(host))
}

/// Answers only requests that are allowed, and adds the headers of every answer.
pub(super) async fn guard(
    State(access): State<Arc<Access>>,
    request: Request,
    next: Next,
) -> Response {
    let mut response = match access.check(&request) {
        Ok(()) => next.run(request).await,
        Err(refusal) => refusal.into_response(),
    };
    headers::add(response.headers_mut());
    response
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, words) = match &self {
            Self::Method => (StatusCode::METHOD_NOT_ALLOWED, "This server is read-only."),
            Self::Host => (
                StatusCode::MISDIRECTED_REQUEST,
                "This server does not go by that name. If it should, start `orch serve` with `--host NAME`.",
            ),
            Self::Origin => (StatusCode::FORBIDDEN, "A page of another site has asked for this."),
            Self::Token => (
                StatusCode::UNAUTHORIZED,
                "A token is needed: add ?token=… to the address once, or send it as `Authorization: Bearer`.",
            ),
            Self::Exchange { .. } => (StatusCode::SEE_OTHER, ""),
        };
        let title = status.canonical_reason().unwrap_or_default();
        let mut response = (status, Html(pages::message(title, words))).into_response();
        let mut header = |name, value: &str| {
            if let Ok(value) = HeaderValue::from_str(value) {
                response.headers_mut().insert(name, value);
            }
        };
        match self {
            Self::Method => header(ALLOW, "GET, HEAD"),
            Self::Token => header(WWW_AUTHENTICATE, "Bearer"),
            Self::Exchange { cookie, path } => {
                header(SET_COOKIE, &cookie);
                header(LOCATION, &path);
            }
            Self::Host | Self::Origin => {}
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    fn access(token: Option<Token>) -> Access {
        Access { hosts: Hosts::new([127, 0, 0, 1].into(), &["lab.example".to_owned()]), token }
    }

    fn request(uri: &str, headers: &[(&str, &str)]) -> Request {
        let mut request = Request::builder().uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(Body::empty()).unwrap()
    }

    #[test]
    fn a_request_has_one_host_and_it_is_this_server() {
        let check = |headers: &[(&str, &str)]| access(None).check(&request("/", headers));
        for host in ["127.0.0.1:8750", "localhost", "LocalHost:1", "[::1]:8750", "lab.example:80"] {
            assert_eq!(check(&[("host", host)]), Ok(()), "{host}");
        }
        for host in
            ["evil.example", "localhost.evil.example", "127.0.0.2", "a@localhost", "", "::1"]
        {
            assert_eq!(check(&[("host", host)]), Err(Refusal::Host), "{host}");
        }
        assert_eq!(check(&[]), Err(Refusal::Host));
        assert_eq!(check(&[("host", "localhost"), ("host", "evil.example")]), Err(Refusal::Host));
        let absolute = request("http://evil.example/", &[("host", "localhost")]);
        assert_eq!(access(None).check(&absolute), Err(Refusal::Host));
    }

    #[test]
    fn only_pages_of_the_server_itself_may_load_from_it() {
        let check = |headers: &[(&str, &str)]| {
            let host = [("host", "localhost:8750")];
            access(None).check(&request("/", &[&host, headers].concat()))
        };
        for fine in [
            &[("origin", "http://localhost:8750")][..],
            &[("sec-fetch-site", "same-origin")],
            &[("sec-fetch-site", "none"), ("sec-fetch-mode", "navigate")],
            &[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate")],
        ] {
            assert_eq!(check(fine), Ok(()), "{fine:?}");
        }
        for other in [
            &[("origin", "http://evil.example")][..],
            &[("origin", "null")],
            // Another program's page on the same machine.
            &[("origin", "http://localhost:3000")],
            &[("sec-fetch-site", "same-site"), ("sec-fetch-mode", "no-cors")],
            &[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "cors")],
        ] {
            assert_eq!(check(other), Err(Refusal::Origin), "{other:?}");
        }
    }

    #[test]
    fn a_token_in_the_address_becomes_a_cookie() {
        let check = |uri: &str, headers: &[(&str, &str)]| {
            let headers = [&[("host", "localhost")], headers].concat();
            access(Some(Token::new(b"0123456789abcdef", 80))).check(&request(uri, &headers))
        };
        assert_eq!(check("/", &[]), Err(Refusal::Token));
        assert_eq!(check("/?token=0123456789abcdee", &[]), Err(Refusal::Token));
        assert_eq!(check("/", &[("authorization", "Bearer 0123456789abcdef")]), Ok(()));
        assert_eq!(check("/", &[("authorization", "Bearer 0123456789abcde")]), Err(Refusal::Token));
        for (uri, expected) in [
            ("/runs/a/?token=0123456789abcdef", "/runs/a/"),
            ("//evil.example/?token=0123456789abcdef", "/"),
        ] {
            let Err(Refusal::Exchange { cookie, path }) = check(uri, &[]) else { panic!("{uri}") };
            assert_eq!(path, expected);
            assert!(cookie.ends_with("; HttpOnly; SameSite=Strict; Path=/"), "{cookie}");
            assert!(!cookie.contains("0123456789abcdef"), "the cookie is not the token");
            let pair = cookie.split(';').next().unwrap();
            assert_eq!(check("/", &[("cookie", &format!("a=b; {pair}"))]), Ok(()));
            let forged = pair[..pair.len() - 1].to_owned() + "g";
            assert_eq!(check("/", &[("cookie", &forged)]), Err(Refusal::Token));
        }
    }
}
