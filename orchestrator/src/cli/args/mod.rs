//! The command line: verbs and their help. The flags of each lie in `cli/`.

mod analysis;
mod maintenance;
mod run;
mod trials;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

pub use analysis::{
    Compare, Export, ExportFormat, Import, ImportFormat, Query, Report, RowFormat, TableFormat,
};
pub use maintenance::{Db, DbVerb, Doctor, Gc};
pub use run::{Attach, FailurePolicy, Run, Status, Wait};
pub use trials::{Chosen, Diff, Logs, Named, Retry, Show, Stop, Why};

/// Turns one YAML file into a paper's table.
///
/// The file says which variants to train, with which seeds, and which table and figures must come
/// out. `orch run` carries every trial to its end on worker processes and records everything in
/// SQLite; running the same file again runs what is missing, and nothing twice.
#[derive(Debug, Parser)]
#[command(
    name = "orch",
    version = env!("ORCH_VERSION"),
    propagate_version = true,
    arg_required_else_help = true,
    after_help = "\
Examples:
  orch run experiments/table1.yaml                   train everything at the default profile
  orch run experiments/table1.yaml -n                show what would run, and run nothing
  orch run experiments/table1.yaml --profile paper   the same at the paper's own scale
  orch run experiments/table1.yaml -d                the same in the background: see `orch attach`
  orch status                                        where the last run stands
  orch show variant=sr3                              all about one of its trials
  orch report table1                                 its table and figures, from the records

Exit codes: 0 all succeeded, 1 some failed, 2 wrong usage or file, 3 incomplete report,
4 another supervisor holds the run, 130 interrupted."
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
    /// Flags of every verb.
    #[command(flatten)]
    pub global: Global,
}

/// Flags of every verb.
#[derive(Debug, Args)]
pub struct Global {
    /// Folder that the runs lie in.
    #[arg(long, global = true, env = "ORCH_RUNS", default_value = "runs", value_name = "DIR")]
    pub runs: PathBuf,
    /// Says more; twice, everything. `ORCH_LOG` filters in detail (`ORCH_LOG=orchestrator=debug`).
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// Says only what went wrong.
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// This process is the one in the background.
    #[arg(long, hide = true)]
    pub behind: bool,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Runs what is missing of an experiment.
    ///
    /// Prints the plan, then shows every trial's progress until all have ended. Safe to repeat: what
    /// is done stays done, what was interrupted goes on from its last checkpoint. Ctrl-C lets the
    /// workers save a checkpoint and end; a second Ctrl-C ends them at once. docs/experiment.md
    /// explains every key of the file.
    Run(Run),
    /// Shows how a run goes that is run in the background or in another terminal.
    ///
    /// Until it ends, with the exit code of `orch wait`. Ctrl-C leaves it, and it goes on.
    #[command(after_help = "\
Example:
  orch run experiments/table1.yaml -d && orch attach")]
    Attach(Attach),
    /// Waits for the end of a run.
    ///
    /// Says nothing unless something is wrong, and then what. Exit codes: 0 all succeeded, 1 some
    /// failed, 124 the time to wait was over first, 130 it was interrupted or its supervisor died,
    /// so that something is left to run.
    #[command(after_help = "\
Example:
  orch run experiments/table1.yaml -d && orch wait && orch report")]
    Wait(Wait),
    /// Shows where a run stands.
    Status(Status),
    /// Shows all about one trial.
    ///
    /// Its state and why, its config, every attempt, its final values, where its files are, and how
    /// to run it once more by hand.
    #[command(after_help = "\
Example:
  orch show variant=sr3,seed=0   the trial of that variant and seed, in the last run")]
    Show(Show),
    /// Says what is different between two trials.
    ///
    /// The keys of their configs that differ, what they were made with, how long they took, and their
    /// final values side by side.
    #[command(after_help = "\
Examples:
  orch diff variant=sr3 variant=cos              two rows of one run
  orch diff sr3-s0 sr3-s0 table1.demo table1.small   one row of two runs")]
    Diff(Diff),
    /// Prints what a trial's worker printed.
    ///
    /// Of its last attempt, first what went to standard output, then to standard error.
    #[command(after_help = "\
Example:
  orch logs state=failed --stderr   what the one trial that failed complained")]
    Logs(Logs),
    /// Says why a trial waits, has failed or is not run, and what to do.
    #[command(after_help = "\
Example:
  orch why state=failed   what became of the one trial that failed, with the end of its log")]
    Why(Why),
    /// Stops trials, or a whole run, and returns when their processes are gone.
    ///
    /// Their workers save a checkpoint first. A trial that is named is cancelled: it goes on when
    /// the file is run again, or by `orch retry`. `--all` ends the run as Ctrl-C does.
    #[command(after_help = "\
Examples:
  orch stop variant=sr3                cancels that variant's trials, running or queued
  orch stop --all                      lets everything save a checkpoint and ends the run
  orch stop state=queued table1.demo   lets what runs finish, and nothing else start")]
    Stop(Stop),
    /// Puts trials that failed, or were stopped, back in the queue.
    ///
    /// Each goes on from its last checkpoint, with as many attempts as a new one has. A supervisor
    /// that is at work takes them up; where there is none, run the file again.
    #[command(after_help = "\
Examples:
  orch retry --failed            all that failed, once their cause is removed
  orch retry variant=sr3,seed=1  that one trial")]
    Retry(Retry),
    /// Removes what is not needed any more, by the file's `keep`.
    ///
    /// Of trials that are not under way: the checkpoints that the rule does not keep, folders of
    /// checkpoints that a trial left behind when it began anew, and files that were never finished.
    /// The last checkpoint of a trial that has not succeeded always stays, and so do logs, events,
    /// records and artifacts. The rule is that of the last `orch run`.
    #[command(after_help = "\
Examples:
  orch gc --dry-run   what would be removed, of the last run
  orch gc table1      removes it")]
    Gc(Gc),
    /// Makes a run's table and figures, from its records alone.
    ///
    /// The exit code is 3 if trials are missing, which the table says, unless `--allow-partial` is
    /// given; and if the worker or the data changed between its trials, when nothing is drawn unless
    /// `--accept-code-change` is given.
    #[command(after_help = "\
Example:
  orch report table1 --profile paper
  orch report table1 --explain sr4.psnr   what stands behind that number")]
    Report(Report),
    /// Puts the rows of several runs in one table.
    ///
    /// The columns are those of the first one's `report.table`, as far as any run has their metrics;
    /// every run's variants are rows, and those of one name stand together. Bold or starred are the best
    /// and all that cannot be told from it, as in a report. A trial that has not succeeded does not count,
    /// which the table says.
    #[command(after_help = "\
Examples:
  orch compare table1.demo table1.small
  orch compare mine baseline --format markdown")]
    Compare(Compare),
    /// Looks something up in a run's records, with SQL.
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
  orch query table1.demo \"select * from series where metric = 'loss'\" --format csv > loss.csv
  orch query \"select trial, max(step) from series group by trial\" --format json")]
    Query(Query),
    /// Writes every point that counts to files for other programs.
    ///
    /// At full resolution, and without trials that the file no longer names. CSV and JSON lines have
    /// trial, variant, seed, metric, item, step, value and time (seconds since 1970) of each point, by
    /// trial, metric, item and step. For TensorBoard each trial is a folder; its scalars have 32 bits.
    #[command(after_help = "\
