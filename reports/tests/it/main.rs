//! Reports as a caller sees them: records in, files out.

#![expect(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

mod baseline;
mod browser;
mod claims;
mod curves;
mod design;
mod figures;
mod finals;
mod fixtures;
mod hostile_text;
mod latex;
mod live;
mod metric_gaps;
mod page;
mod paper;
mod pixels;
mod sheets;
mod tables;
