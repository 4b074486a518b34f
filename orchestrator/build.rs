//! Has the migrations embedded again when they change, and tells the program its version.

use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=../migrations");
    println!("cargo::rustc-env=ORCH_VERSION={}", version());
}

/// `0.1.0 (1f2e3d4c5b6a)`, with the commit of a release build; a debug build, which is made anew all
/// the time, is `0.1.0 (debug)`.
fn version() -> String {
    let package = env!("CARGO_PKG_VERSION");
    if std::env::var("PROFILE").as_deref() != Ok("release") {
        return format!("{package} (debug)");
    }
    for file in ["HEAD", "logs/HEAD"] {
        let path = Path::new("../.git").join(file);
        if path.exists() {
            println!("cargo::rerun-if-changed={}", path.display());
        }
    }
    match commit() {
        Some(commit) => format!("{package} ({commit})"),
        // Not in a repository.
        None => package.to_owned(),
    }
}

/// The commit that is checked out, `-dirty` if tracked files differ from it.
fn commit() -> Option<String> {
    let arguments = ["describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"];
    let output = Command::new("git").args(arguments).output().ok()?;
    let commit = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| commit.trim().to_owned())
}
