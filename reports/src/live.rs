//! A report as parts of a page that shows a run while it goes on: table and claims as markup, figures as
//! SVG. Nothing is written, and nothing is made that such a page does not show.

use experiments::schema::report::{Figure, Report};

use crate::claims;
use crate::figures::{self, paths, themed};
use crate::files::Files;
use crate::metric_gaps::MetricGaps;
use crate::page;
use crate::records::Records;
use crate::table::{Table, displayable};
use crate::{ReportError, check_names};

/// The parts of a page. All text of the file and of workers is escaped in them, and style comes from the
/// classes of [`style`] alone.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LiveReport {
    /// The table with its notes; None if the file asks for no table.
    pub table: Option<String>,
    /// The claims with their verdicts so far; None if the file makes no claims.
    pub claims: Option<String>,
    /// The figures that have records, in the file's order.
    pub figures: Vec<LiveFigure>,
    /// A sentence for each thing that could not be drawn.
    pub problems: Vec<String>,
}

/// A figure's drawing.
#[derive(Debug, Clone, PartialEq)]
pub struct LiveFigure {
    /// As in the file; can be a file's name.
    pub name: String,
    /// For readers.
    pub title: String,
    /// True if it takes the whole width of the page.
    pub is_wide: bool,
    /// An `svg` element for a page with [`style`], whose colours it follows.
    pub svg: String,
}

impl LiveFigure {
    /// True if it holds pixels, which a page should not hold itself: it would be too large.
    pub fn has_images(&self) -> bool {
        self.svg.contains("<image")
    }

    /// The drawing as a file of its own, with the colours of light and dark screens.
    pub fn file(&self) -> String {
        match self.svg.split_once('>') {
            Some((open, rest)) => format!("{open}><style>{}</style>{rest}", page::colours()),
            None => self.svg.clone(),
        }
    }
}

/// Draws `report`. A figure whose records are missing becomes a problem, not an error.
pub fn draw(report: &Report, records: &Records) -> Result<LiveReport, ReportError> {
    check_names(report)?;
    let judged = claims::judge(report, records)?;
    let table = report.table.as_ref().map(|spec| {
        let mut table = Table::new(spec, records, &claims::family(&judged));
        let gaps = MetricGaps::of_records(report, records);
        table.notes.extend(gaps.notes_of_table());
        displayable(&table.html(&records.origins)).into_owned()
    });
    let claims = (!judged.is_empty()).then(|| {
        let notes = records.claim_notes_beside_table(report);
        let list = page::verdict_list(&judged, &notes).into_string();
        displayable(&list).into_owned()
    });
    let courses = claims::courses(&judged);
    let (mut files, mut problems, mut figures) = (Files::drawings(), Vec::new(), Vec::new());
    for figure in &report.figures {
        problems.extend(figures::draw(figure, report, records, &courses, &mut files));
        figures.extend(live_figure(figure, &files));
    }
    Ok(LiveReport { table, claims, figures, problems })
}

/// The style sheet of the parts, with its colours and those of drawings as variables.
pub fn style() -> String {
    page::style()
}

fn live_figure(figure: &Figure, files: &Files) -> Option<LiveFigure> {
    let [path, ..] = paths(figure.name());
    let svg = std::str::from_utf8(files.get(&path)?).ok()?;
    Some(LiveFigure {
        name: figure.name().to_owned(),
        title: figure.title().to_owned(),
        is_wide: page::is_wide(figure),
        svg: displayable(&themed(svg, figure.title())).into_owned(),
    })
}
