//! Commands that call an interpreter: the call is told from the program that it runs.

use std::path::Path;

/// Interpreters besides Python's, whose names have no version.
const INTERPRETERS: [&str; 11] =
    ["Rscript", "bash", "dash", "julia", "lua", "node", "octave", "perl", "ruby", "sh", "zsh"];

/// Python's flags that change nothing about the computation: output buffering, byte code files, messages.
const PYTHON_FLAGS: &str = "uBvqd";

/// Python's flags of the same kind that take the next word.
const PYTHON_FLAGS_WITH_VALUE: [&str; 2] = ["-W", "-X"];

/// The interpreter that the program at `path` is, without folder and version: `python` for
/// `/usr/bin/python3.11`. `None` for any other program.
pub fn interpreter(path: &str) -> Option<&str> {
    let name = Path::new(path).file_name()?.to_str()?;
    let versioned = |stem: &str| {
        let version = name.strip_prefix(stem)?;
        version.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.').then_some("python")
    };
    versioned("python")
        .or_else(|| versioned("pypy"))
        .or_else(|| INTERPRETERS.contains(&name).then_some(name))
}

/// The words of `command` that decide its computation: without the interpreter's folder and version, and
/// without flags such as Python's `-u`.
///
/// ```
/// use experiments::expand::interpreter::computation;
///
/// let words = |command: &str| command.split(' ').map(str::to_owned).collect::<Vec<_>>();
/// assert_eq!(computation(&words("/venv/bin/python3.12 -u train.py -u")), words("python train.py -u"));
/// assert_eq!(computation(&words("./train.sh -u")), words("./train.sh -u"));
/// ```
pub fn computation(command: &[String]) -> Vec<String> {
    let Some(name) = command.first().and_then(|program| interpreter(program)) else {
        return command.to_vec();
    };
    let rest = &command[1..];
    let rest = if name == "python" { without_neutral_flags(rest) } else { rest };
    std::iter::once(name.to_owned()).chain(rest.iter().cloned()).collect()
}

fn without_neutral_flags(words: &[String]) -> &[String] {
    match words {
        [flag, _, rest @ ..] if PYTHON_FLAGS_WITH_VALUE.contains(&flag.as_str()) => {
            without_neutral_flags(rest)
        }
        [flag, rest @ ..] if is_neutral(flag) => without_neutral_flags(rest),
        _ => words,
    }
}

/// True for `-u`, `-uB`, `-Wignore` and the like.
fn is_neutral(flag: &str) -> bool {
    let joined = PYTHON_FLAGS_WITH_VALUE
        .iter()
        .any(|with_value| flag.strip_prefix(with_value).is_some_and(|value| !value.is_empty()));
    let letters = flag.strip_prefix('-').unwrap_or_default();
    joined || (!letters.is_empty() && letters.chars().all(|letter| PYTHON_FLAGS.contains(letter)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn computed(command: &str) -> String {
        computation(&command.split(' ').map(str::to_owned).collect::<Vec<_>>()).join(" ")
    }

    #[test]
    fn the_call_of_an_interpreter_is_no_part_of_the_computation() {
        let same = ["python3", "/usr/bin/python3", "python", "/a b/pypy3.10", "python3.13"];
        for python in same.map(|path| path.replace(' ', "-")) {
            for flags in ["", " -u", " -uB", " -W ignore", " -Wignore -X dev", " -X importtime -u"]
            {
                let command = format!("{python}{flags} train.py --lr 1");
                assert_eq!(computed(&command), "python train.py --lr 1", "{command}");
            }
        }
        assert_eq!(computed("/bin/bash -e x.sh"), "bash -e x.sh");
    }

    #[test]
    fn everything_else_is() {
        for command in ["python -O train.py", "python -m pkg -u", "python -c u", "python - -u"] {
            assert_eq!(computed(command), command);
        }
        for command in ["pythonic -u x", "python3-config -u", "./a/train -u", "orch-worker train"] {
            assert_eq!(computed(command), command);
        }
    }
}
