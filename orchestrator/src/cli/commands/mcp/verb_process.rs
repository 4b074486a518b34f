//! A verb as a process: this program once more, with bounded output and time.

use std::ffi::OsString;
use std::io;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::net::unix::pipe;
use tokio::process::{Child, Command};

/// The most bytes of a verb's output that an answer has.
pub(super) const LONGEST: u64 = 512 << 10;

/// The longest time that a verb may take. Reading takes seconds; stopping waits for checkpoints.
const TIME_LIMIT: Duration = Duration::from_mins(10);

/// The output of a verb that has ended.
#[derive(Debug)]
pub(super) struct Output {
    pub(super) status: ExitStatus,
    /// Data; for people, all that was printed in its order.
    pub(super) stdout: Vec<u8>,
    /// Messages; empty where they are among the data.
    pub(super) stderr: Vec<u8>,
}

/// A verb without an answer. Its process is killed, which no verb minds.
#[derive(Debug, thiserror::Error)]
pub(super) enum ProcessError {
    /// It printed more than an answer may have.
    #[error("the answer has more than {LONGEST} bytes")]
    TooLong {
        /// The first of them.
        start: Vec<u8>,
    },
    /// It took too long.
    #[error("no answer within {} minutes", TIME_LIMIT.as_secs() / 60)]
    TimedOut,
    /// The process cannot be started, or not be read from.
    #[error("this program cannot be run")]
    Io(#[from] io::Error),
}

/// Runs this program with `arguments`. Messages come apart from data, or among it where the output
/// `is_for_people`. The process is killed where the future is dropped.
pub(super) async fn run(
    arguments: Vec<OsString>,
    is_for_people: bool,
) -> Result<Output, ProcessError> {
    let mut verb = Command::new("/proc/self/exe");
    verb.args(arguments).stdin(Stdio::null()).kill_on_drop(true);
    let ended = async {
        if is_for_people {
            let (child, printed) = start_with_one_pipe(verb)?;
            return finish(child, printed, tokio::io::empty()).await;
        }
        let mut child = verb.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        finish(child, stdout.expect("piped above"), stderr.expect("piped above")).await
    };
    tokio::time::timeout(TIME_LIMIT, ended).await.unwrap_or(Err(ProcessError::TimedOut))
}

/// Starts the verb with both outputs in one pipe, so that they keep their order.
fn start_with_one_pipe(mut verb: Command) -> io::Result<(Child, pipe::Receiver)> {
    let (reader, writer) = io::pipe()?;
    let child = verb.stdout(writer.try_clone()?).stderr(writer).spawn()?;
    Ok((child, pipe::Receiver::from_owned_fd(reader.into())?))
}

async fn finish(
    mut child: Child,
    stdout: impl AsyncRead + Unpin,
    stderr: impl AsyncRead + Unpin,
) -> Result<Output, ProcessError> {
    let (stdout, stderr) = tokio::try_join!(read(stdout), read(stderr))?;
    Ok(Output { status: child.wait().await?, stdout, stderr })
}

/// All of it, if it is not too long.
async fn read(output: impl AsyncRead + Unpin) -> Result<Vec<u8>, ProcessError> {
    let mut bytes = Vec::new();
    output.take(LONGEST + 1).read_to_end(&mut bytes).await?;
    if bytes.len() as u64 > LONGEST {
        bytes.truncate(LONGEST as usize);
        return Err(ProcessError::TooLong { start: bytes });
    }
    Ok(bytes)
}
