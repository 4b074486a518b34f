//! The lines of events files that were no events.

use std::fmt;

use sqlx::SqliteConnection;

use super::{Store, StoreError};
use experiments::protocol::trial_id::TrialId;

/// So many of an attempt's lines are kept with the reason, the first ones.
const KEPT: u64 = 5;

/// Characters of a reason that are kept.
const REASON: usize = 200;

/// An attempt's lines that were passed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SkippedLines {
    /// The trial.
    pub trial: TrialId,
    /// The attempt.
    pub attempt: u32,
    /// How many there are.
    pub lines: u64,
    /// The first ones: number, from 1, and what is wrong.
    pub first: Vec<(u64, String)>,
}

/// `a-s0-1f2e3d4c, attempt 1: passed over 3 lines that are no events, the first at line 17: …`.
impl fmt::Display for SkippedLines {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let Self { trial, attempt, lines, first } = self;
        write!(f, "{trial}, attempt {attempt}: passed over ")?;
        match lines {
            1 => f.write_str("a line that is no event")?,
            n => write!(f, "{n} lines that are no events, the first")?,
        }
        first.first().map_or(Ok(()), |(line, reason)| write!(f, " at line {line}: {reason}"))
    }
}

impl Store {
    /// Every attempt of which lines were passed over, in the order they were started.
    pub async fn skipped_lines(&mut self) -> Result<Vec<SkippedLines>, StoreError> {
        let attempts: Vec<(i64, String, u32, i64)> = sqlx::query_as(
            "select attempt_id, name, number, skipped_lines from attempt join trial using (trial_id)
             where skipped_lines > 0 order by started_ms, attempt_id",
        )
        .fetch_all(&mut self.connection)
        .await
        .map_err(Self::sql_error(&self.path))?;
        let mut found = Vec::new();
        for (id, trial, attempt, lines) in attempts {
            let first: Vec<(i64, String)> = sqlx::query_as(
                "select line, reason from skipped_line where attempt_id = ? order by line",
            )
            .bind(id)
            .fetch_all(&mut self.connection)
            .await
            .map_err(Self::sql_error(&self.path))?;
            let first = first.into_iter().map(|(line, reason)| (line as u64, reason)).collect();
            found.push(SkippedLines { trial: TrialId(trial), attempt, lines: lines as u64, first });
        }
        Ok(found)
    }
}

/// Writes down that line `number` was passed over, as one more after `before`.
pub(super) async fn skip_line(
    db: &mut SqliteConnection,
    attempt_id: i64,
    number: u64,
    reason: &str,
    before: u64,
) -> Result<(), sqlx::Error> {
    if before >= KEPT {
        return Ok(());
    }
    let reason: String = reason.chars().take(REASON).collect();
    // It is known where the file is read once more.
    sqlx::query("insert or ignore into skipped_line (attempt_id, line, reason) values (?, ?, ?)")
        .bind(attempt_id)
        .bind(number as i64)
        .bind(reason)
        .execute(db)
        .await
        .map(drop)
}
