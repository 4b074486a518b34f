//! The exit code of every error that can end a verb.

use std::io;

use experiments::protocol::exit::{DAMAGED, INCOMPLETE, LOCKED, SOME_FAILED, USAGE};
use experiments::yaml::source;
use reports::ReportError;

use super::check_claims::CheckClaimsError;
use super::compare::CompareError;
use super::damage::DamagedRecords;
use super::error::ExitCode;
use super::export::ExportRequestError;
use super::import::ImportRequestError;
use super::init::FileExists;
use super::logs::LogsError;
use super::mcp::McpError;
use super::power_plan::NothingToPlan;
use super::query::SelectError;
use super::report::explain::ExplainError;
use super::report::mixed_builds::MixedBuilds;
use super::report::records::CollectError;
use super::report::{BesideError, NoTable};
use super::retry::RetryError;
use super::rm::RmError;
use super::run::FromScratch;
use super::serve::ServeError;
use super::status::watch::WatchError;
use super::until_resolved::NoDesign;
use crate::bundle::{BundleError, SignatureError};
use crate::cli::selector::SelectorError;
use crate::code::{CodeError, SnapshotError};
use crate::executor::holder::HoldError;
use crate::executor::slurm::ClientError;
use crate::executor::worker_program::ProgramError;
use crate::interop::import::ImportError;
use crate::platform::atomic_file;
use crate::run_dir::RunDirError;
use crate::run_dir::ownership::OwnershipError;
use crate::scheduler::IllegalTransition;
use crate::slots::Infeasible;
use crate::store::StoreError;
use crate::store::journal_file::JournalError;
use crate::store::rebuild::RebuildError;
use crate::store::sync::OpenError;
use crate::supervisor::SupervisorError;

/// Errors with one exit code, whatever their variant.
macro_rules! exit_codes {
    ($($error:ty => $code:expr,)*) => {
        $(impl ExitCode for $error {
            fn exit_code(&self) -> u8 {
                $code
            }
        })*
    };
}

exit_codes! {
    BesideError => USAGE,
    CheckClaimsError => USAGE,
    CodeError => USAGE,
    CompareError => USAGE,
    ExplainError => USAGE,
    ExportRequestError => USAGE,
    FileExists => USAGE,
    ImportError => USAGE,
    ImportRequestError => USAGE,
    Infeasible => USAGE,
    LogsError => USAGE,
    NoTable => USAGE,
    FromScratch => USAGE,
    NoDesign => USAGE,
    NothingToPlan => USAGE,
    ProgramError => USAGE,
    RetryError => USAGE,
    RmError => USAGE,
    SelectError => USAGE,
    SignatureError => USAGE,
    SnapshotError => USAGE,
    SelectorError => USAGE,
    ServeError => USAGE,
    source::FileError => USAGE,

    MixedBuilds => INCOMPLETE,

    DamagedRecords => DAMAGED,

    ClientError => SOME_FAILED,
    CollectError => SOME_FAILED,
    HoldError => SOME_FAILED,
    IllegalTransition => SOME_FAILED,
    JournalError => SOME_FAILED,
    OwnershipError => SOME_FAILED,
    RebuildError => SOME_FAILED,
    ReportError => SOME_FAILED,
    StoreError => SOME_FAILED,
    SupervisorError => SOME_FAILED,
    atomic_file::FileError => SOME_FAILED,
    io::Error => SOME_FAILED,
    serde_json::Error => SOME_FAILED,
}

impl ExitCode for BundleError {
    fn exit_code(&self) -> u8 {
        match self {
            Self::Exists { .. }
            | Self::OtherRun { .. }
            | Self::WithoutArtifacts { .. }
            | Self::Missing { .. }
            | Self::Name { .. }
            | Self::Secret { .. }
            | Self::Version { .. } => USAGE,
            Self::Running { .. } => LOCKED,
            Self::Differs { .. } | Self::Refused { .. } => DAMAGED,
            Self::Io { .. } | Self::Sign { .. } | Self::Store(_) => SOME_FAILED,
        }
    }
}

impl ExitCode for RunDirError {
    fn exit_code(&self) -> u8 {
        match self {
            Self::Supervised { .. } => LOCKED,
            Self::NoSuchRun { .. } | Self::NoRuns { .. } => USAGE,
            Self::Io { .. } => SOME_FAILED,
        }
    }
}

impl ExitCode for WatchError {
    fn exit_code(&self) -> u8 {
        match self {
            Self::NoTerminal => USAGE,
            Self::ReaderEnded => SOME_FAILED,
        }
    }
}

impl ExitCode for McpError {
    fn exit_code(&self) -> u8 {
        match self {
            Self::Handshake => USAGE,
            Self::Server(_) => SOME_FAILED,
        }
    }
}

