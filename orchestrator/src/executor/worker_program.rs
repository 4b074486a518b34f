//! Finds the worker's program, and runs its check of the trials' configs before anything starts.

use std::env;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use experiments::expand::RunConfig;
use experiments::expand::command::has_names;
use experiments::protocol::check::{Reply, Request};
use rustix::fs::Access;

/// The worker's program cannot be found, or its check cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProgramError {
    /// No file of that name exists.
    #[error("there is no program `{program}`{}", where_searched(program, folder))]
    NotFound {
        /// As the experiment's file names it.
        program: String,
        /// The folder that a path is relative to.
        folder: PathBuf,
    },
    /// A file of that name exists, but the user has no permission to execute it.
    #[error(
        "`{}` is not executable\n\nhint: `chmod +x {}` makes it a program",
        path.display(),
        crate::platform::shell::quoted(&path.to_string_lossy())
    )]
    NotExecutable {
        /// The first such file.
        path: PathBuf,
    },
    /// The command could not be started or waited for.
    #[error("cannot run `{command}`")]
    Run {
        /// Program and arguments.
        command: String,
        /// The system's error.
        source: io::Error,
    },
    /// The command failed without checking anything.
    #[error("`{command}` failed ({status}){}", after_colon(stderr))]
    Failed {
        /// Program and arguments.
        command: String,
        /// Its exit code or signal.
        status: ExitStatus,
        /// All that it printed on standard error.
        stderr: String,
    },
    /// The command's output is not one reply per trial.
    #[error("`{command}` printed an invalid reply to {expected} trials: {problem}")]
    Reply {
        /// Program and arguments.
        command: String,
        /// Number of trials in the request.
        expected: usize,
        /// The first line that cannot be used, and why.
        problem: String,
    },
}

fn after_colon(stderr: &str) -> String {
    if stderr.trim().is_empty() { String::new() } else { format!(":\n{}", stderr.trim_end()) }
}

fn where_searched(program: &str, folder: &Path) -> String {
    if program.starts_with('/') {
        String::new()
    } else if program.contains('/') {
        format!(" in `{}`", folder.display())
    } else {
        ": searched next to `orch` and in `PATH`".to_owned()
    }
}

/// The program's path: relative to `folder` if it is a path, else beside this program, else in `PATH`.
pub(crate) fn find(program: &str, folder: &Path) -> Result<PathBuf, ProgramError> {
    if program.contains('/') {
        return find_in(program, [folder.to_owned()]);
    }
    let beside = env::current_exe().ok().and_then(|exe| Some(exe.parent()?.to_owned()));
    let path = env::var_os("PATH").unwrap_or_default();
    find_in(program, beside.into_iter().chain(env::split_paths(&path)))
}

/// As a shell does: files that are not executable are skipped, and named where nothing else is found.
fn find_in(
    program: &str,
    folders: impl IntoIterator<Item = PathBuf>,
) -> Result<PathBuf, ProgramError> {
    let (mut not_executable, mut last) = (None, PathBuf::new());
    for folder in folders {
        let path = folder.join(program);
        last = folder;
        if !path.is_file() {
            continue;
        }
        if rustix::fs::access(&path, Access::EXEC_OK).is_ok() {
            return Ok(path);
        }
        not_executable.get_or_insert(path);
    }
    Err(match not_executable {
        Some(path) => ProgramError::NotExecutable { path },
        None => ProgramError::NotFound { program: program.to_owned(), folder: last },
    })
}

/// Sends all requests to the check command `argv` of `run` at once and returns its replies, in order.
pub(crate) fn check(
    argv: &[String],
    run: &RunConfig,
    requests: &[Request],
) -> Result<Vec<Reply>, ProgramError> {
    let command = argv.join(" ");
    let (program, arguments) = argv.split_first().expect("an empty command was rejected");
    let directory = run.shared_directory();
    let mut child = Command::new(find(program, &directory)?)
        .args(arguments)
        .current_dir(&directory)
        // A variable that differs from trial to trial has no value here.
        .envs(run.worker.env.iter().filter(|(_, value)| !has_names(value)))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|source| ProgramError::Run { command: command.clone(), source })?;
    let mut input = String::new();
    for request in requests {
        input += &serde_json::to_string(request).expect("requests are plain data");
        input.push('\n');
    }
    let mut stdin = child.stdin.take().expect("piped above");
    // From a thread: a worker that replies line by line would otherwise wait for us, and we for it. A
    // worker that ends without reading says why on its standard error.
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = child
        .wait_with_output()
        .map_err(|source| ProgramError::Run { command: command.clone(), source })?;
    drop(writer.join());
    if !output.status.success() {
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(ProgramError::Failed { command, status: output.status, stderr });
    }
    parse_replies(&String::from_utf8_lossy(&output.stdout), requests)
        .map_err(|problem| ProgramError::Reply { command, expected: requests.len(), problem })
}

fn parse_replies(stdout: &str, requests: &[Request]) -> Result<Vec<Reply>, String> {
    let mut replies = Vec::<Reply>::new();
    for line in stdout.lines().filter(|line| !line.trim().is_empty()) {
        replies.push(serde_json::from_str(line).map_err(|e| format!("{e} in `{line}`"))?);
    }
    let in_order = replies.iter().map(|r| &r.trial).eq(requests.iter().map(|r| &r.trial));
    if in_order { Ok(replies) } else { Err("not one line per trial, in order".to_owned()) }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn file(folder: &Path, name: &str, mode: u32) -> PathBuf {
        fs::create_dir_all(folder).unwrap();
        let path = folder.join(name);
        fs::write(&path, "#!/bin/sh\n").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        path
    }

    #[test]
    fn a_file_that_is_not_executable_is_skipped_for_one_that_is() {
        let root = tempfile::tempdir().unwrap();
        let folders = ["data", "bin", "later"].map(|name| root.path().join(name));
        file(&folders[0], "train", 0o644);
        let program = file(&folders[1], "train", 0o755);
        file(&folders[2], "train", 0o755);
        assert_eq!(find_in("train", folders.clone()).unwrap(), program);
        // A folder of that name is not a program either.
        fs::create_dir(folders[0].join("eval")).unwrap();
        let eval = file(&folders[1], "eval", 0o755);
        assert_eq!(find_in("eval", folders).unwrap(), eval);
    }

    #[test]
    fn a_program_without_permission_to_execute_is_an_error_that_says_what_to_do() {
        let root = tempfile::tempdir().unwrap();
        let path = file(root.path(), "train", 0o644);
        let text = path.to_str().unwrap();
        let expected =
            format!("`{text}` is not executable\n\nhint: `chmod +x {text}` makes it a program");
        assert_eq!(find(text, Path::new("/")).unwrap_err().to_string(), expected);
        let folder = root.path().to_owned();
        assert_eq!(find_in("train", [folder]).unwrap_err().to_string(), expected);
        fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
        assert_eq!(find(text, Path::new("/")).unwrap(), path);
    }

    #[test]
    fn an_unknown_program_is_named_as_the_file_names_it() {
        let error = find_in("train", [PathBuf::from("/no/such/folder")]).unwrap_err();
        let expected = "there is no program `train`: searched next to `orch` and in `PATH`";
        assert_eq!(error.to_string(), expected);
        let error = find("/no/such/train", Path::new("/")).unwrap_err();
        assert_eq!(error.to_string(), "there is no program `/no/such/train`");
        let error = find("bin/train", Path::new("/no/such")).unwrap_err();
        assert_eq!(error.to_string(), "there is no program `bin/train` in `/no/such`");
    }
}
