//! A shell script that runs an attempt's worker again, for people to copy.

use std::path::{Path, PathBuf};

use experiments::expand::command::CONFIG_FILE;
use experiments::protocol::trial::{ENV_EVENTS, ENV_TRIAL, FILE_NAME};

use crate::platform::shell::quoted;
use crate::run_dir::attempt::Command;
use crate::run_dir::trial::Folders;

/// Lines for a POSIX shell that run `command` again from the checkpoints of its trial, whose folder is
/// now `trial`, an absolute path; without the second line it starts from scratch. Every path in the
/// trial's folder becomes one in a new folder, so that the trial's own records stay as they are.
pub(crate) fn lines(command: &Command, trial: &Path) -> Vec<String> {
    let paths = Paths::new(command, trial);
    let Folders { checkpoints, artifacts } = Folders::of(trial);
    let text = |path: &Path| path.to_string_lossy().into_owned();
    let new = |below: &Path| format!("\"$again\"/{}", quoted(&text(below)));
    let files = [FILE_NAME, CONFIG_FILE].map(|name| trial.join(name));
    let files = files.iter().filter(|file| file.is_file()).map(|file| quoted(&text(file)));
    let files = match files.collect::<Vec<_>>().join(" ") {
        files if files.is_empty() => files,
        files => format!(" && cp {files} \"$again\""),
    };
    let cwd = paths.shell_word(&text(&command.cwd));
    let make = if cwd.contains("$again") { format!("mkdir -p {cwd} && ") } else { String::new() };
    let variables = command.env.iter();
    let variables = variables.map(|(name, value)| format!("{name}={}", paths.shell_word(value)));
    let program = command.argv.iter().map(|word| paths.shell_word(word));
    let words: Vec<_> = variables.chain(program).collect();
    vec![
        format!("again=$(mktemp -d) && mkdir {} {}{files}", new(&artifacts), new(&checkpoints)),
        format!("cp -r {}/. {}", quoted(&text(&trial.join(&checkpoints))), new(&checkpoints)),
        format!("({make}cd {cwd} && env {})", words.join(" ")),
    ]
}

/// The folders that the command names, and where they are now.
struct Paths {
    /// The attempt's and the trial's, which become the new one.
    replaced: Vec<String>,
    /// A folder above the trial's that was moved, and where it is; `None` if none was.
    moved: Option<(String, String)>,
}

impl Paths {
    fn new(command: &Command, trial: &Path) -> Self {
        let folder_of = |name| Some(Path::new(command.env.get(name)?).parent()?.to_owned());
        let then: PathBuf = folder_of(ENV_TRIAL).unwrap_or_else(|| trial.to_owned());
        let replaced = folder_of(ENV_EVENTS).into_iter().chain([then.clone()]);
        let replaced = replaced.map(|folder| folder.to_string_lossy().into_owned());
        let moved = (!then.exists()).then(|| above(&then, trial)).flatten();
        Self { replaced: replaced.filter(|folder| folder.len() > 1).collect(), moved }
    }

    /// A word for a shell that stands for `text` with the folders of now.
    fn shell_word(&self, text: &str) -> String {
        for folder in &self.replaced {
            if let Some((before, after)) = text.split_once(folder) {
                let [before, after] = [before, after].map(|part| match part {
                    "" => String::new(),
                    part => self.shell_word(part),
                });
                return format!("{before}\"$again\"{after}");
            }
        }
        match &self.moved {
            Some((then, now)) if text == then => quoted(now),
            Some((then, now)) => quoted(&text.replace(&format!("{then}/"), &format!("{now}/"))),
            None => quoted(text),
        }
    }
}

/// The folders above `then` and `now` in which they have the same path; `None` if that is the root.
fn above(then: &Path, now: &Path) -> Option<(String, String)> {
    let (mut then, mut now) = (then, now);
    while then.file_name().is_some() && then.file_name() == now.file_name() {
        (then, now) = (then.parent()?, now.parent()?);
    }
    let text = |path: &Path| path.to_string_lossy().into_owned();
    (then.parent().is_some() && then != now).then(|| (text(then), text(now)))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// The words that the script's program prints, in `folder`.
    fn printed(command: &Command, trial: &Path, folder: &Path) -> Vec<String> {
        let script = lines(command, trial).join("\n");
        let output = std::process::Command::new("sh")
            .args(["-ec", &script])
            .env("TMPDIR", folder)
            .output()
            .unwrap();
        assert!(output.status.success(), "{script}\n{output:?}");
        let text = String::from_utf8(output.stdout).unwrap();
        text.split_terminator('\0').map(str::to_owned).collect()
    }

    fn command(arguments: &[&str], env: &[(&str, &str)], cwd: &Path) -> Command {
        let print = ["sh", "-c", "printf '%s\\0' \"$PWD\" \"$ODD\" \"$@\"", "sh"];
        let argv = print.iter().chain(arguments).map(|word| (*word).to_owned()).collect();
        let env = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Command { argv, cwd: cwd.to_owned(), env: env.collect(), ..Command::default() }
    }

    #[test]
    fn a_shell_gives_the_program_its_arguments_and_variables() {
        let folder = tempfile::tempdir().unwrap();
        let strange = ["", "it's", "two words", "$HOME `id` \"x\"", "a\nb", "ü*?", "--flag=1"];
        let odd = "a 'b'\n$c";
        let command = command(&strange, &[("ODD", odd)], folder.path());
        let trial = folder.path().join("it's here");
        fs::create_dir_all(trial.join("checkpoints")).unwrap();
        let words = printed(&command, &trial, folder.path());
        assert_eq!(words[0], folder.path().canonicalize().unwrap().to_str().unwrap());
        assert_eq!(words[1], odd);
        assert_eq!(words[2..], strange);
    }

    #[test]
    fn the_trial_s_paths_are_new_ones_wherever_its_folder_lies_now() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        let (then, now) = (root.join("then"), root.join("now"));
        fs::create_dir_all(now.join("runs/a/checkpoints")).unwrap();
        fs::write(now.join("runs/a/trial.json"), "{}").unwrap();
        fs::write(now.join("runs/a/config.json"), "1").unwrap();
        let below = |path: &str| then.join(path).to_str().unwrap().to_owned();
        let out = format!("--out={}", below("runs/a/attempt-2/log.csv"));
        let env = [
            (ENV_TRIAL, below("runs/a/trial.json")),
            (ENV_EVENTS, below("runs/a/attempt-2/events.jsonl")),
            ("ODD", below("runs/a")),
        ];
        let env: Vec<_> = env.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let arguments = [below("train.py"), below("runs/a/config.json"), out];
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        let words = printed(&command(&arguments, &env, &then), &now.join("runs/a"), &root);
        let again = &words[1];
        assert_eq!(words[0], now.to_str().unwrap());
        assert_eq!(words[2], now.join("train.py").to_str().unwrap());
        assert_eq!(words[3], format!("{again}/config.json"));
        assert_eq!(words[4], format!("--out={again}/log.csv"));
        assert_eq!(fs::read_to_string(&words[3]).unwrap(), "1");
        assert!(Path::new(again).starts_with(&root) && !now.join("runs/a/attempt-2").exists());
    }
}
