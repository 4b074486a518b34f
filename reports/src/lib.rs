//! Numbers to tables and figures.
//!
//! [`write()`] takes the file's report section and one run's [`records`], and leaves a folder of
//! files. It is pure but for reading what the records name, images and the points of long series,
//! and writing the output: no database, clock, environment or network, so the same records give the
//! same bytes.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use experiments::schema::file::is_file_name;
use experiments::schema::report::{Figure, Report};
use serde::Serialize;

pub mod claims;
pub mod comparison;
mod figures;
mod files;
pub mod live;
pub mod metric_gaps;
mod page;
pub mod records;
pub mod series;
mod statistics;
pub mod table;

use crate::claims::JudgedClaim;
pub use crate::figures::shown_images;
use crate::files::{Files, caption_path};
use crate::metric_gaps::MetricGaps;
use crate::records::Records;
use crate::table::{IncompleteRow, Table};

/// The result of [`write()`]: the files, and text for people.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Written {
    /// Paths of the files, `out` included, in the order they were made.
    pub files: Vec<PathBuf>,
    /// The table's rows that lack a trial.
    pub incomplete: Vec<IncompleteRow>,
    /// The metrics that the report names and that succeeded trials do not report.
    pub metric_gaps: MetricGaps,
    /// A sentence for each thing that could not be drawn: `figure`, its name and the cause.
    pub problems: Vec<String>,
    /// The table for a terminal; None if the file asks for no table.
    #[serde(skip)]
    pub table: Option<String>,
    /// The claims with their verdicts for a terminal; None if the file makes no claims.
    #[serde(skip)]
    pub claims: Option<String>,
}

impl Written {
    /// True if the table lacks a trial, or the report a metric.
    pub fn is_incomplete(&self) -> bool {
        !self.incomplete.is_empty() || self.metric_gaps.is_incomplete()
    }
}

/// A report that could not be written.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// A table's or figure's name cannot be a file's name; see [`is_file_name`].
    #[error("`{0}` cannot be a file's name: use letters, digits, `-` and `_`")]
    Name(String),
    /// Two figures would write the same files.
    #[error("two figures are named `{0}`: give each its own name")]
    DuplicateName(String),
    /// The report's folder could not be written.
    #[error("the report could not be written")]
    Write(#[from] io::Error),
}

/// Writes the report below the folder `out`: `NAME.md`, `.csv`, `.json` and `.tex` of the table, its cells by
/// name as `NAME-values.tex`,
/// `NAME-against.csv` and `.tex` of its comparisons with a baseline, `figures/*.svg`, `.png` and `.pdf`, what
/// they show as `data/*.csv`, captions for LaTeX in `captions/`, and all of it on one page, `report.html`.
///
/// A figure whose records are missing becomes a problem, not an error, and an older picture of it
/// is removed. Other files in `out` are left alone.
///
/// # Examples
///
/// A table of one variant with two seeds:
///
/// ```
/// use std::collections::BTreeMap;
///
/// use experiments::schema::report::Report;
/// use reports::records::{Records, Trial, TrialState, Variant};
///
/// let report: Report = serde_json::from_value(serde_json::json!({
///     "table": {"name": "results", "columns": [{"metric": "psnr", "better": "higher"}]}
/// }))?;
/// let trial = |seed, psnr| Trial {
///     id: format!("baseline-s{seed}"),
///     seed,
///     state: TrialState::Succeeded,
///     results: BTreeMap::from([("psnr".to_owned(), psnr)]),
///     items: BTreeMap::new(),
///     series: BTreeMap::new(),
///     seconds: None,
///     config: serde_json::Map::new(),
///     artifacts: Vec::new(),
/// };
/// let baseline = Variant {
///     name: "baseline".to_owned(),
///     label: "Baseline".to_owned(),
///     trials: vec![trial(0, 20.0), trial(1, 22.0)],
///     ..Variant::default()
/// };
/// let records = Records { variants: vec![baseline], ..Records::default() };
///
/// let folder = tempfile::tempdir()?;
/// let written = reports::write(&report, &records, folder.path())?;
/// assert!(written.table.unwrap().contains("21.0 ± 1.4"));
/// assert!(folder.path().join("report.html").exists());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn write(report: &Report, records: &Records, out: &Path) -> Result<Written, ReportError> {
    check_names(report)?;
    let mut files = Files::new(out);
    let metric_gaps = MetricGaps::of_records(report, records);
    let claims = claims::judge(report, records)?;
    let table = table_with(report, records, &claims, &metric_gaps);
    let mut written = Written { metric_gaps, ..Written::default() };
    if let Some(table) = &table {
        add_table(table, &mut files);
        written.incomplete = table.incomplete();
        written.table = Some(table.terminal());
    }
    if !claims.is_empty() {
        let notes = &records.claim_notes;
        files.add("claims.md", claims::markdown(&claims, notes).into_bytes());
        files.add("claims.json", claims::json(&claims, notes).into_bytes());
        files.add("claims.tex", claims::latex(&claims, notes).into_bytes());
        let notes = records.claim_notes_beside_table(report);
        written.claims = Some(claims::terminal(&claims, &notes));
    }
    let courses = claims::courses(&claims);
    for figure in &report.figures {
        let problems = figures::draw(figure, report, records, &courses, &mut files);
        written.problems.extend(problems);
    }
    let content = page::Content {
        report,
        records,
        table: table.as_ref(),
        claims: &claims,
        problems: &written.problems,
    };
    let page = page::page(&content, &files);
    files.add("report.html", page.into_bytes());
    let figures = report.figures.iter().flat_map(|f| figures::paths(f.name()));
    let claims = ["claims.md", "claims.json", "claims.tex"].map(PathBuf::from);
    let comparisons = report.table.iter().flat_map(|table| comparison_paths(&table.name));
    let stale: Vec<PathBuf> =
        figures.chain(claims).chain(comparisons).filter(|path| !files.contains(path)).collect();
    written.files = files.write()?;
    for path in stale {
        remove_if_exists(&out.join(path))?;
    }
    Ok(written)
}

