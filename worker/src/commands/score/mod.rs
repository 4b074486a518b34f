//! `orch-worker score`: measures folders of images exactly as a trial's final measurement does.

mod fid;
mod folders;
mod outcome;
mod problem;
mod table;

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tch::Device;

use self::fid::Fid;
use self::folders::Folders;
use self::outcome::Outcome;
use self::problem::{Problem, Size};
use crate::device;
use crate::evaluate::Scores;
use crate::fid::Inception;

/// Exit code: the folders cannot be compared as they are; nothing was scored.
pub(crate) const UNUSABLE: i32 = 2;

/// Arguments of `orch-worker score`.
#[derive(Debug, clap::Args)]
pub struct Score {
    /// The super-resolved images.
    #[arg(long, value_name = "DIR")]
    sr: PathBuf,
    /// The true high-resolution images.
    #[arg(long, value_name = "DIR")]
    hr: PathBuf,
    /// The low-resolution images that SR was made from, for consistency. Without them it is
    /// measured against HR, reduced by Pillow's bicubic.
    #[arg(long, value_name = "DIR")]
    lr: Option<PathBuf>,
    /// Without `--lr`: the side that HR is reduced to (the shorter one, where it is not a square); an
    /// eighth if not given.
    #[arg(long, value_name = "PIXELS", conflicts_with = "lr")]
    low: Option<usize>,
    /// The weights of FID's Inception as safetensors, to measure FID too, on a GPU if there is one;
    /// `docs/metrics.md` says how to make this file. FID takes at least 2,048 images.
    #[arg(long, value_name = "FILE")]
    fid_weights: Option<PathBuf>,
    /// Print one JSON object instead of the table: `n`, `mean`, `fid`, `low` (what consistency was
    /// measured against) and `images`.
    #[arg(long)]
    json: bool,
}

/// Scores the folders and prints the results, or every problem found. Returns the exit code.
pub fn score(request: Score) -> i32 {
    let Score { sr, hr, lr, low, fid_weights, json } = request;
    let folders = Folders { sr, hr, lr, low };
    let mut output = io::stdout().lock();
    let written = match measure(&folders, fid_weights.as_deref()) {
        Ok(outcome) if json => writeln!(output, "{:#}", outcome.to_json(&folders)).map(|()| 0),
        Ok(outcome) => table::write(&outcome, &folders, output).map(|()| 0),
        Err(problems) => list(&problems).map(|()| UNUSABLE),
    };
    written.unwrap_or_else(|error| {
        tracing::error!("cannot print the scores: {error}");
        1
    })
}

fn list(problems: &[Problem]) -> io::Result<()> {
    let mut errors = io::stderr().lock();
    problems.iter().try_for_each(|problem| writeln!(errors, "error: {problem}"))
}

fn measure(folders: &Folders, fid_weights: Option<&Path>) -> Result<Outcome, Vec<Problem>> {
    let (mut images, mut lows, mut problems) = (Vec::new(), BTreeSet::new(), Vec::new());
    let network = fid_weights.map(network).transpose().unwrap_or_else(|problem| {
        problems.push(problem);
        None
    });
    let groups = folders.groups().unwrap_or_else(|found| {
        problems.extend(found);
        Vec::new()
    });
    for group in &groups {
        match folders.read(group) {
            Ok(read) => {
                let scores = Scores::of(&read.sr, &read.hr, &read.low);
                lows.insert(Size::of(&read.low));
                images.push((group.name.clone(), scores));
            }
            Err(found) => problems.extend(found),
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let fid = Fid::measure(network.as_ref(), folders, &groups)?;
    Ok(Outcome { images, lows, fid })
}

fn network(weights: &Path) -> Result<Inception, Problem> {
    device::open_cuda();
    Inception::load(weights, Device::cuda_if_available())
        .map_err(|error| Problem::Unreadable(error.into()))
}
