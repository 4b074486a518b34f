//! The scores as a text table.

use std::io::{self, Write};

use super::folders::Folders;
use super::outcome::Outcome;
use crate::evaluate::Scores;

/// Name, heading and decimals of each column.
const COLUMNS: [(&str, &str, usize); 5] = [
    ("psnr", "PSNR (dB)", 2),
    ("ssim", "SSIM", 4),
    ("consistency", "Consistency (1e-5)", 2),
    ("consistency_paper", "Consistency in the paper¹", 2),
    ("detail", "Detail", 2),
];

const FOOTNOTE: &str = "\
¹ The SR4 paper's own arithmetic, printed only because its Table 1 cannot be compared otherwise: SR and
  HR are reduced without antialiasing, and differences of bytes and their squares wrap at 256. It is
  not a distance: an error of 16 counts as none.";

/// Writes a line for each image, their mean, and what the columns mean.
pub(super) fn write(
    outcome: &Outcome,
    folders: &Folders,
    mut output: impl Write,
) -> io::Result<()> {
    let last = format!("Mean of {}", outcome.images.len());
    let names = outcome.images.iter().map(|(name, _)| name.chars().count());
    let width = names.chain([last.chars().count()]).max().unwrap_or(0);
    write!(output, "{:width$}", "Image")?;
    for (_, heading, _) in COLUMNS {
        write!(output, "{heading:>width$}", width = column_width(heading))?;
    }
    writeln!(output)?;
    for (name, scores) in &outcome.images {
        row(&mut output, width, name, *scores)?;
    }
    row(&mut output, width, &last, outcome.mean())?;
    writeln!(output, "{:width$}  {}", "FID", outcome.fid)?;
    writeln!(output, "\nConsistency: {}.\n{FOOTNOTE}", reference(outcome, folders))
}

fn row(output: &mut impl Write, width: usize, name: &str, scores: Scores) -> io::Result<()> {
    write!(output, "{name:width$}")?;
    let values = scores.named("");
    for (name, heading, decimals) in COLUMNS {
        let width = column_width(heading);
        write!(output, "{:width$.decimals$}", values[name].0)?;
    }
    writeln!(output)
}

/// Room for the heading or `0.1234`, and a gap.
fn column_width(heading: &str) -> usize {
    heading.chars().count().max(6) + 2
}

/// The reference of the consistency column.
fn reference(outcome: &Outcome, folders: &Folders) -> String {
    let sizes: Vec<String> = outcome.lows.iter().map(ToString::to_string).collect();
    let sizes = sizes.join(", ");
    match &folders.lr {
        Some(folder) => {
            format!("SR reduced by Pillow's bicubic against `{}` ({sizes})", folder.display())
        }
        None => format!("SR against HR, both reduced by Pillow's bicubic to {sizes}"),
    }
}
