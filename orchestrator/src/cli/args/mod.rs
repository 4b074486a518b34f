//! The command line: verbs and their help. The arguments of each are in the files of this folder.

mod analysis;
mod authoring;
mod bundle;
mod global;
mod maintenance;
mod mcp;
mod run;
mod serve;
mod trials;

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::display::style;

pub(super) use analysis::{
    CheckClaims, Checklist, Compare, Export, ExportFormat, Import, ImportFormat, Plan, Query,
    Report, RowFormat, TableFormat, Venue,
};
pub(super) use authoring::{Completions, Init, ShellName, Validate};
pub(super) use bundle::{Bundle, Verify};
pub(super) use global::Global;
pub(super) use maintenance::{Db, DbVerb, Doctor, Gc, Ls, Rm};
pub(super) use mcp::Mcp;
pub(super) use run::{Attach, Run, Status, Wait};
pub(super) use serve::Serve;
pub(super) use trials::{Diff, Logs, OneTrialArgs, Retry, Show, Stop, TrialsArgs, Why};

/// Turns one YAML file into a paper's table.
///
/// The file says which variants to train, with which seeds, and which table and figures must come
/// out. `orch run` runs every trial to its end in a worker process and records everything in
/// SQLite; running the same file again runs what is missing, and nothing twice.
#[derive(Debug, Parser)]
#[command(
    name = "orch",
    version = env!("ORCH_VERSION"),
    propagate_version = true,
    arg_required_else_help = true,
    after_help = "\
Examples:
  orch init                                          an experiment file and a script to start from
  orch run experiments/table1.yaml                   train everything at the default profile
  orch run experiments/table1.yaml -n                show what would run, and run nothing
  orch run experiments/table1.yaml --profile paper   the same at the paper's own scale
  orch run experiments/table1.yaml -d                the same in the background: see `orch attach`
  orch status --watch                                the last run as it goes on
  orch show variant=sr3,seed=0                       everything about one of its trials
  orch report table1                                 its table and figures, from the records

Exit codes: 0 all succeeded, 1 some failed, 2 wrong usage or file, 3 incomplete report,
4 another supervisor holds the run, 5 damaged records, 130 interrupted."
)]
pub struct Cli {
    /// The verb.
    #[command(subcommand)]
    pub(crate) verb: Verb,
    /// Flags of every verb.
    #[command(flatten)]
    pub(crate) global: Global,
}

impl Cli {
    /// Sets for the whole process when text is coloured, and tells if logs on standard error are.
    pub fn set_colours(&self) -> bool {
        style::set_choice(self.global.color.into());
        style::is_coloured(&std::io::stderr())
    }

    /// The least level of events that are logged.
    pub fn log_level(&self) -> &'static str {
        match (self.global.quiet, self.global.verbose) {
            (true, _) => "error",
            (false, 0) => "warn",
            (false, 1) => "info",
            (false, 2) => "debug",
            (false, _) => "trace",
        }
    }
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Writes an experiment file and a script that run as they are, to start from.
    ///
    /// `experiment.yaml` and `train.py` or `train.sh`, with comments, and the schema by which editors check
    /// them. A file that exists is left alone, and then nothing is written.
    #[command(after_help = "\
Example:
  orch init sine --pytorch && cd sine && orch run experiment.yaml && orch report")]
    Init(Init),
    /// Checks an experiment file and runs nothing.
    ///
    /// As `orch run -n` does, with its worker's check: every mistake is shown with its line. Exit code 0 if
    /// it could run, 2 if not.
    #[command(after_help = "\
Examples:
  orch validate experiments/table1.yaml -p paper
  orch validate experiments/table1.yaml --json | jq -r '.findings[] | \"\\(.line): \\(.message)\"'")]
    Validate(Validate),
    /// Prints the JSON Schema of experiment files, for editors.
    ///
    /// An editor with a YAML language server completes keys, shows their documentation and marks mistakes
    /// in a file that names the schema in its first line.
    #[command(after_help = "\
Example:
  orch schema > experiment.schema.json
  # and in the file: # yaml-language-server: $schema=experiment.schema.json")]
    Schema,
    /// Runs what is missing of an experiment.
    ///
    /// Prints the plan, then shows every trial's progress until all have ended. Safe to repeat: what
    /// is done stays done, what was interrupted resumes from its last checkpoint. Ctrl-C lets the
    /// workers save a checkpoint and end; a second Ctrl-C ends them at once. docs/experiment.md
    /// explains every key of the file.
    #[command(after_help = "\
Examples:
  orch run experiments/table1.yaml --only sr3 -n   the plan for one row
  orch run table1.demo.orch.zip                    the run of a bundle goes on: docs/bundle.md")]
    Run(Run),
    /// Shows the progress of a run in the background or in another terminal.
    ///
    /// Until it ends, with the exit code of `orch wait`. Ctrl-C detaches; the run continues.
    #[command(after_help = "\