Examples:
  orch export table1.demo --format csv --out points.csv
  orch export --format tensorboard --out boards && tensorboard --logdir boards")]
    Export(Export),
    /// Makes a run of curves that another program left.
    ///
    /// Every folder in and below DIR that has TensorBoard's event files becomes a trial, whose points are
    /// copied; where they come from is recorded with it. The run can be queried, exported and compared like
    /// any other, and `orch report RUN --beside NAME` draws its rows beside those of another run.
    #[command(after_help = "\
Examples:
  orch import tensorboard lightning_logs --name theirs --metric val_psnr=val/psnr
  orch import tensorboard seeds --row sr3 --last   the folders are seeds of one row, the last values final")]
    Import(Import),
    /// Says what is wrong with this machine, and what to do about it.
    ///
    /// One line for each thing: CPUs, memory, GPUs and their driver, disk, file system, locks, clock,
    /// slots and who has them, databases; with a FILE also its worker. Exit code 1 if there is a
    /// problem.
    #[command(after_help = "\
Example:
  orch doctor experiments/table1.yaml   whether this machine can run it, worker and all")]
    Doctor(Doctor),
    /// Checks the database of a run, or makes it again.
    ///
    /// `orch.db` is an index over the run's journal and what its workers wrote: `check` compares it
    /// with what these files say, also while the run goes on; `rebuild` makes it again from them. Exit
    /// code 1 if it is not what the files say.
    #[command(after_help = "\
Example:
  orch db check table1.demo || orch db rebuild table1.demo")]
    Db(Db),
    /// Carries one attempt to its end; started by executors.
    #[command(hide = true)]
    Hold {
        /// The attempt's folder.
        attempt: PathBuf,
    },
}
