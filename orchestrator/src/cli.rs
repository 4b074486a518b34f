//! The command line: verbs, flags and their help.

mod analysis;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use crate::selector::{Selector, SelectorError};
use crate::slots::Strangers;

pub use analysis::{Compare, Export, ExportFormat, Query, RowFormat, TableFormat};

/// Turns one YAML file into a paper's table.
///
/// The file says which variants to train, with which seeds, and which table and figures must come
/// out. `orch run` carries every trial to its end on worker processes and records everything in
/// SQLite; running the same file again runs what is missing, and nothing twice.
#[derive(Debug, Parser)]
#[command(
    name = "orch",
    version,
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
    /// given; and if the worker or the data
    /// changed between its trials, when nothing is drawn unless `--accept-code-change` is given.
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

/// Arguments of `orch run`.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag on the command line")]
pub struct Run {
    /// The experiment file.
    pub file: PathBuf,
    /// Profile to run under; the file's first if absent.
    #[arg(short, long, value_name = "NAME")]
    pub profile: Option<String>,
    /// Sets a config value, of all variants or of one. The value is YAML.
    #[arg(short, long, value_name = "[VARIANT:]KEY.PATH=VALUE")]
    pub set: Vec<String>,
    /// Runs only this variant; repeatable. The others keep what they have.
    #[arg(long, value_name = "VARIANT")]
    pub only: Vec<String>,
    /// Trials at once, at most; as many as there are CPUs and GPUs for if absent.
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub jobs: Option<u32>,
    /// Also uses GPUs on which processes compute that are none of our trials'.
    #[arg(long)]
    pub allow_busy_gpus: bool,
    /// When to end before all is done.
    #[command(flatten)]
    pub fails: FailurePolicy,
    /// Returns once all has been checked and the run goes on in the background.
    #[arg(short, long, conflicts_with = "dry_run")]
    pub detach: bool,
    /// Runs again from the beginning what another build of the worker made, or other data.
    #[arg(long)]
    pub rerun_stale: bool,
    /// Prints the plan and runs nothing.
    #[arg(short = 'n', long)]
    pub dry_run: bool,
    /// Prints one JSON object when all is over.
    #[arg(long)]
    pub json: bool,
}

impl Run {
    /// What to do about GPUs that others use.
    pub fn strangers(&self) -> Strangers {
        if self.allow_busy_gpus { Strangers::Tolerated } else { Strangers::Avoided }
    }
}

/// After how many failed trials `orch run` ends.
#[derive(Debug, Args)]
#[group(multiple = false)]
pub struct FailurePolicy {
    /// Carries all other trials to their end when one has failed; this is the default.
    #[arg(long)]
    keep_going: bool,
    /// Stops when a trial has failed: the same as `--max-fails 1`.
    #[arg(long)]
    fail_fast: bool,
    /// Stops when so many trials have failed: nothing more is started, and those that run save a
    /// checkpoint and end. Running the file again goes on.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    max_fails: Option<u32>,
}

impl FailurePolicy {
    /// The number, if there is a limit.
    pub fn limit(&self) -> Option<u32> {
        if self.fail_fast { Some(1) } else { self.max_fails }
    }
}

/// Arguments of `orch attach`.
#[derive(Debug, Args)]
pub struct Attach {
    /// The run: `table1.demo`, or `table1` for its latest profile; the last one if absent.
    pub run: Option<String>,
}

/// Arguments of `orch wait`.
#[derive(Debug, Args)]
pub struct Wait {
    /// The run: `table1.demo`, or `table1` for its latest profile; the last one if absent.
    pub run: Option<String>,
    /// Waits no longer than this: `90s`, `2h`, `1day`.
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub timeout: Option<Duration>,
}

/// Arguments of `orch status`.
#[derive(Debug, Args)]
pub struct Status {
    /// The run: `table1.demo`, or `table1` for its latest profile; the last one if absent.
    pub run: Option<String>,
    /// Lists every trial, however many there are, and those that the file no longer names.
    #[arg(short, long)]
    pub all: bool,
    /// Prints one JSON object.
    #[arg(long)]
    pub json: bool,
}

/// Which trial, of which run.
#[derive(Debug, Args)]
pub struct Chosen {
    /// The trial: the start of its id, `variant=NAME`, `seed=N` or `state=STATE`, or several of
    /// these with commas between. Exactly one trial must fit.
    pub trial: Selector,
    /// The run: `table1.demo`, or `table1` for its latest profile; the last one if absent.
    pub run: Option<String>,
}

