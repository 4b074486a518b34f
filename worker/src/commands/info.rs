//! `orch-worker info`: describes a checkpoint.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use crate::checkpoint::{Checkpoint, CheckpointError, Header, Weights};

/// Exit code: the file is not a checkpoint of ours.
const UNUSABLE: i32 = 2;

/// Arguments of `orch-worker info`.
#[derive(Debug, clap::Args)]
pub struct Info {
    /// Checkpoint of a trial, a file in its `checkpoints` folder.
    #[arg(value_name = "CHECKPOINT")]
    path: PathBuf,
    /// Print one JSON object: `trial`, `build`, `progress` and `parameters`.
    #[arg(long)]
    json: bool,
}

/// Prints the header of the checkpoint. Returns the exit code.
pub fn info(request: &Info) -> i32 {
    let (header, parameters) = match read(&request.path) {
        Ok(read) => read,
        Err(error) => {
            super::report_errors([anyhow::Error::from(error)]);
            return UNUSABLE;
        }
    };
    let mut output = io::stdout().lock();
    let written = if request.json {
        let Header { trial, build, progress } = header;
        let all = json!({"trial": trial, "build": build, "progress": progress,
            "parameters": parameters});
        writeln!(output, "{all:#}")
    } else {
        write(&header, parameters, output)
    };
    i32::from(written.is_err())
}

/// The header, and the number of scalars in the network.
fn read(path: &Path) -> Result<(Header, usize), CheckpointError> {
    let Checkpoint { weights, header } = Checkpoint::open(path)?;
    let shapes = weights.shapes();
    let own = shapes.iter().filter(|(name, _)| Weights::Raw.role(name).is_some());
    let parameters = own.map(|(_, shape)| shape.iter().product::<usize>()).sum();
    Ok((header, parameters))
}

fn write(header: &Header, parameters: usize, mut output: impl Write) -> io::Result<()> {
    let Header { trial, build, progress } = header;
    let profile = trial.profile.as_ref().map_or_else(String::new, |p| format!(".{p}"));
    let of = |path: &str| trial.config.get(path).cloned().unwrap_or_default();
    let (image, training) = (of("image"), of("training"));
    writeln!(output, "trial         {} of {}{profile}", trial.id, trial.experiment)?;
    writeln!(output, "step          {} of {}", progress.step, training["iterations"])?;
    writeln!(output, "images        {0}×{0} → {1}×{1}", image["low"], image["size"])?;
    writeln!(output, "parameters    {parameters}")?;
    writeln!(output, "trained       {:.0} s by {build}", progress.train_seconds)?;
    for (name, value) in &progress.validation {
        writeln!(output, "{name:<13} {:.2}", value.0)?;
    }
    writeln!(output, "config")?;
    settings("", &trial.config, &mut output)
}

/// One setting a line, by its dotted name.
fn settings(prefix: &str, map: &Map<String, Value>, output: &mut impl Write) -> io::Result<()> {
    for (key, value) in map {
        match value {
            Value::Object(inner) => settings(&format!("{prefix}{key}."), inner, output)?,
            Value::String(text) => writeln!(output, "  {prefix}{key}: {text}")?,
            other => writeln!(output, "  {prefix}{key}: {other}")?,
        }
    }
    Ok(())
}
