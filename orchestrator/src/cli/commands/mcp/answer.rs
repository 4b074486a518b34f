//! The result of a call: what the verb printed, as it printed it.

use anstream::adapter::strip_str;
use rmcp::model::{CallToolResult, ContentBlock};
use serde_json::Value;

use super::catalogue::Tool;
use super::verb_process::{LONGEST, Output, ProcessError};
use crate::platform::error_chain::chain;

/// The result of a verb that has ended.
pub(super) fn of_output(tool: &Tool, output: &Output) -> CallToolResult {
    let code = output.status.code();
    let printed = text(&output.stdout);
    let data = if tool.is_for_people { None } else { serde_json::from_str(&printed).ok() };
    let mut content = Vec::new();
    match &data {
        Some(data) => content.push(Value::to_string(data)),
        None => content.push(printed),
    }
    content.push(text(&output.stderr));
    let is_answer = code.is_some_and(|code| tool.answers.contains(&code))
        && (tool.is_for_people || data.is_some());
    if code != Some(0) {
        content.push(format!("`orch {}` ended with {}", tool.verb, output.status));
    }
    content.retain(|text| !text.trim().is_empty());
    let mut result = CallToolResult::success(content.into_iter().map(ContentBlock::text).collect());
    result.structured_content = data.filter(Value::is_object);
    result.is_error = Some(!is_answer);
    result
}

/// The result of a verb that gave no answer.
pub(super) fn of_error(tool: &Tool, error: &ProcessError) -> CallToolResult {
    match error {
        ProcessError::TooLong { start } if tool.is_for_people => {
            let cut = format!("cut here: {} has more than {LONGEST} bytes", tool.name);
            let content = [text(start), cut].map(ContentBlock::text);
            CallToolResult::success(content.into())
        }
        ProcessError::TooLong { .. } => {
            refusal(&format!("{error}; `query` reads parts of the records"))
        }
        ProcessError::TimedOut => refusal(&format!(
            "{error}; `orch {}` was ended, and what it had asked of a supervisor still happens",
            tool.verb
        )),
        ProcessError::Io(_) => refusal(&chain(error)),
    }
}

/// The result of a call that no verb is run for.
pub(super) fn refusal(reason: &str) -> CallToolResult {
    CallToolResult::error(vec![ContentBlock::text(reason)])
}

/// Text without control sequences of a terminal.
fn text(bytes: &[u8]) -> String {
    strip_str(&String::from_utf8_lossy(bytes)).to_string()
}