/// Arguments of `orch show`.
#[derive(Debug, Args)]
pub struct Show {
    /// Which trial.
    #[command(flatten)]
    pub chosen: Chosen,
    /// Prints one JSON object.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `orch diff`.
#[derive(Debug, Args)]
pub struct Diff {
    /// The one trial: the start of its id, `variant=NAME`, `seed=N` or `state=STATE`, or several of
    /// these with commas between.
    pub a: Selector,
    /// The other, in the same way.
    pub b: Selector,
    /// The run: `table1.demo`, or `table1` for its latest profile; the last one if absent.
    pub run: Option<String>,
    /// The run of the other trial; the same if absent.
    pub other_run: Option<String>,
    /// Prints one JSON object.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `orch logs`.
#[derive(Debug, Args)]
pub struct Logs {
    /// Which trial.
    #[command(flatten)]
    pub chosen: Chosen,
    /// Goes on printing, from attempt to attempt, until the trial is done or nobody carries it on.
    #[arg(short, long)]
    pub follow: bool,
    /// Only what went to standard output.
    #[arg(long, conflicts_with = "stderr")]
    pub stdout: bool,
    /// Only what went to standard error.
    #[arg(long)]
    pub stderr: bool,
    /// This attempt, not the last one.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub attempt: Option<u32>,
}

/// Arguments of `orch why`.
#[derive(Debug, Args)]
pub struct Why {
    /// Which trial.
    #[command(flatten)]
    pub chosen: Chosen,
}

/// Arguments of `orch stop`.
#[derive(Debug, Args)]
pub struct Stop {
    /// Trials: the start of an id, `variant=NAME`, `seed=N` or `state=STATE`, or several of these
    /// with commas between. All that fit are meant. With `--all`, the run.
    #[arg(value_name = "TRIAL", required_unless_present = "all")]
    first: Option<String>,
    /// The run: `table1.demo`, or `table1` for its latest profile; the last one if absent.
    #[arg(value_name = "RUN", conflicts_with = "all")]
    second: Option<String>,
    /// Stops everything that runs, and the supervisor; what is queued stays queued.
    #[arg(long)]
    pub all: bool,
    /// Does not wait for checkpoints: the last ones that were saved stay.
    #[arg(long)]
    pub now: bool,
    /// Prints one JSON object.
    #[arg(long)]
    pub json: bool,
}

impl Stop {
    /// The trials that are named and the run.
    pub fn named(&self) -> Result<Named<'_>, SelectorError> {
        Named::new(self.first.as_deref(), self.second.as_deref(), self.all)
    }
}

/// Arguments of `orch retry`.
#[derive(Debug, Args)]
pub struct Retry {
    /// Trials: the start of an id, `variant=NAME`, `seed=N` or `state=STATE`, or several of these
    /// with commas between. All that fit are meant. With `--failed`, the run.
    #[arg(value_name = "TRIAL", required_unless_present = "failed")]
    first: Option<String>,
    /// The run: `table1.demo`, or `table1` for its latest profile; the last one if absent.
    #[arg(value_name = "RUN", conflicts_with = "failed")]
    second: Option<String>,
    /// Every trial that failed.
    #[arg(long)]
    pub failed: bool,
    /// Prints one JSON object.
    #[arg(long)]
    pub json: bool,
}

impl Retry {
    /// The trials that are named and the run.
    pub fn named(&self) -> Result<Named<'_>, SelectorError> {
        Named::new(self.first.as_deref(), self.second.as_deref(), self.failed)
    }
}

/// What verbs that may be about several trials are about.
#[derive(Debug)]
pub struct Named<'a> {
    /// Which trials; `None` where a flag says that.
    pub trials: Option<Selector>,
    /// Which run; the last one if absent.
    pub run: Option<&'a str>,
}

impl<'a> Named<'a> {
    /// Of the words of the command line: where a flag says which trials, the first is the run.
    fn new(
        first: Option<&'a str>,
        second: Option<&'a str>,
        by_flag: bool,
    ) -> Result<Self, SelectorError> {
        let (trials, run) = if by_flag { (None, first) } else { (first, second) };
        Ok(Self { trials: trials.map(str::parse).transpose()?, run })
    }
}

/// Arguments of `orch gc`.
#[derive(Debug, Args)]
pub struct Gc {
    /// The run: `table1.demo`, or `table1` for its latest profile; the last one if absent.
    pub run: Option<String>,
    /// Shows what would be removed, and removes nothing.
    #[arg(short = 'n', long)]
    pub dry_run: bool,
    /// Prints one JSON object.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `orch doctor`.
#[derive(Debug, Args)]
pub struct Doctor {
    /// An experiment file, whose worker is looked at too.
    pub file: Option<PathBuf>,
    /// Its profile; the file's first if absent.
    #[arg(short, long, value_name = "NAME", requires = "file")]
    pub profile: Option<String>,
    /// Prints one JSON object.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `orch db`.
#[derive(Debug, Args)]
pub struct Db {
    /// What to do.
    #[command(subcommand)]
    pub what: DbVerb,
}

/// What to do with a database.
#[derive(Debug, Subcommand)]
pub enum DbVerb {
    /// Says whether it is sound and holds what the files say.
    Check {
        /// The run: `table1.demo`, or `table1` for its latest profile; the last one if absent.
        run: Option<String>,
    },
    /// Makes it again from the files, while no supervisor is at work.
    Rebuild {
        /// The run: `table1.demo`, or `table1` for its latest profile; the last one if absent.
        run: Option<String>,
    },
}

/// Arguments of `orch report`.
#[derive(Debug, Args)]
pub struct Report {
    /// The run (`table1.demo`, or `table1` for its latest profile; the last one if absent), or an
    /// experiment file, whose present report section and labels are used.
    #[arg(value_name = "RUN|FILE")]
    pub of: Option<String>,
    /// Profile, with a FILE; its latest run if absent.
    #[arg(short, long, value_name = "NAME")]
    pub profile: Option<String>,
    /// Draws results of different builds of the worker, or made before the data changed, in one
    /// table, and says so below it.
    #[arg(long)]
    pub accept_code_change: bool,
    /// Takes a table of which trials are missing for good; its cells are marked all the same.
    #[arg(long)]
    pub allow_partial: bool,
    /// Shows what stands behind one number, and draws nothing: its trials and their attempts, keys,
    /// builds, commits, devices and logs. `provenance.json` in the report has it for all.
    #[arg(long, value_name = "VARIANT.METRIC", conflicts_with_all = ["out", "allow_partial"])]
    pub explain: Option<String>,
    /// Folder for the report; `report` in the run's folder if absent.
    #[arg(short, long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Prints one JSON object.
    #[arg(long)]
    pub json: bool,
}
