//! The identity of this build.

use std::env;
use std::io;

use fs_err as fs;

use crate::sha256::sha256;

/// Name of the program in events.
pub(crate) const PROGRAM: &str = "orch-worker";

/// The crate's version and a hash of the running binary, for example `0.1.0-1f3a…`: any change to
/// the code is another build, whether or not it was committed; another commit of the same code is not.
pub(crate) fn id() -> io::Result<String> {
    let mut program = fs::read(env::current_exe()?)?;
    commit::erase(&mut program);
    let hash = sha256(program);
    Ok(format!("{}-{}", env!("CARGO_PKG_VERSION"), &hash[..12]))
}
