//! The secret without which nothing is shown.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use axum::extract::Query;
use axum::http::header::{AUTHORIZATION, COOKIE, HeaderMap};
use axum::http::uri::Uri;
use experiments::regular_file;
use subtle::ConstantTimeEq;

use super::super::error::ServeError;
use crate::platform::hash::sha256;

/// Characters of a token, at least.
const LEAST: usize = 16;

/// Bytes of its file, at most.
const MOST: u64 = 4096;

/// A token by its hash.
pub(super) struct Token {
    hash: String,
    /// The value of the cookie that stands for it.
    cookie: String,
    /// Browsers send the cookies of all ports of a machine to each.
    cookie_name: String,
}

/// The token of a request.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Presented {
    Right,
    /// The right one, in the address, where others can see it.
    InAddress,
    /// None, or another one.
    Wrong,
}

impl Token {
    /// Reads the token of a server at `port` from its file, which only its user may read.
    pub(super) fn read(path: &Path, port: u16) -> Result<Self, ServeError> {
        let error = |reason: String| ServeError::Token { path: path.to_owned(), reason };
        let content = regular_file::read(path, MOST).map_err(|e| error(e.to_string()))?;
        let mode = path.metadata().map_err(|e| error(e.to_string()))?.mode();
        if mode & 0o077 != 0 {
            let path = path.display();
            return Err(error(format!("others may read the file; `chmod 600 {path}`")));
        }
        let token = content.trim_ascii();
        if token.len() < LEAST || !token.iter().all(u8::is_ascii_graphic) {
            let reason = format!("it needs {LEAST} or more visible characters without spaces");
            return Err(error(reason));
        }
        Ok(Self::new(token, port))
    }

    pub(super) fn new(token: &[u8], port: u16) -> Self {
        let hash = sha256(token);
        let cookie = sha256(format!("cookie of orch serve {hash}"));
        Self { hash, cookie, cookie_name: format!("orch-{port}") }
    }

    /// The cookie that stands for the token.
    pub(super) fn cookie(&self) -> String {
        format!("{}={}; HttpOnly; SameSite=Strict; Path=/", self.cookie_name, self.cookie)
    }

    /// Compares the token of a request, in a time that does not depend on it.
    pub(super) fn presented(&self, headers: &HeaderMap, uri: &Uri) -> Presented {
        // Hashes are of one length, and so are the comparisons.
        let is_right =
            |token: &str| bool::from(sha256(token).as_bytes().ct_eq(self.hash.as_bytes()));
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        if text(AUTHORIZATION).and_then(|value| value.strip_prefix("Bearer ")).is_some_and(is_right)
        {
            return Presented::Right;
        }
        let query: Query<Vec<(String, String)>> = Query::try_from_uri(uri).unwrap_or_default();
        if query.iter().any(|(name, value)| name == "token" && is_right(value)) {
            return Presented::InAddress;
        }
        let cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
        let mut pairs =
            cookies.flat_map(|value| value.split(';')).filter_map(|p| p.trim().split_once('='));
        let is_cookie = |(name, value): (&str, &str)| {
            name == self.cookie_name && bool::from(value.as_bytes().ct_eq(self.cookie.as_bytes()))
        };
        if pairs.any(is_cookie) { Presented::Right } else { Presented::Wrong }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_token_is_long_and_secret() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        let read = |content: &str, mode: u32| {
            fs::write(&path, content).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            Token::read(&path, 80).map(|token| token.hash).map_err(|error| error.to_string())
        };
        assert_eq!(read("0123456789abcdef\n", 0o600).unwrap(), sha256("0123456789abcdef"));
        for (content, mode, words) in [
            ("0123456789abcde\n", 0o600, "16 or more"),
            ("0123456789 abcdef", 0o600, "without spaces"),
            ("", 0o600, "16 or more"),
            ("0123456789abcdef", 0o644, "chmod 600"),
        ] {
            assert!(read(content, mode).unwrap_err().contains(words), "{content}");
        }
        assert!(Token::read(folder.path(), 80).is_err());
    }
}