Example:
  orch run experiments/table1.yaml -d && orch attach")]
    Attach(Attach),
    /// Waits for the end of a run.
    ///
    /// Prints nothing unless something is wrong. Exit codes: 0 all succeeded, 1 some failed, 3 a metric
    /// that the report needs was not reported, or a claim of `--until-resolved` is open, 5 records are damaged, 124 the timeout was reached first, 130
    /// it was interrupted or its supervisor died, so that something is left to run.
    #[command(after_help = "\
Example:
  orch run experiments/table1.yaml -d && orch wait && orch report")]
    Wait(Wait),
    /// Shows the state of a run.
    ///
    /// Of every trial: its state and why, its progress and rate, the time that it has taken, and about how
    /// long it and the run will take. That is estimated from the durations of finished trials, the rates of
    /// running ones and the slots in use; where there is nothing to go by, nothing is shown. `--watch`
    /// shows the same on the whole terminal as it goes on, with curves, logs, GPUs and keys: `?` lists them.
    #[command(after_help = "\
Examples:
  orch status table1.demo --all
  orch status --watch            in tmux or over ssh, while the run goes on elsewhere
  orch status --json | jq '.eta_seconds, (.trials[] | {id, state, rate, eta_seconds})'

A trial is one variant with one seed; the supervisor is the process `orch run`, which starts trials and
records what becomes of them. A trial is
  queued       waiting for room, for a pause after a failure, or for a supervisor
  starting     given to an attempt whose worker has not begun
  running      in the hands of its worker
  ended        done with an attempt that no supervisor has recorded yet
  lost         without its processes, which a crash has ended; it resumes from its last checkpoint
  interrupted  stopped with its run; it resumes when the file is run again
  cancelled    stopped by `orch stop TRIAL`; it resumes when the file is run again, or by `orch retry`
  succeeded    done
  failed       given up, after as many attempts as `retry` in the file allows; `orch why` has the cause
  retired      not in the file any more, with its records kept; its numbers count in no report")]
    Status(Status),
    /// Shows every run in a browser, while it goes on and afterwards.
    ///
    /// Progress, table, claims and curves so far, GPUs and who holds them, and of every trial its config, images
    /// and logs. It only reads, and pages that are open follow the records. It answers to this machine alone:
    /// from another one, forward its port with `ssh -L`. `/metrics` is for Prometheus; docs/serve.md has the
    /// rest.
    #[command(after_help = "\
Examples:
  orch serve                                          then open http://127.0.0.1:8750/
  ssh -L 8750:127.0.0.1:8750 gpu-box                  the same of another machine
  orch serve --bind 0.0.0.0:8750 --token-file token   for other machines, which need the token")]
    Serve(Serve),
    /// Serves runs to an assistant, by the Model Context Protocol on standard input and output.
    ///
    /// A client of the protocol starts it in the folder of the experiments. Its tools are verbs that read;
    /// `claims` is the gate for what may be stated. With `--allow-run`, others run, stop and retry trials.
    #[command(after_help = "\
