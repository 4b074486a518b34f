//! Finding the worker's program, and asking it to check the trials' configs before anything runs.

use std::env;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use experiments::protocol::check::{Reply, Request};

/// The worker's check cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ProgramError {
    /// There is no such program.
    #[error("there is no program `{program}`: looked beside `orch` and in `PATH`")]
    NotFound {
        /// As the file names it.
        program: String,
    },
    /// It did not run.
    #[error("cannot run `{command}`")]
    Run {
        /// Program and arguments.
        command: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// It failed without checking anything.
    #[error("`{command}` failed ({status}){}", said(stderr))]
    Failed {
        /// Program and arguments.
        command: String,
        /// How it ended.
        status: std::process::ExitStatus,
        /// What it said.
        stderr: String,
    },
    /// Its answer is not one reply per trial.
    #[error("`{command}` answered what is not a reply to {expected} trials: {problem}")]
    Answer {
        /// Program and arguments.
        command: String,
        /// How many trials it was asked about.
        expected: usize,
        /// What is wrong with the answer.
        problem: String,
    },
}

fn said(stderr: &str) -> String {
    if stderr.trim().is_empty() { String::new() } else { format!(":\n{}", stderr.trim_end()) }
}

/// The program's path: as given if it is a path, else beside this program, else in `PATH`.
pub fn find(program: &str) -> Result<PathBuf, ProgramError> {
    let absent = || ProgramError::NotFound { program: program.to_owned() };
    let is_file = |path: &Path| path.is_file();
    if program.contains('/') {
        let path = std::path::absolute(program).map_err(|_| absent())?;
        return Some(path).filter(|p| is_file(p)).ok_or_else(absent);
    }
    let beside = env::current_exe().ok().and_then(|exe| Some(exe.parent()?.to_owned()));
    let path = env::var_os("PATH").unwrap_or_default();
    beside
        .into_iter()
        .chain(env::split_paths(&path))
        .map(|folder| folder.join(program))
        .find(|candidate| is_file(candidate))
        .ok_or_else(absent)
}

/// Asks the program about every trial at once.
pub fn check(argv: &[String], requests: &[Request]) -> Result<Vec<Reply>, ProgramError> {
    let command = argv.join(" ");
    let run = |source| ProgramError::Run { command: command.clone(), source };
    let (program, arguments) = argv.split_first().expect("an empty command was refused");
    let mut child = Command::new(find(program)?)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(run)?;
    let mut input = String::new();
    for request in requests {
        input += &serde_json::to_string(request).expect("requests are plain data");
        input.push('\n');
    }
    let mut stdin = child.stdin.take().expect("piped above");
    // From a thread: a worker that answers line by line would else wait for us, and we for it. A
    // worker that ends without reading says why on its standard error.
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output().map_err(run)?;
    drop(writer.join());
    if !output.status.success() {
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(ProgramError::Failed { command, status: output.status, stderr });
    }
    let answer = |problem: String| ProgramError::Answer {
        command: command.clone(),
        expected: requests.len(),
        problem,
    };
    let stdout = String::from_utf8_lossy(&output.stdout);
    let replies: Vec<Reply> = stdout
        .lines()
        .filter(|line| !line.trim().is_empty())
        .map(|line| serde_json::from_str(line).map_err(|e| answer(format!("{e} in `{line}`"))))
        .collect::<Result<_, _>>()?;
    let order = replies.iter().map(|r| &r.trial).eq(requests.iter().map(|r| &r.trial));
    if order { Ok(replies) } else { Err(answer("not one line per trial, in order".to_owned())) }
}
