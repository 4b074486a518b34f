//! Figures. Each is drawn once, as SVG by plotters with text measured in the bundled font; resvg
//! turns that into the files. A figure without records yields a sentence instead of a picture.

use std::path::PathBuf;

use experiments::report::Figure;

use crate::files::Files;
use crate::records::Records;

mod axis;
mod curve;
mod font;
mod labels;
mod picture;
mod plot;
mod sheet;
mod style;

/// Draws `figure` into `files` and says what is missing from it.
pub(crate) fn draw(figure: &Figure, records: &Records, files: &mut Files) -> Vec<String> {
    let problems = match figure {
        Figure::Curve(spec) => curve::draw(spec, records, files),
        Figure::Images(spec) => sheet::draw(spec, records, files),
    };
    let name = figure.name();
    problems.into_iter().map(|problem| format!("figure `{name}`: {problem}")).collect()
}

/// All files that a figure of that name may have.
pub(crate) fn paths(name: &str) -> [PathBuf; 3] {
    [format!("figures/{name}.svg"), format!("figures/{name}.png"), format!("data/{name}.csv")]
        .map(PathBuf::from)
}
