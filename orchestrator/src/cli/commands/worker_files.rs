//! The program, the script and the working directory that the file's worker names: missing ones are
//! found before anything runs.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use experiments::expand::command::has_names;
use experiments::expand::interpreter::interpreter;
use experiments::expand::{ResolvedTrial, RunConfig};
use experiments::yaml::source::{Finding, Source};
use experiments::yaml::suggest::nearest;

use super::error::Result;
use crate::executor::worker_program;
use crate::run_dir::RunDir;
use crate::run_dir::trial::Folders;
use crate::supervisor::worker_command::WorkerCommand;

/// Programs besides interpreters that run the script which their arguments name.
const LAUNCHERS: [&str; 6] = ["accelerate", "deepspeed", "ipython", "launch", "run", "torchrun"];

/// Extensions of scripts.
const EXTENSIONS: [&str; 9] = ["R", "jl", "js", "lua", "pl", "py", "r", "rb", "sh"];

/// An error unless the worker's directory, program and script exist for every one of `trials`.
pub(super) fn check(
    source: &Source,
    run: &RunConfig,
    dir: &RunDir,
    trials: &[ResolvedTrial],
) -> Result<()> {
    let differs = run.worker.directory.as_deref().is_some_and(has_names);
    let shared = run.shared_directory();
    if !shared.is_dir() {
        let message = format!("there is no folder `{}`", shared.display());
        let hint = Some("`worker.directory` is relative to the experiment file's folder");
        return Err(source.finding("/worker/directory", message).hint(hint).into_error().into());
    }
    let (mut programs, mut scripts) = (BTreeSet::new(), BTreeSet::new());
    for trial in trials {
        let WorkerCommand { argv, directory, .. } =
            WorkerCommand::new(run, dir, trial, 1, &Folders::default())?;
        if programs.insert(argv[0].clone()) {
            worker_program::find(&argv[0], &shared)?;
        }
        let script = script(&argv).filter(|script| !differs || Path::new(script).is_absolute());
        if let Some(script) = script
            && scripts.insert(script.to_owned())
            && !directory.join(script).is_file()
        {
            return Err(missing_script(source, run, script, &directory).into_error().into());
        }
    }
    Ok(())
}

fn missing_script(source: &Source, run: &RunConfig, script: &str, directory: &Path) -> Finding {
    let written = run.worker.command.iter().position(|word| word == script);
    let pointer = written.map_or("/worker/command".to_owned(), |i| format!("/worker/command/{i}"));
    let path = directory.join(script);
    let folder = path.parent().unwrap_or(directory);
    let names: Vec<_> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect();
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let hint = match nearest(&name, names.iter().map(String::as_str)) {
        Some(near) => format!("did you mean `{near}`?"),
        None => {
            "paths are relative to the experiment file's folder, or to `worker.directory`".into()
        }
    };
    let message = format!("there is no script `{script}` in `{}`", directory.display());
    source.finding(&pointer, message).hint(Some(hint))
}

/// The script that an interpreter in `argv` runs: the word after it and its options.
fn script(argv: &[String]) -> Option<&str> {
    let after = argv.iter().position(|word| is_interpreter(word))? + 1;
    let mut words = argv[after..].iter().map(String::as_str).skip_while(|word| {
        // Another one, as in `uv run python` or `accelerate launch`.
        is_interpreter(word) || (word.starts_with('-') && !["-c", "-e", "-m"].contains(word))
    });
    words.next().filter(|word| {
        Path::new(word).extension().is_some_and(|e| EXTENSIONS.iter().any(|known| e == *known))
    })
}

/// True for the name or path of an interpreter or of a launcher.
fn is_interpreter(word: &str) -> bool {
    let name = word.rsplit('/').next().unwrap_or(word);
    interpreter(word).is_some() || LAUNCHERS.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_the_first_argument_of_an_interpreter() {
        for (command, expected) in [
            ("python3 train.py --out x.py", Some("train.py")),
            ("/usr/bin/python3.12 -u -O src/train.py", Some("src/train.py")),
            ("uv run python train.py", Some("train.py")),
            ("torchrun --nproc=2 train.py", Some("train.py")),
            ("accelerate launch train.py", Some("train.py")),
            ("env A=1 bash run.sh", Some("run.sh")),
            ("python3 -m package.train x.py", None),
            ("python3 -c print(1) x.py", None),
            ("orch-worker train", None),
            ("./train.py", None),
            ("", None),
        ] {
            let argv: Vec<_> = command.split_whitespace().map(str::to_owned).collect();
            assert_eq!(script(&argv), expected, "{command}");
        }
    }
}