Example, in the configuration of a client:
  {\"mcpServers\": {\"orch\": {\"command\": \"orch\", \"args\": [\"mcp\"], \"cwd\": \"/home/me/paper\"}}}
docs/mcp.md has the tools, and what is and is not allowed.")]
    Mcp(Mcp),
    /// Shows everything about one trial.
    ///
    /// Its state and why, its config, every attempt, its final values, where its files are, and how
    /// to rerun it manually.
    #[command(after_help = "\
Example:
  orch show variant=sr3,seed=0   the trial of that variant and seed, in the last run")]
    Show(Show),
    /// Shows the differences between two trials, or two runs or bundles.
    ///
    /// The keys of their configs that differ, what they were made with, how long they took, and their
    /// final values side by side. Of runs, the means of every cell, how many of their common seeds have the
    /// same value bit for bit, and the verdicts on every claim.
    #[command(after_help = "\
Examples:
  orch diff variant=sr3 variant=cos              two rows of one run
  orch diff sr3-s0 sr3-s0 table1.demo table1.small   one row of two runs
  orch diff theirs.orch.zip table1.demo          a bundle and a run")]
    Diff(Diff),
    /// Prints the output of a trial's worker.
    ///
    /// Of its last attempt, first standard output, then standard error.
    #[command(after_help = "\
Example:
  orch logs state=failed --stderr   the errors of what failed, one trial's for each cause")]
    Logs(Logs),
    /// Explains why a trial waits, has failed or is not run, and what to do.
    #[command(after_help = "\
Examples:
  orch why                all that is not done, by cause, with what is to do and the ends of logs
  orch why variant=sr3    the same of one variant")]
    Why(Why),
    /// Stops trials, or a whole run, and returns when their processes are gone.
    ///
    /// Their workers save a checkpoint first. A selected trial is cancelled: it resumes when
    /// the file is run again, or by `orch retry`. `--all` ends the run as Ctrl-C does.
    #[command(after_help = "\
Examples:
  orch stop variant=sr3                cancels that variant's trials, running or queued
  orch stop --all                      lets everything save a checkpoint and ends the run
  orch stop state=queued table1.demo   lets running trials finish, and starts no others")]
    Stop(Stop),
    /// Puts trials that failed, or were stopped, back in the queue.
    ///
    /// Each resumes from its last checkpoint, with as many attempts as a new one has. A running
    /// supervisor starts them; if none is running, run the file again.
    #[command(after_help = "\
Examples:
  orch retry --failed            all that failed, once their cause is removed
  orch retry variant=sr3,seed=1  that one trial")]
    Retry(Retry),
    /// Removes what is not needed any more, by the file's `keep`.
    ///
    /// Of trials that are not running: checkpoints that the rule does not keep, folders of
    /// checkpoints from before a trial was restarted, and incomplete files.
    /// The last checkpoint of a trial that has not succeeded always stays, and so do logs, events,
    /// records and artifacts. The rule is that of the last `orch run`.
    #[command(after_help = "\
Examples:
  orch gc --dry-run   what would be removed, of the last run
  orch gc table1      removes it")]
    Gc(Gc),
    /// Makes a run's table and figures, from its records alone.
    ///
    /// The exit code is 3 if trials are missing, or metrics that no trial reports, which the report says,
    /// unless `--allow-partial` is given; and if the worker or the data changed between its trials, when nothing is drawn unless
    /// `--accept-code-change` is given.
    #[command(after_help = "\
Example:
  orch report table1 --profile paper
  orch report table1 --explain sr4.psnr   the provenance of that number
  orch report table1 --check   fails if the report is not that of the records")]
    Report(Report),
    /// Says how many seeds each claim will need, before the hours are spent.
    ///
    /// By the effects and the variances of a pilot, a run with two seeds or more of each row: for one test of a
    /// number of seeds that is fixed beforehand, and for the two designs that may look again. Where no
    /// number of seeds would do, it says how many items.
    #[command(after_help = "\
Examples:
  orch plan experiments/table1.yaml                                      from the file's latest run
  orch plan experiments/table1.yaml -p paper --from table1.small         a large run by a small one")]
    Plan(Plan),
    /// Compares the verdicts on a run's claims with the expected ones.
    ///
    /// Every claim is expected to be supported or, with `--expect`, to have the verdict of an earlier report.
    /// The exit code is 0 if all have it, 1 if one has not, and 3 if all have it and trials or metrics are
    /// missing, for tests in continuous integration. Notes say what makes a verdict count for less. Nothing is
    /// drawn.
    #[command(after_help = "\
Examples:
  orch check-claims table1.seeds                      is every claim of the paper supported?
  orch check-claims table1.seeds --expect claims.json has any verdict changed since that report?")]
    CheckClaims(CheckClaims),
    /// Answers a venue's reproducibility checklist from the records.
    ///
    /// Seeds, error bars, hardware, hours, commands, code and settings, as Markdown to copy from. Questions
    /// that the records do not answer are left open, and said to be.
    #[command(after_help = "\
Examples:
  orch checklist table1.paper --for neurips
  orch checklist table1.paper.orch.zip --for acm    the same, from a bundle")]
    Checklist(Checklist),
    /// Puts the rows of several runs in one table.
    ///
    /// The columns are those of the first one's `report.table`, as far as any run has their metrics;
    /// every run's variants are rows, and those of one name are adjacent. Bold or starred are the best, and
    /// underlined or marked ≈ all that do not differ from it significantly, as in a report. A trial that has not
    /// succeeded does not count, which the table says.
    #[command(after_help = "\
Examples:
  orch compare table1.demo table1.small
  orch compare mine baseline --format markdown")]
    Compare(Compare),
    /// Queries a run's records with SQL.
    ///
    /// It only reads. Two views have every number by name:
    ///
    /// `series`, every point that counts: trial, variant, seed, metric, item, step, value, time, attempt.
    /// The item is empty where a metric has none; time is in seconds since 1970.
    ///
    /// `final`, every trial's final values: trial, variant, seed, state, metric, value.
    ///
    /// A value that is NaN is NULL. The tables below the views may change with any version; `select name,
    /// sql from sqlite_schema` shows them.
    #[command(after_help = "\
Examples:
  orch query \"select variant, avg(value) from final where metric = 'psnr' group by variant\"
  orch query \"select * from series where metric = 'loss'\" table1.demo --format csv > loss.csv
  orch query \"select trial, max(step) from series group by trial\" --format json")]
    Query(Query),
    /// Writes every point that counts to files for other programs.
    ///
    /// At full resolution, and without trials that the file no longer names. CSV and JSON lines have
    /// trial, variant, seed, metric, item, step, value and time (seconds since 1970) of each point, by
    /// trial, metric, item and step. For TensorBoard each trial is a folder; its scalars have 32 bits.
    /// `--system` writes the samples of CPU, memory and GPUs instead: trial, variant, seed, attempt, time, metric
    /// with its unit, GPU, value.
    #[command(after_help = "\
