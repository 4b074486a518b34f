//! The check exchange: fills in defaults, and reports the problems of a config key by key.

use std::io::{self, BufRead};
use std::process::ExitCode;

use experiments::protocol::check::{Problem, Reply, Request};
use serde_json::{Map, Value};

use crate::script::Script;

pub(crate) fn run() -> ExitCode {
    for line in io::stdin().lock().lines() {
        let line = line.expect("requests are UTF-8");
        let request = serde_json::from_str(&line).expect("a line is a request");
        let reply = serde_json::to_string(&answer(request)).expect("replies are plain data");
        #[expect(clippy::print_stdout, reason = "the exchange runs over standard output")]
        {
            println!("{reply}");
        }
    }
    ExitCode::SUCCESS
}

fn answer(request: Request) -> Reply {
    let problems: Vec<Problem> = request.config.iter().filter_map(problem).collect();
    let config = match serde_json::from_value::<Script>(request.config.clone().into()) {
        Ok(script) => match serde_json::to_value(script) {
            Ok(Value::Object(filled)) => filled,
            other => panic!("a script is a mapping: {other:?}"),
        },
        Err(_) => request.config,
    };
    let (build, data) = (Some(crate::build()), std::env::var("FAKE_WORKER_DATA").ok());
    Reply { trial: request.trial, config, build, data, problems }
}

/// The problem of one key by itself.
fn problem((key, value): (&String, &Value)) -> Option<Problem> {
    let alone = Map::from_iter([(key.clone(), value.clone())]);
    let error = serde_json::from_value::<Script>(alone.into()).err()?;
    Some(Problem { pointer: format!("/{key}"), message: error.to_string() })
}