/// The table alone, as [`write()`] draws it, with the metrics that are missing; None if the file asks for no table.
pub fn table(report: &Report, records: &Records) -> io::Result<(Option<Table>, MetricGaps)> {
    let metric_gaps = MetricGaps::of_records(report, records);
    let claims = claims::judge(report, records)?;
    Ok((table_with(report, records, &claims, &metric_gaps), metric_gaps))
}

/// The table with its notes, whose tests are those of the claims.
fn table_with(
    report: &Report,
    records: &Records,
    claims: &[JudgedClaim],
    metric_gaps: &MetricGaps,
) -> Option<Table> {
    let mut table = Table::new(report.table.as_ref()?, records, &claims::family(claims));
    table.notes.extend(metric_gaps.notes_of_table());
    Some(table)
}

fn add_table(table: &Table, files: &mut Files) {
    let name = &table.name;
    files.add(format!("{name}.md"), table.markdown().into_bytes());
    files.add(format!("{name}.csv"), table.csv().into_bytes());
    files.add(format!("{name}.json"), table.json().into_bytes());
    files.add(format!("{name}.tex"), table.latex().into_bytes());
    files.add(values_path(name), table.latex_values().into_bytes());
    files.add_caption(name, &table.latex_caption());
    let [csv, tex, _] = comparison_paths(name);
    if let Some(comparisons) = table.comparisons_csv() {
        files.add(csv, comparisons.into_bytes());
    }
    if let Some((comparisons, caption)) = table.comparisons_latex().zip(table.comparisons_caption())
    {
        files.add(tex, comparisons.into_bytes());
        files.add_caption(&format!("{name}-against"), &caption);
    }
}

/// The files of the comparisons of the table `name` with its baseline: numbers, table, caption.
fn comparison_paths(name: &str) -> [PathBuf; 3] {
    let captions = caption_path(&format!("{name}-against"));
    [format!("{name}-against.csv").into(), format!("{name}-against.tex").into(), captions]
}

/// The file of the cells of the table `name`, for a paper's text.
fn values_path(name: &str) -> String {
    format!("{name}-values.tex")
}

fn check_names(report: &Report) -> Result<(), ReportError> {
    let mut seen = BTreeSet::new();
    let figures = report.figures.iter().map(Figure::name);
    for name in figures.clone().chain(report.table.iter().map(|t| t.name.as_str())) {
        if !is_file_name(name) {
            return Err(ReportError::Name(name.to_owned()));
        }
    }
    match figures.into_iter().find(|name| !seen.insert(*name)) {
        Some(name) => Err(ReportError::DuplicateName(name.to_owned())),
        None => Ok(()),
    }
}

fn remove_if_exists(path: &Path) -> io::Result<()> {
    match fs_err::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}
