//! Asks git for the commit that is built. Runs again when another one is checked out or made, and when
//! the sources of the worker change, which may make the tree dirty: it is built again then anyway.

use std::path::PathBuf;
use std::process::Command;
use std::{env, fs};

/// Twelve digits and `-dirty`.
const WIDTH: usize = 18;

fn main() {
    for sources in ["../src", "../faces/src", "../../experiments/src"] {
        println!("cargo::rerun-if-changed={sources}");
    }
    let branch = git(&["symbolic-ref", "--quiet", "HEAD"]).unwrap_or_default();
    for name in ["HEAD", "logs/HEAD", &branch] {
        // A file that does not exist would count as changed at every build.
        if let Some(path) = git(&["rev-parse", "--git-path", name])
            && fs::exists(&path).unwrap_or(false)
        {
            println!("cargo::rerun-if-changed={path}");
        }
    }
    let commit = git(&["describe", "--always", "--exclude=*", "--abbrev=12", "--dirty"]);
    let folder = PathBuf::from(env::var_os("OUT_DIR").expect("cargo names the folder"));
    // The same width for every commit: nothing else in the program depends on it.
    let text = format!("{:WIDTH$.WIDTH$}", commit.unwrap_or_default());
    fs::write(folder.join("commit"), text).expect("cargo's folder can be written to");
}

/// The output of git; none without git or outside a repository.
fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned()).filter(|text| !text.is_empty())
}
