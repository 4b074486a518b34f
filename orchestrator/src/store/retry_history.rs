//! Every trial's attempts as the retry policy needs them, as far as journal and events tell.

use std::collections::BTreeMap;

use experiments::protocol::failure::Failure;
use experiments::protocol::trial_id::TrialId;
use serde_json::Value;
use sqlx::Row;

use super::{Store, StoreError};
use crate::scheduler::{AttemptSummary, StopCause};

/// A trial's attempts, as far as the database has them: their ends are in their folders.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AttemptHistory {
    /// The attempts, the first one first, without their ends.
    pub attempts: Vec<AttemptSummary>,
    /// Attempts up to this number no longer count against the trial.
    pub attempts_reset: u32,
    /// The failures that workers reported, by attempt.
    pub failures: BTreeMap<u32, Failure>,
}

impl Store {
    /// Every trial's attempts; trials without any are left out.
    pub(crate) async fn pasts(&mut self) -> Result<BTreeMap<TrialId, AttemptHistory>, StoreError> {
        let rows = sqlx::query(
            "select name, attempts_reset, number, last_step, stop_cause, stalled_since_ms, failure_class,
                failure_message,
                (select max(step) from checkpoint where attempt_id = attempt.attempt_id) as saved
             from attempt join trial using (trial_id) order by number",
        )
        .fetch_all(&mut self.connection)
        .await
        .map_err(Self::sql_error(&self.path))?;
        let mut pasts = BTreeMap::<TrialId, AttemptHistory>::new();
        for row in rows {
            let number: u32 = row.get("number");
            let step = |column| row.get::<Option<i64>, _>(column).map(|step| step as u64);
            let id = TrialId(row.get("name"));
            let cause = row.get::<Option<String>, _>("stop_cause").map(|text| {
                let what = || format!("the cause for which attempt {number} of `{id}` was stopped");
                self.decode(&Value::from(text).to_string(), what)
            });
            let cause = cause.transpose()?;
            let past = pasts.entry(id).or_default();
            past.attempts_reset = row.get("attempts_reset");
            past.attempts.push(AttemptSummary {
                number,
                checkpoint: step("saved"),
                step: step("last_step"),
                cause,
                stalled: row.get::<Option<i64>, _>("stalled_since_ms").is_some(),
                end: None,
            });
            if let Some(class) = row.get::<Option<String>, _>("failure_class") {
                let message = row.get("failure_message");
                past.failures.insert(number, Failure { class: class.into(), message });
            }
        }
        Ok(pasts)
    }
}

/// A cause as the column has it.
pub(super) fn to_text(cause: StopCause) -> String {
    let text = serde_json::to_string(&cause).expect("causes are words");
    text.trim_matches('"').to_owned()
}
