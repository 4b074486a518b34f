//! The lines of events files that are not events, or have values that are not numbers.

use std::fmt;

use experiments::protocol::trial_id::TrialId;
use rusqlite::Connection;

use super::direct::execute;
use super::{Store, StoreError};

/// Lines of an attempt that are kept with the reason, the first ones.
const KEPT: u64 = 5;

/// Characters of a reason that are kept.
const REASON: usize = 200;

/// An attempt's lines that were skipped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SkippedLines {
    /// Its trial.
    pub(crate) trial: TrialId,
    /// Its number, from 1.
    pub(crate) attempt: u32,
    /// Number of skipped lines.
    pub(crate) lines: u64,
    /// Number of lines of which values were skipped.
    pub(crate) partial: u64,
    /// The first of either: number, from 1, and reason.
    pub(crate) first: Vec<(u64, String)>,
}

/// `a-s0-1f2e3d4c, attempt 1: skipped 3 lines that are not events, the first at line 17: …`.
impl fmt::Display for SkippedLines {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let Self { trial, attempt, lines, partial, first } = self;
        let lines_text = match lines {
            0 => None,
            1 => Some("a line that is not an event".to_owned()),
            n => Some(format!("{n} lines that are not events")),
        };
        let values_text = match partial {
            0 => None,
            1 => Some("values that are not numbers in 1 line".to_owned()),
            n => Some(format!("values that are not numbers in {n} lines")),
        };
        let texts: Vec<_> = lines_text.into_iter().chain(values_text).collect();
        write!(f, "{trial}, attempt {attempt}: skipped {}", texts.join(" and "))?;
        if lines + partial > 1 {
            f.write_str(", the first")?;
        }
        first.first().map_or(Ok(()), |(line, reason)| write!(f, " at line {line}: {reason}"))
    }
}

impl Store {
    /// Every attempt whose work counts and of which lines or values were skipped, in the order in which they
    /// were started.
    pub(crate) async fn skipped_lines(&mut self) -> Result<Vec<SkippedLines>, StoreError> {
        let attempts: Vec<(i64, String, u32, i64, i64)> = self
            .fetch_all(sqlx::query_as(
                "select attempt_id, name, number, skipped_lines, partial_lines
                 from attempt join trial using (trial_id)
                 where skipped_lines + partial_lines > 0
                    and position is not null and number >= first_attempt
                 order by started_ms, attempt_id",
            ))
            .await?;
        let mut found = Vec::new();
        for (id, trial, attempt, lines, partial) in attempts {
            let first: Vec<(i64, String)> = self
                .fetch_all(
                    sqlx::query_as(
                        "select line, reason from skipped_line where attempt_id = ? order by line",
                    )
                    .bind(id),
                )
                .await?;
            let first = first.into_iter().map(|(line, reason)| (line as u64, reason)).collect();
            let (lines, partial) = (lines as u64, partial as u64);
            found.push(SkippedLines { trial: TrialId(trial), attempt, lines, partial, first });
        }
        Ok(found)
    }
}

/// Records that line `number`, or a value of it, was skipped, as one more after `before`. False if it
/// was not recorded: it is known already, or there are too many.
pub(super) fn skip_line(
    db: &Connection,
    attempt_id: i64,
    number: u64,
    reason: &str,
    before: u64,
) -> rusqlite::Result<bool> {
    if before >= KEPT {
        return Ok(false);
    }
    let reason: String = reason.chars().take(REASON).collect();
    // It is known already if the file is read again.
    let insert = "insert or ignore into skipped_line (attempt_id, line, reason) values (?, ?, ?)";
    Ok(execute(db, insert, (attempt_id, number as i64, reason))? > 0)
}
