//! Figures. Each is drawn once, as SVG by plotters with text measured in the bundled font; resvg
//! and krilla turn that into the files. A figure without records yields a sentence instead of a picture.

use std::collections::BTreeSet;
use std::path::PathBuf;

use experiments::schema::report::{Figure, Report};

use self::source::Source;
use crate::files::{Files, caption_path};
use crate::records::Records;

mod bars;
mod canvas;
mod curve;
mod final_metric;
mod scatter;
mod sequence;
mod sheet;
mod sheet_image;
mod source;
mod table;

pub(crate) use canvas::theme::{THEME, themed};
pub(crate) use sequence::{ClaimCourse, CourseLine, CoursePoint};

/// Draws `figure` into `files`; `courses` are those of the claims under a design. Returns a sentence for each
/// thing that is missing from it.
pub(crate) fn draw(
    figure: &Figure,
    report: &Report,
    records: &Records,
    courses: &[ClaimCourse],
    files: &mut Files,
) -> Vec<String> {
    let source = Source { report, records };
    let problems = match figure {
        Figure::Curve(spec) => curve::draw(spec, source, files),
        Figure::Images(spec) => sheet::draw(spec, source, files),
        Figure::Bars(spec) => bars::draw(spec, source, files),
        Figure::Scatter(spec) => scatter::draw(spec, source, files),
        Figure::Table(spec) => table::draw(spec, source, files),
        Figure::Sequence(spec) => sequence::draw(spec, courses, source, files),
    };
    let name = figure.name();
    problems.into_iter().map(|problem| format!("figure `{name}`: {problem}")).collect()
}

/// The files of all images that the figures of `report` show.
pub fn shown_images(report: &Report, records: &Records) -> BTreeSet<PathBuf> {
    let sheets = report.figures.iter().filter_map(|figure| match figure {
        Figure::Images(spec) => Some(sheet::shown_images(spec, records)),
        _ => None,
    });
    sheets.flatten().collect()
}

/// SVG, PNG, PDF, CSV and caption of the figure `name`, relative to the report's folder.
pub(crate) fn paths(name: &str) -> [PathBuf; 5] {
    let [svg, png, pdf] = ["svg", "png", "pdf"].map(|kind| format!("figures/{name}.{kind}").into());
    [svg, png, pdf, format!("data/{name}.csv").into(), caption_path(name)]
}
