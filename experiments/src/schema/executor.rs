//! The executor of attempts: this machine, or a Slurm cluster.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::schema::resources::Span;

/// The way in which the holder of an attempt is started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Executor {
    /// On this machine, with a share of its cores and GPUs.
    #[default]
    Local,
    /// As a job of the Slurm cluster that `sbatch` submits to.
    Slurm,
}

/// Settings of submission to Slurm. Absent ones are left to the site's defaults and to the variables
/// that `sbatch` reads, such as `SBATCH_PARTITION` and `SBATCH_ACCOUNT`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Slurm {
    /// Partition (queue) of the cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partition: Option<String>,
    /// Account that is charged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Quality of service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub qos: Option<String>,
    /// Time limit of a job; a longer trial continues in the next one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<Span>,
    /// Features that a node must have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub constraint: Option<String>,
    /// Generic resources, in place of `gpu:N` for the file's `resources.gpus`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gres: Option<String>,
    /// Further options of `sbatch`, a word each.
    pub extra: Vec<String>,
    /// Lines of shell that a job runs before anything else.
    pub setup: Vec<String>,
    /// Jobs of this run in Slurm's queue at once, pending and running.
    pub max_submit: u32,
    /// Longest time between two polls of Slurm, as long as something changes.
    pub poll: Span,
}

impl Default for Slurm {
    fn default() -> Self {
        Self {
            partition: None,
            account: None,
            qos: None,
            time: None,
            constraint: None,
            gres: None,
            extra: Vec::new(),
            setup: Vec::new(),
            max_submit: 100,
            poll: Span(Duration::from_secs(10)),
        }
    }
}

/// Options of `sbatch` that `orch` sets itself, each with advice.
const RESERVED: [(&str, &str); 14] = [
    ("array", "`orch` submits the trials as an array by itself"),
    ("chdir", "a worker starts in the folder that `orch run` was called in"),
    ("error", "a worker's output is in its attempt's folder: `orch logs`"),
    ("export", "jobs get the environment of `orch run`; use `setup` to change it"),
    ("job-name", "`orch` finds its jobs by the name that it gives them"),
    ("no-requeue", "it is set anyway"),
    ("ntasks", "a trial is one task; `resources.cpus` are its CPUs"),
    ("output", "a worker's output is in its attempt's folder: `orch logs`"),
    ("parsable", "`orch` reads what `sbatch` prints"),
    ("requeue", "a next attempt is always a new job"),
    ("signal", "the time for a checkpoint follows from `worker.grace`"),
    ("test-only", "`orch run -n` submits nothing"),
    ("wait", "`orch wait` waits"),
    ("wrap", "`orch` writes the script; use `setup` for lines of your own"),
];

/// Their short forms.
const RESERVED_SHORT: [(char, &str); 6] = [
    ('a', "array"),
    ('D', "chdir"),
    ('e', "error"),
    ('J', "job-name"),
    ('n', "ntasks"),
    ('o', "output"),
];

/// A setting of Slurm that cannot be used.
#[derive(Debug)]
pub(crate) struct SlurmProblem {
    /// JSON pointer below `slurm`, without its first slash.
    pub(crate) key: String,
    pub(crate) message: String,
    pub(crate) hint: String,
}

impl Slurm {
    /// Every setting that cannot be used.
    pub(crate) fn problems(&self) -> Vec<SlurmProblem> {
        let mut problems = Vec::new();
        let mut wrong = |key: &str, message: String, hint: &str| {
            problems.push(SlurmProblem { key: key.to_owned(), message, hint: hint.to_owned() });
        };
        let named = [
            ("partition", &self.partition),
            ("account", &self.account),
            ("qos", &self.qos),
            ("constraint", &self.constraint),
            ("gres", &self.gres),
        ];
        for (key, value) in named {
            if value.as_ref().is_some_and(|v| v.is_empty() || v.contains(char::is_control)) {
                let hint = "write it in one line, or leave it out for the site's own default";
                wrong(key, format!("`{key}` is empty or has control characters"), hint);
            }
        }
        for (i, option) in self.extra.iter().enumerate() {
            let key = format!("extra/{i}");
            if option.contains(char::is_control) {
                wrong(&key, "an option has control characters".to_owned(), "write it in one line");
            } else if !option.starts_with('-') {
                let hint = "write `--option=value`, a word each";
                wrong(&key, format!("`{option}` is not an option of `sbatch`"), hint);
            } else if let Some((name, advice)) = reserved(option) {
                wrong(&key, format!("`--{name}` is set by `orch`"), advice);
            }
        }
        for (i, line) in self.setup.iter().enumerate() {
            if line.contains('\0') {
                wrong(&format!("setup/{i}"), "a line has a NUL character".to_owned(), "remove it");
            }
        }
        if self.max_submit == 0 {
            wrong("max_submit", "no job could ever be submitted".to_owned(), "write 1 or more");
        }
        if self.poll.0 < Duration::from_millis(100) {
            let hint = "sites ask for 10 seconds or more";
            wrong("poll", "Slurm would be polled all the time".to_owned(), hint);
        }
        if self.time.is_some_and(|time| time.0 < Duration::from_mins(1)) {
            wrong("time", "Slurm's limits are minutes".to_owned(), "write `1m` or more");
        }
        problems
    }
}

/// The option among [`RESERVED`] that this word of a command line sets, and the advice.
fn reserved(option: &str) -> Option<(&'static str, &'static str)> {
    let name = match option.strip_prefix("--") {
        Some(long) => long.split('=').next()?,
        None => RESERVED_SHORT.iter().find(|(short, _)| option[1..].starts_with(*short))?.1,
    };
    RESERVED.iter().find(|(reserved, _)| *reserved == name).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(text: &str) -> Vec<String> {
        let slurm: Slurm = serde_json::from_str(text).unwrap();
        slurm.problems().into_iter().map(|p| format!("{}: {}", p.key, p.message)).collect()
    }

    #[test]
    fn reserved_options_are_refused_in_either_form() {
        let extra =
            r#"{"extra": ["--exclusive", "--array=1-3", "-o", "-ofile", "-", "gpu", "--mem=8G"]}"#;
        assert_eq!(
            problems(extra),
            [
                "extra/1: `--array` is set by `orch`",
                "extra/2: `--output` is set by `orch`",
                "extra/3: `--output` is set by `orch`",
                "extra/5: `gpu` is not an option of `sbatch`",
            ]
        );
    }

    #[test]
    fn unusable_settings_are_refused_key_by_key() {
        let text =
            r#"{"partition": "", "account": "a\nb", "max_submit": 0, "poll": "1ms", "time": "5s"}"#;
        let keys = problems(text).into_iter().map(|p| p.split(':').next().unwrap().to_owned());
        assert_eq!(
            keys.collect::<Vec<_>>(),
            ["partition", "account", "max_submit", "poll", "time"]
        );
        assert_eq!(
            problems(r#"{"partition": "gpu", "time": "2h", "setup": ["module load cuda"]}"#),
            [""; 0]
        );
    }
}