impl ExitCode for OpenError {
    fn exit_code(&self) -> u8 {
        match self {
            Self::RunDir(error) => error.exit_code(),
            Self::Journal(error) => error.exit_code(),
            Self::Store(error) => error.exit_code(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::super::block_on;
    use super::*;
    use crate::cli::commands::error::VerbError;
    use crate::run_dir::Supervisor;
    use crate::scheduler::{Change, State};
    use crate::slots::Inventory;
    use crate::store::Store;
    use crate::store::journal_file::Journal;

    fn name() -> String {
        "a".to_owned()
    }

    fn io_error() -> io::Error {
        io::ErrorKind::NotFound.into()
    }

    fn write_error() -> atomic_file::FileError {
        atomic_file::FileError::Write { path: PathBuf::new(), source: io_error() }
    }

    fn supervised() -> RunDirError {
        let by = Supervisor { pid: 1, host: name(), since_ms: 0 };
        RunDirError::Supervised { run: name(), by }
    }

    fn illegal_transition() -> IllegalTransition {
        let succeeded = State::Succeeded { attempt: 1 };
        succeeded.apply(Change::Succeed { attempt: 1 }).unwrap_err()
    }

    fn journal_error() -> JournalError {
        Journal::open(Path::new("/nowhere/journal.jsonl")).err().unwrap()
    }

    fn store_error() -> StoreError {
        let store = Store::open_read_only(Path::new("/nowhere/orch.db"));
        block_on(store).unwrap().err().unwrap()
    }

    fn codes<const N: usize>(errors: [VerbError; N]) -> [u8; N] {
        errors.map(|error| error.exit_code())
    }

    #[test]
    fn wrong_arguments_files_and_requests_are_wrong_usage() {
        let errors = [
            BesideError { run: name() }.into(),
            CompareError::NoTable { run: name() }.into(),
            CompareError::Twice { run: name() }.into(),
            ExplainError::NoCell { cell: name(), suggested: None }.into(),
            ExportRequestError::NotText.into(),
            FileExists { path: PathBuf::new() }.into(),
            ImportError::NoScalars { folder: PathBuf::new() }.into(),
            ImportRequestError::Exists { name: name() }.into(),
            Infeasible::Cpus { wanted: 1, inventory: Inventory::default() }.into(),
            LogsError::NotStarted { trial: name() }.into(),
            ProgramError::NotFound { program: name(), folder: name().into() }.into(),
            RetryError::Retired { id: name() }.into(),
            RmError::NotConfirmed.into(),
            RunDirError::NoRuns { runs: PathBuf::new(), elsewhere: None }.into(),
            RunDirError::NoSuchRun { name: name(), runs: PathBuf::new(), known_runs: vec![] }
                .into(),
            SelectError::SameName { name: name() }.into(),
            SelectorError::Malformed { reason: name() }.into(),
            source::FileError { findings: vec![] }.into(),
        ];
        assert_eq!(codes(errors), [2; 18]);
    }

    #[test]
    fn mixed_builds_and_other_supervisors_have_codes_of_their_own() {
        let errors = [
            MixedBuilds { finding: name() }.into(),
            supervised().into(),
            OpenError::RunDir(supervised()).into(),
        ];
        assert_eq!(codes(errors), [3, 4, 4]);
    }

    #[test]
    fn everything_else_is_a_failure_of_the_verb() {
        let client = ClientError::NotRun { program: "sbatch", error: name() };
        let run_dir = || RunDirError::Io { path: PathBuf::new(), source: io_error() };
        let json = serde_json::from_str::<u8>("").unwrap_err();
        let errors = [
            client.into(),
            CollectError::Spool { folder: PathBuf::new(), source: io_error() }.into(),
            HoldError::Setup { path: PathBuf::new(), source: io_error() }.into(),
            illegal_transition().into(),
            journal_error().into(),
            OpenError::Journal(journal_error()).into(),
            OpenError::Store(store_error()).into(),
            OwnershipError::File(write_error()).into(),
            store_error().into(),
            SupervisorError::Journal(journal_error()).into(),
            RebuildError::Open(OpenError::RunDir(supervised())).into(),
            ReportError::Write(io_error()).into(),
            run_dir().into(),
            OpenError::RunDir(run_dir()).into(),
            write_error().into(),
            io_error().into(),
            json.into(),
        ];
        assert_eq!(codes(errors), [1; 17]);
    }

    #[test]
    fn context_keeps_the_code_and_leads_the_chain() {
        let error = VerbError::from(supervised()).context("cannot start".to_owned());
        assert_eq!(error.exit_code(), 4);
        assert!(error.chain().starts_with("cannot start: `a` is being run by process 1 on a"));
        assert!(!error.is_closed_pipe());
        assert!(VerbError::from(io::Error::from(io::ErrorKind::BrokenPipe)).is_closed_pipe());
    }
}