Examples:
  orch export table1.demo --format csv --out points.csv
  orch export --format csv --out - | gzip > points.csv.gz
  orch export --format tensorboard --out boards && tensorboard --logdir boards")]
    Export(Export),
    /// Makes a run of the curves of another program.
    ///
    /// Every folder in and below DIR that has TensorBoard's event files becomes a trial, whose points are
    /// copied and whose origin is recorded. The run can be queried, exported and compared like
    /// any other, and `orch report RUN --beside NAME` draws its rows beside those of another run.
    #[command(after_help = "\
Examples:
  orch import tensorboard lightning_logs --name theirs --metric val_psnr=val/psnr
  orch import tensorboard seeds --row sr3 --last   the folders are seeds of one row, the last values final")]
    Import(Import),
    /// Makes one file of a run's evidence, which others can verify.
    ///
    /// The experiment, the journal, every attempt's events and records, and the report, which is drawn from
    /// them; not the database. The same run gives the same bytes. It is an RO-Crate in a zip archive.
    /// Exit codes as of `orch report`, and 4 while trials are running. docs/bundle.md says what is in it.
    #[command(after_help = "\
Examples:
  orch bundle table1.paper                    writes table1.paper.orch.zip
  orch bundle table1 -o paper/evidence.orch.zip --checkpoints --logs
  orch bundle table1 -o evidence              the same as a folder")]
    Bundle(Bundle),
    /// Verifies a bundle: its files, its records, and that its report follows from them.
    ///
    /// Compares every file with the manifest, the records with their seals and the journal's chain, makes
    /// the database again and draws the report again, which must be the same to the byte. Nothing is run,
    /// and nothing is written beside the bundle. Exit codes: 0 all of it agrees, 3 something could not be
    /// verified, 5 something does not agree, or the file is no bundle.
    #[command(after_help = "\
Example:
  orch verify table1.paper.orch.zip")]
    Verify(Verify),
    /// Lists every run, the last one first, with its state and how much of it is done.
    Ls(Ls),
    /// Removes a run, with its checkpoints, logs, records and report.
    ///
    /// Says first what goes, and asks. A run whose supervisor or workers are alive is not removed, and exit
    /// code 4 or 2 says so.
    #[command(after_help = "\
Example:
  orch rm table1.demo --yes   does not ask, as in a script")]
    Rm(Rm),
    /// Finds what is wrong with this machine, and says what to do about it.
    ///
    /// One line for each check: CPUs, memory, GPUs and their driver, disk, file system, locks, clock,
    /// slots and their holders, databases; with a FILE also its worker. Exit code 1 if there is a
    /// problem. `--fix` mends what can be: it fetches the libtorch that `orch-worker` lacks.
    #[command(after_help = "\
Example:
  orch doctor experiments/table1.yaml   checks that this machine can run it, with its worker")]
    Doctor(Doctor),
    /// Checks the database of a run, or rebuilds it.
    ///
    /// `orch.db` is an index over the run's journal and its workers' files: `check` compares it with
    /// them, also while the run is active; `rebuild` makes it again from them. Exit code 1 if it does
    /// not agree with the files, 5 if those are damaged.
    #[command(after_help = "\
Example:
  orch db check table1.demo || orch db rebuild table1.demo")]
    Db(Db),
    /// Prints the script by which a shell completes commands, options, runs and trials.
    #[command(after_help = "\
Examples:
  source <(orch completions bash)             in ~/.bashrc
  source <(orch completions zsh)              in ~/.zshrc, after compinit
  orch completions fish | source              in ~/.config/fish/config.fish")]
    Completions(Completions),
    /// Writes a manual page for each command.
    #[command(hide = true)]
    Man {
        /// The folder to write to; made if it is missing.
        folder: PathBuf,
    },
    /// Runs one attempt to its end; started by executors.
    #[command(hide = true)]
    Hold {
        /// The attempt's folder.
        attempt: PathBuf,
    },
    /// Samples the use of CPU, memory and GPUs by one attempt; started by its holder.
    #[command(hide = true)]
    SampleSystem {
        /// The attempt's folder.
        attempt: PathBuf,
        /// The holder's process id.
        holder: i32,
    },
    /// Forks the holders of a supervisor; started by it.
    #[command(hide = true)]
    ForkServer,
}
