//! One file per verb, and the dispatch of verbs.

mod any_run;
mod attach;
mod bundle;
mod causes;
mod check_claims;
mod checklist;
mod compare;
mod completions;
mod damage;
mod db;
mod detach;
mod diff;
mod doctor;
mod error;
mod exit_codes;
mod export;
mod fork_server;
mod gc;
mod hold;
mod idle;
mod import;
mod init;
mod logs;
mod ls;
mod man;
mod mcp;
mod metric_gaps;
mod notify;
mod one_trial;
mod output;
mod overview;
mod plan_text;
mod power_plan;
mod provenance;
mod query;
mod report;
mod retired;
mod retry;
mod rm;
mod run;
mod run_bundle;
mod run_end;
mod run_validated;
mod runtime;
mod sample_system;
mod schema;
mod serve;
mod show;
mod skipped_lines;
mod status;
mod stop;
mod submit_request;
mod summary;
mod supervise;
mod system_use;
mod table_format;
mod until_resolved;
mod validate;
mod validated_run;
mod verify;
mod views;
mod wait;
mod why;
mod worker_files;

use std::future::Future;
use std::pin::Pin;
use std::process::ExitCode;

pub use self::completions::complete;
use self::error::Result;
use self::output::print_message;
pub use self::runtime::block_on;
use crate::cli::args::{Cli, Global, Verb};

impl Cli {
    /// Runs the verb; an error goes to standard error.
    pub fn run(&self) -> ExitCode {
        match self.verb.run(&self.global) {
            Ok(code) => damage::exit_code(code).into(),
            Err(error) => {
                print_message(&format!("error: {}", error.chain()));
                error.exit_code().into()
            }
        }
    }
}

impl Verb {
    /// Runs the verb until its exit code is known.
    fn run(&self, global: &Global) -> Result<u8> {
        let verb: Pin<Box<dyn Future<Output = Result<u8>>>> = match self {
            Self::Run(arguments) => Box::pin(run::run(arguments, global)),
            Self::Attach(arguments) => Box::pin(attach::run(arguments, global)),
            Self::Wait(arguments) => Box::pin(wait::run(arguments, global)),
            Self::Status(arguments) => Box::pin(status::run(arguments, global)),
            Self::Serve(arguments) => Box::pin(serve::run(arguments, global)),
            Self::Show(arguments) => Box::pin(show::run(arguments, global)),
            Self::Diff(arguments) => Box::pin(diff::run(arguments, global)),
            Self::Logs(arguments) => Box::pin(logs::run(arguments, global)),
            Self::Why(arguments) => Box::pin(why::run(arguments, global)),
            Self::Stop(arguments) => Box::pin(stop::run(arguments, global)),
            Self::Retry(arguments) => Box::pin(retry::run(arguments, global)),
            Self::Gc(arguments) => Box::pin(gc::run(arguments, global)),
            Self::Report(arguments) => Box::pin(report::run(arguments, global)),
            Self::Plan(arguments) => Box::pin(power_plan::run(arguments, global)),
            Self::CheckClaims(arguments) => Box::pin(check_claims::run(arguments, global)),
            Self::Checklist(arguments) => Box::pin(checklist::run(arguments, global)),
            Self::Compare(arguments) => Box::pin(compare::run(arguments, global)),
            Self::Query(arguments) => Box::pin(query::run(arguments, global)),
            Self::Export(arguments) => Box::pin(export::run(arguments, global)),
            Self::Import(arguments) => Box::pin(import::run(arguments, global)),
            Self::Bundle(arguments) => Box::pin(bundle::run(arguments, global)),
            Self::Verify(arguments) => Box::pin(verify::run(arguments)),
            Self::Ls(arguments) => Box::pin(ls::run(arguments, global)),
            Self::Rm(arguments) => Box::pin(rm::run(arguments, global)),
            Self::Doctor(arguments) => Box::pin(doctor::run(arguments, global)),
            Self::Db(arguments) => Box::pin(db::run(arguments, global)),
            Self::Init(arguments) => return init::run(arguments, global),
            Self::Validate(arguments) => return validate::run(arguments, global),
            Self::Completions(arguments) => return completions::run(arguments),
            Self::Man { folder } => return man::run(folder),
            Self::Mcp(arguments) => return mcp::run(arguments, global),
            Self::Schema => return schema::run(),
            // Without a runtime: the holder has one thread, which waits for its worker.
            Self::Hold { attempt } => return hold::run(attempt),
            Self::SampleSystem { attempt, holder } => return sample_system::run(attempt, *holder),
            Self::ForkServer => return fork_server::run(),
        };
        block_on(verb)?
    }
}
