//! A shell script that runs an attempt's worker again, for people to copy.

use std::path::Path;

use experiments::protocol::trial::{ENV_ARTIFACTS, ENV_CHECKPOINTS, ENV_EVENTS, ENV_TRIAL};

use crate::platform::shell::quoted;
use crate::run_dir::attempt::Command;
use crate::run_dir::trial::Folders;

/// Lines for a POSIX shell that run `command` again from the checkpoints in `trial`, the absolute path
/// of the trial's folder, which may have been moved since; without the second line it starts from
/// scratch. The worker writes into a new folder, so that the trial's own records stay as they are.
pub(crate) fn lines(command: &Command, trial: &Path) -> Vec<String> {
    let here = trial.to_string_lossy();
    let before = command.env.get(ENV_TRIAL).and_then(|path| Path::new(path).parent()?.to_str());
    let before = before.unwrap_or(&here);
    let word = |word: &str| quoted(&word.replace(before, &here));
    let variables = command.env.iter().map(|(name, value)| match name.as_str() {
        ENV_EVENTS => format!("{name}=\"$again/events.jsonl\""),
        ENV_CHECKPOINTS => format!("{name}=\"$again/checkpoints\""),
        ENV_ARTIFACTS => format!("{name}=\"$again/artifacts\""),
        _ => format!("{name}={}", word(value)),
    });
    let words: Vec<_> =
        variables.chain(command.argv.iter().map(|argument| word(argument))).collect();
    let checkpoints = trial.join(Folders::of(trial).checkpoints);
    let cwd = quoted(&command.cwd.to_string_lossy());
    vec![
        "again=$(mktemp -d) && mkdir \"$again/artifacts\" \"$again/checkpoints\"".to_owned(),
        format!("cp -r {}/. \"$again/checkpoints\"", quoted(&checkpoints.to_string_lossy())),
        format!("(cd {cwd} && env {})", words.join(" ")),
    ]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn a_shell_gives_the_program_its_arguments_and_variables() {
        let folder = tempfile::tempdir().unwrap();
        let strange = ["", "it's", "two words", "$HOME `id` \"x\"", "a\nb", "ü*?", "--flag=1"];
        let print = ["sh", "-c", "printf '%s\\0' \"$ODD\" \"$@\"", "sh"];
        let argv = print.iter().chain(&strange).map(|word| (*word).to_owned()).collect();
        let env = BTreeMap::from([("ODD".to_owned(), "a 'b'\n$c".to_owned())]);
        let cwd = folder.path().to_owned();
        let command =
            Command { argv, cwd, env, code: None, grace_secs: 1.0, time_limit_secs: None };
        let trial = folder.path().join("it's here");
        std::fs::create_dir_all(trial.join("checkpoints")).unwrap();
        let script = lines(&command, &trial).join("\n");
        let output = std::process::Command::new("sh")
            .args(["-ec", &script])
            .env("TMPDIR", folder.path())
            .output()
            .unwrap();
        let expected = ["a 'b'\n$c"].iter().chain(&strange).copied().collect::<Vec<_>>().join("\0");
        assert_eq!(String::from_utf8(output.stdout).unwrap(), expected + "\0", "{script}");
    }
}
