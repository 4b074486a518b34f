//! The wall clock, read here only; decisions take the time as an argument.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Milliseconds since the Unix epoch, UTC.
pub fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// A time in RFC 3339, to the second: `2026-01-31T12:00:00Z`.
pub(crate) fn to_rfc3339(time_ms: i64) -> String {
    let time = UNIX_EPOCH + Duration::from_millis(u64::try_from(time_ms).unwrap_or(0));
    humantime::format_rfc3339_seconds(time).to_string()
}
