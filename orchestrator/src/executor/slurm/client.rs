//! Calling Slurm's own programs, and what they say when they refuse.

use std::env;
use std::ffi::OsStr;
use std::io;
use std::process::{Command, Stdio};

/// A program of Slurm's did not do what it was called for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClientError {
    /// It cannot be run.
    #[error("cannot run `{program}`: {why}; is this a machine from which one submits to Slurm?")]
    NotRun {
        /// The program.
        program: &'static str,
        /// What the system said.
        why: String,
    },
    /// It said no.
    #[error("`{program}` says: {said}")]
    Refused {
        /// The program.
        program: &'static str,
        /// Its own words.
        said: String,
    },
    /// Its answer is none.
    #[error("`{program}` answered `{answer}`, which is not understood")]
    Answer {
        /// The program.
        program: &'static str,
        /// What it printed.
        answer: String,
    },
}

/// Runs a program of Slurm's to its end and returns what it prints. Blocks, for minutes where the
/// controller is busy or down.
pub(super) fn call(
    program: &'static str,
    arguments: impl IntoIterator<Item = impl AsRef<OsStr>>,
) -> Result<String, ClientError> {
    let not_run = |e: io::Error| ClientError::NotRun { program, why: e.to_string() };
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null());
    let told = env::vars_os().map(|(name, _)| name);
    for name in told.filter(|name| name.to_str().is_some_and(is_of_an_outer_job)) {
        command.env_remove(name);
    }
    let output = command.output().map_err(not_run)?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() {
        return Ok(text(&output.stdout));
    }
    Err(ClientError::Refused { program, said: in_a_line(&text(&output.stderr), program) })
}

/// Variables that Slurm sets in jobs, and that change what its programs print. A supervisor may be a
/// job itself, and its trials are no part of that.
fn is_of_an_outer_job(name: &str) -> bool {
    (name.starts_with("SLURM_") && name != "SLURM_CONF") || name.starts_with("SQUEUE_")
}

/// What a program complained, without its own name in front of every line.
fn in_a_line<'a>(stderr: &'a str, program: &str) -> String {
    let own = |line: &'a str| {
        let words = line.strip_prefix(program).and_then(|rest| rest.strip_prefix(": "));
        words.map_or(line, |words| words.strip_prefix("error: ").unwrap_or(words)).trim()
    };
    let said: Vec<_> = stderr.lines().map(own).filter(|line| !line.is_empty()).collect();
    if said.is_empty() { "nothing, and failed".to_owned() } else { said.join("; ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_slurm_complains_is_passed_on_in_its_own_words() {
        let refusal = "sbatch: error: invalid partition specified: gpuu\n\
                       sbatch: error: Batch job submission failed: Invalid partition name specified\n";
        assert_eq!(
            in_a_line(refusal, "sbatch"),
            "invalid partition specified: gpuu; Batch job submission failed: Invalid partition \
             name specified"
        );
        assert_eq!(in_a_line("no prefix here\n\n", "sbatch"), "no prefix here");
        assert_eq!(in_a_line("", "squeue"), "nothing, and failed");
    }

    #[test]
    fn a_missing_program_is_told_from_one_that_refuses() {
        let missing = call("no-such-program-of-slurm", [""; 0]).unwrap_err();
        assert!(missing.to_string().contains("from which one submits"), "{missing}");
        let refused = call("false", [""; 0]).unwrap_err();
        assert_eq!(refused.to_string(), "`false` says: nothing, and failed");
    }

    #[test]
    fn what_an_outer_job_was_told_is_not_passed_on() {
        for (name, outer) in [
            ("SLURM_JOB_ID", true),
            ("SLURM_CPUS_PER_TASK", true),
            ("SLURM_CONF", false),
            ("SQUEUE_FORMAT", true),
            ("SBATCH_ACCOUNT", false),
            ("PATH", false),
        ] {
            assert_eq!(is_of_an_outer_job(name), outer, "{name}");
        }
    }
}
