//! Calling Slurm's programs, and their error messages.

use std::env;
use std::ffi::OsStr;
use std::process::{Command, Stdio};

/// A call of one of Slurm's programs failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ClientError {
    /// The program is missing, or cannot be executed.
    #[error("cannot run `{program}`: {error} (is this a Slurm submission host?)")]
    NotRun {
        /// The program.
        program: &'static str,
        /// The system's message.
        error: String,
    },
    /// It exited with an error.
    #[error("`{program}` failed: {message}")]
    Failed {
        /// The program.
        program: &'static str,
        /// All that it printed on standard error, in one line.
        message: String,
    },
    /// Its output does not have the documented form.
    #[error("cannot parse the output of `{program}`: `{output}`")]
    Output {
        /// The program.
        program: &'static str,
        /// The beginning of the output.
        output: String,
    },
}

/// Runs one of Slurm's programs to its end and returns what it prints. Blocks, for minutes where the
/// controller is busy or down.
pub(super) fn call(
    program: &'static str,
    arguments: impl IntoIterator<Item = impl AsRef<OsStr>>,
) -> Result<String, ClientError> {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null());
    for (name, _) in env::vars_os() {
        if name.to_str().is_some_and(is_of_an_outer_job) {
            command.env_remove(name);
        }
    }
    let output =
        command.output().map_err(|e| ClientError::NotRun { program, error: e.to_string() })?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let message = message(&String::from_utf8_lossy(&output.stderr), program);
    Err(ClientError::Failed { program, message })
}

/// Variables that Slurm sets in jobs, and that change what its programs print. A supervisor may be a
/// job itself, and its trials are no part of that job.
fn is_of_an_outer_job(name: &str) -> bool {
    (name.starts_with("SLURM_") && name != "SLURM_CONF") || name.starts_with("SQUEUE_")
}

/// The lines of `stderr` as one, each without the program's own name in front.
fn message(stderr: &str, program: &str) -> String {
    let mut lines = Vec::new();
    for line in stderr.lines() {
        let line = match line.strip_prefix(program).and_then(|rest| rest.strip_prefix(": ")) {
            Some(own) => own.strip_prefix("error: ").unwrap_or(own).trim(),
            None => line.trim(),
        };
        if !line.is_empty() {
            lines.push(line);
        }
    }
    if lines.is_empty() { "no error message".to_owned() } else { lines.join("; ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slurm_s_error_messages_are_passed_on_unchanged() {
        let rejection = "sbatch: error: invalid partition specified: gpuu\n\
                       sbatch: error: Batch job submission failed: Invalid partition name specified\n";
        assert_eq!(
            message(rejection, "sbatch"),
            "invalid partition specified: gpuu; Batch job submission failed: Invalid partition \
             name specified"
        );
        assert_eq!(message("no prefix here\n\n", "sbatch"), "no prefix here");
        assert_eq!(message("", "squeue"), "no error message");
    }

    #[test]
    fn a_missing_program_is_told_from_one_that_fails() {
        let missing = call("no-such-program-of-slurm", [""; 0]).unwrap_err();
        assert!(missing.to_string().contains("Slurm submission host"), "{missing}");
        let failed = call("false", [""; 0]).unwrap_err();
        assert_eq!(failed.to_string(), "`false` failed: no error message");
    }

    #[test]
    fn variables_of_an_outer_job_are_not_passed_on() {
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
