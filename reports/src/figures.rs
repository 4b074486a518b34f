//! Figures. Each is drawn once, as SVG by plotters with text measured in the bundled font; resvg
//! turns that into the files. A figure without records yields a sentence instead of a picture.

use std::path::PathBuf;

use experiments::report::{Figure, Report};

use crate::files::Files;
use crate::records::Records;

mod axis;
mod bars;
mod curve;
mod finals;
mod font;
mod frame;
mod heading;
mod labels;
mod line;
mod picture;
mod plot;
mod scatter;
mod sheet;
mod smooth;
mod style;
mod table;
mod theme;

pub(crate) use theme::{THEME, themed};

/// What every figure is drawn from.
#[derive(Clone, Copy)]
struct Source<'a> {
    report: &'a Report,
    records: &'a Records,
}

/// Draws `figure` into `files` and says what is missing from it.
pub(crate) fn draw(
    figure: &Figure,
    report: &Report,
    records: &Records,
    files: &mut Files,
) -> Vec<String> {
    let source = Source { report, records };
    let problems = match figure {
        Figure::Curve(spec) => curve::draw(spec, source, files),
        Figure::Images(spec) => sheet::draw(spec, records, files),
        Figure::Bars(spec) => bars::draw(spec, source, files),
        Figure::Scatter(spec) => scatter::draw(spec, source, files),
        Figure::Table(spec) => table::draw(spec, report, records, files),
    };
    let name = figure.name();
    problems.into_iter().map(|problem| format!("figure `{name}`: {problem}")).collect()
}

/// All files that a figure of that name may have.
pub(crate) fn paths(name: &str) -> [PathBuf; 3] {
    [format!("figures/{name}.svg"), format!("figures/{name}.png"), format!("data/{name}.csv")]
        .map(PathBuf::from)
}

impl Source<'_> {
    /// Which colour and marker a variant has in every figure: by its place in the file, with those
    /// that some curve has as its reference behind the others.
    fn index(self, variant: &str) -> usize {
        let is_reference = |name: &str| {
            self.report.figures.iter().any(|figure| {
                matches!(figure, Figure::Curve(curve)
                    if curve.reference.as_ref().is_some_and(|r| r.variant == name))
            })
        };
        let names = || self.records.variants.iter().map(|v| v.name.as_str());
        let order = names().filter(|n| !is_reference(n)).chain(names().filter(|n| is_reference(n)));
        order.into_iter().position(|name| name == variant).unwrap_or_default()
    }
}
