//! `orch completions SHELL`: the script by which a shell asks this program for completions.

use clap::CommandFactory;
use clap_complete::CompleteEnv;
use clap_complete::env::{Bash, EnvCompleter, Fish, Zsh};
use experiments::protocol::exit;

use super::error::Result;
use super::output::print_bytes;
use crate::cli::args::{self, Cli, ShellName};
use crate::cli::completion;

/// The addition for bash 4.4 and later.
const WHOLE_WORDS: &[u8] = include_bytes!("completions.bash");

/// Answers a shell that asks for completions, and ends the process; returns otherwise.
pub fn complete() {
    CompleteEnv::with_factory(Cli::command).var(completion::VARIABLE).complete();
}

/// Runs the verb.
pub(super) fn run(arguments: &args::Completions) -> Result<u8> {
    let shell: &dyn EnvCompleter = match arguments.shell {
        ShellName::Bash => &Bash,
        ShellName::Zsh => &Zsh,
        ShellName::Fish => &Fish,
    };
    let mut script = Vec::new();
    shell.write_registration(completion::VARIABLE, "orch", "orch", "orch", &mut script)?;
    if matches!(arguments.shell, ShellName::Bash) {
        script.extend(WHOLE_WORDS);
    }
    print_bytes(&script)?;
    Ok(exit::OK)
}
