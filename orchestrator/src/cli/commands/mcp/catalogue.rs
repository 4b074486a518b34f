//! The tools that there are, with what a client is told of each.

use std::sync::Arc;

use rmcp::model::{self, JsonObject, ToolAnnotations};
use schemars::Schema;
use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use serde_json::Value;

use super::command_line::{Arguments, CommandLine, Refusal};
use super::folders::Folders;
use super::tools::{changing, claims, reading};

/// A tool, and the verb behind it.
#[derive(Debug, Clone)]
pub(super) struct Tool {
    pub(super) name: &'static str,
    pub(super) verb: &'static str,
    /// True if the verb prints text, and no JSON.
    pub(super) is_for_people: bool,
    /// The exit codes with which the verb gives an answer; any other is an error.
    pub(super) answers: &'static [i32],
    description: String,
    schema: Arc<JsonObject>,
    annotations: ToolAnnotations,
    fill: Fill,
}

/// Makes the command line of a call.
type Fill = for<'a> fn(JsonObject, &'a Folders) -> Result<CommandLine<'a>, Refusal>;

/// The tools that change nothing but indexes.
pub(super) fn reading() -> Vec<Tool> {
    vec![
        reads::<reading::Ls>("ls"),
        reads::<reading::Status>("status"),
        reads::<reading::Show>("show"),
        reads::<reading::Why>("why").for_people(),
        reads::<reading::Logs>("logs").for_people(),
        reads::<reading::Wait>("wait").for_people().answers(&[0, 1, 3, 124, 130]),
        reads::<reading::Diff>("diff"),
        reads::<reading::Query>("query"),
        reads::<claims::Table>("table").answers(&[0, 3]),
        reads::<claims::Explain>("explain"),
        reads::<claims::Compare>("compare"),
        reads::<claims::Claims>("claims").answers(&[0, 1]),
        reads::<claims::Plan>("plan"),
        reads::<reading::Validate>("validate").answers(&[0, 2]),
    ]
}

/// The tools that run what an experiment file says, or change the state of trials.
pub(super) fn changing() -> Vec<Tool> {
    let annotations = |is_destructive| {
        ToolAnnotations::new().read_only(false).destructive(is_destructive).idempotent(true)
    };
    vec![
        tool::<changing::DryRun>("dry_run", annotations(false)),
        tool::<changing::Run>("run", annotations(false)).answers(&[0, 1, 3]),
        tool::<changing::Stop>("stop", annotations(true)),
        tool::<changing::Retry>("retry", annotations(false)),
    ]
}

fn reads<A: Arguments>(name: &'static str) -> Tool {
    tool::<A>(name, ToolAnnotations::new().read_only(true).open_world(false))
}

fn tool<A: Arguments>(name: &'static str, annotations: ToolAnnotations) -> Tool {
    let mut schema = schema::<A>();
    schema.remove("title");
    let description = schema.remove("description");
    let description = description.as_ref().and_then(Value::as_str).unwrap_or_default().to_owned();
    Tool {
        name,
        verb: A::VERB,
        is_for_people: false,
        answers: &[0],
        description,
        schema: Arc::new(schema),
        annotations,
        fill: |arguments, folders| {
            let arguments: A = serde_json::from_value(Value::Object(arguments))?;
            arguments.fill(CommandLine::new(A::VERB, folders))
        },
    }
}

/// The JSON schema of the arguments, with their documentation as prose without line breaks.
fn schema<A: Arguments>() -> JsonObject {
    let prose = RecursiveTransform(|schema: &mut Schema| {
        if let Some(Value::String(text)) = schema.get_mut("description") {
            *text = text.replace('\n', " ");
        }
    });
    let settings = SchemaSettings::draft2020_12().with_transform(prose);
    let settings = settings.with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    match settings.into_generator().into_root_schema_for::<A>().to_value() {
        Value::Object(schema) => schema,
        _ => JsonObject::default(),
    }
}

impl Tool {
    fn for_people(self) -> Self {
        Self { is_for_people: true, ..self }
    }

    fn answers(self, answers: &'static [i32]) -> Self {
        Self { answers, ..self }
    }

    /// The tool as a client sees it.
    pub(super) fn definition(&self) -> model::Tool {
        model::Tool::new(self.name, self.description.clone(), Arc::clone(&self.schema))
            .with_annotations(self.annotations.clone())
    }

    /// The command line of a call with `arguments`.
    pub(super) fn command_line<'a>(
        &self,
        arguments: JsonObject,
        folders: &'a Folders,
    ) -> Result<CommandLine<'a>, Refusal> {
        (self.fill)(arguments, folders)
    }
}
