//! The error that ends a verb. `exit_codes` has the code of every error that can.

use std::io;

use experiments::yaml::source;

/// The result of a verb, or of a part of one.
pub(crate) type Result<T, E = VerbError> = std::result::Result<T, E>;

/// An error that ends a verb.
#[derive(Debug)]
pub(crate) struct VerbError {
    exit_code: u8,
    error: anyhow::Error,
}

/// An error that can end a verb. Without an implementation here `?` does not compile in a verb.
pub(super) trait ExitCode: std::error::Error + Send + Sync + 'static {
    /// The exit code that `orch` ends with.
    fn exit_code(&self) -> u8;
}

impl<E: ExitCode> From<E> for VerbError {
    fn from(error: E) -> Self {
        Self { exit_code: error.exit_code(), error: error.into() }
    }
}

impl VerbError {
    /// The exit code that `orch` ends with.
    pub(crate) fn exit_code(&self) -> u8 {
        self.exit_code
    }

    /// The error and its causes on one line, for people. Mistakes in a file are shown with its lines.
    pub(crate) fn chain(&self) -> String {
        match self.in_file() {
            Some(error) => error.with_excerpts(),
            None => format!("{:#}", self.error),
        }
    }

    /// The mistakes in a file that it is about; `None` if it is about anything else.
    pub(super) fn in_file(&self) -> Option<&source::FileError> {
        self.error.is::<source::FileError>().then(|| self.error.downcast_ref()).flatten()
    }

    /// Says first what was attempted; the exit code stays.
    pub(super) fn context(self, attempted: String) -> Self {
        Self { error: self.error.context(attempted), ..self }
    }

    /// True if the reader of standard output has gone (`| head`).
    pub(super) fn is_closed_pipe(&self) -> bool {
        let error: Option<&io::Error> = self.error.downcast_ref();
        error.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
    }
}
