//! Progress of an upscaling, on standard error.

use std::io::{self, Write};
use std::path::Path;

use indicatif::{ProgressBar, ProgressStyle};

use crate::image::Rgb;

/// A bar over the steps of what is being made, which only a terminal shows, and a line for every
/// picture that is finished.
pub(super) struct Display {
    bar: ProgressBar,
    pictures: usize,
    models: usize,
    done: usize,
}

impl Display {
    pub(super) fn new(pictures: usize, models: usize) -> Self {
        let style =
            ProgressStyle::with_template("{msg} {wide_bar} step {pos} of {len}, {eta} left")
                .expect("the template names known fields");
        Self { bar: ProgressBar::new(0).with_style(style), pictures, models, done: 0 }
    }

    /// The next `batch` pictures enter model `model`, from 1, which takes `steps`.
    pub(super) fn begin(&self, batch: usize, model: usize, steps: usize) {
        let (first, last) = (self.done + 1, self.done + batch);
        let which = if first == last {
            format!("picture {first}")
        } else {
            format!("pictures {first} to {last}")
        };
        let stage = if self.models > 1 {
            format!(", model {model} of {}", self.models)
        } else {
            String::new()
        };
        self.bar.set_message(format!("{which} of {}{stage}", self.pictures));
        self.bar.reset();
        self.bar.set_length(steps as u64);
    }

    pub(super) fn step(&self) {
        self.bar.inc(1);
    }

    /// `to` was made of `from` and lies at `path`.
    pub(super) fn finished(&mut self, path: &Path, from: &Rgb, to: &Rgb) -> io::Result<()> {
        self.done += 1;
        let line = format!(
            "{}: {}×{} from {}×{}",
            path.display(),
            to.width,
            to.height,
            from.width,
            from.height,
        );
        self.bar.suspend(|| writeln!(io::stderr(), "{line}"))?;
        if self.done == self.pictures {
            self.bar.finish_and_clear();
        }
        Ok(())
    }
}
