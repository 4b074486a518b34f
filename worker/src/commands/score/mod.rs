//! `orch-worker score`: measures folders of images exactly as a trial's final measurement does.

mod folders;
mod problem;
mod table;

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::PathBuf;

use serde_json::{Map, Value, json};

use self::folders::Folders;
use self::problem::{Problem, Size};
use crate::evaluate::Scores;

/// Exit code: the folders cannot be compared as they are; nothing was scored.
pub const UNUSABLE: i32 = 2;

/// What to score, and against what.
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
    /// Without `--lr`: the side that HR is reduced to (the shorter one, where it is no square); an
    /// eighth if not given.
    #[arg(long, value_name = "PIXELS", conflicts_with = "lr")]
    low: Option<usize>,
    /// Print one JSON object instead of the table.
    #[arg(long)]
    json: bool,
}

/// The scores of all images.
struct Outcome {
    images: Vec<(String, Scores)>,
    /// Sizes of the low-resolution images.
    lows: BTreeSet<Size>,
}

/// Scores the folders and prints what comes out, or everything that is wrong with them. Returns the
/// exit code.
pub fn score(request: Score) -> i32 {
    let Score { sr, hr, lr, low, json } = request;
    let folders = Folders { sr, hr, lr, low };
    let mut output = io::stdout().lock();
    let written = match measure(&folders) {
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

fn measure(folders: &Folders) -> Result<Outcome, Vec<Problem>> {
    let mut outcome = Outcome { images: Vec::new(), lows: BTreeSet::new() };
    let mut problems = Vec::new();
    for group in folders.groups()? {
        match folders.read(&group) {
            Ok(images) => {
                let scores = Scores::of(&images.sr, &images.hr, &images.low);
                outcome.lows.insert(Size::of(&images.low));
                outcome.images.push((group.name, scores));
            }
            Err(found) => problems.extend(found),
        }
    }
    if problems.is_empty() { Ok(outcome) } else { Err(problems) }
}

impl Outcome {
    fn mean(&self) -> Scores {
        let scores: Vec<Scores> = self.images.iter().map(|(_, scores)| *scores).collect();
        Scores::mean(&scores)
    }

    fn to_json(&self, folders: &Folders) -> Value {
        let fields = |scores: Scores| -> Map<String, Value> {
            scores.named("").into_iter().map(|(name, value)| (name, json!(value))).collect()
        };
        let image = |(name, scores): &(String, Scores)| {
            let mut image = Map::from_iter([("name".to_owned(), json!(name))]);
            image.extend(fields(*scores));
            image
        };
        let sizes: Vec<[usize; 2]> = self.lows.iter().map(|s| [s.width, s.height]).collect();
        json!({
            "n": self.images.len(),
            "mean": fields(self.mean()),
            "low": {"from": if folders.lr.is_some() { "lr" } else { "hr" }, "sizes": sizes},
            "images": self.images.iter().map(image).collect::<Vec<_>>(),
        })
    }
}
