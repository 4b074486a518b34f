//! Numbers to tables and figures.
//!
//! [`write()`] takes the file's report section and one run's [`records`], and leaves a folder of
//! files. It is pure but for reading what the records name, images and the points of long series, and
//! writing the output: no database, clock, environment or network, so the same records give the same
//! bytes.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use experiments::schema::report::{Figure, Report};
use serde::Serialize;

pub mod claims;
pub mod comparison;
mod figures;
mod files;
mod page;
pub mod records;
pub mod series;
pub mod statistics;
pub mod table;

use crate::files::Files;
use crate::records::Records;
use crate::table::{IncompleteRow, Table};

/// What [`write()`] made, and what a person should be told about it.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Written {
    /// The files, in the report's order.
    pub files: Vec<PathBuf>,
    /// The table's rows of which a trial is missing.
    pub incomplete: Vec<IncompleteRow>,
    /// What could not be drawn, one sentence each: `figure` and its name, what is missing.
    pub problems: Vec<String>,
    /// The table for a terminal, if the file asks for one.
    #[serde(skip)]
    pub table: Option<String>,
    /// The claims and what became of them for a terminal, if the file has some.
    #[serde(skip)]
    pub claims: Option<String>,
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// A table's or figure's name does not name a file in the report's folder.
    #[error("`{0}` cannot be a file's name: use letters, digits, `-`, `_` and `.`")]
    Name(String),
    /// Two figures would write the same files.
    #[error("two figures are named `{0}`: give each its own name")]
    Twice(String),
    /// The report's folder could not be written.
    #[error("the report could not be written")]
    Write(#[from] io::Error),
}

/// Writes the report below the folder `out`: `NAME.md`, `.csv`, `.json` and `.tex` of the table,
/// `NAME-against.csv` of its comparisons with a baseline, `figures/*.svg` and `.png`, what they show as
/// `data/*.csv`, and all of it on one page, `report.html`.
///
/// A figure whose records are missing becomes a problem, not an error, and an older picture of it
/// is removed. Other files in `out` are left alone.
pub fn write(report: &Report, records: &Records, out: &Path) -> Result<Written, ReportError> {
    check_names(report)?;
    let mut files = Files::new(out);
    let mut written = Written::default();
    let table = report.table.as_ref().map(|spec| Table::new(spec, records));
    if let Some(table) = &table {
        let name = &table.name;
        files.add(format!("{name}.md"), table.markdown().into_bytes());
        files.add(format!("{name}.csv"), table.csv().into_bytes());
        if let Some(against) = table.against_csv() {
            files.add(against_path(name), against.into_bytes());
        }
        files.add(format!("{name}.json"), table.json().into_bytes());
        files.add(format!("{name}.tex"), table.latex().into_bytes());
        written.incomplete = table.incomplete();
        written.table = Some(table.terminal());
    }
    let claims = claims::judge(report, records)?;
    if !claims.is_empty() {
        files.add("claims.md", claims::markdown(&claims).into_bytes());
        files.add("claims.json", claims::json(&claims).into_bytes());
        written.claims = Some(claims::terminal(&claims));
    }
    for figure in &report.figures {
        written.problems.extend(figures::draw(figure, report, records, &mut files));
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
    let claims = ["claims.md", "claims.json"].map(PathBuf::from);
    let against = report.table.iter().map(|table| PathBuf::from(against_path(&table.name)));
    let stale: Vec<PathBuf> =
        figures.chain(claims).chain(against).filter(|path| !files.contains(path)).collect();
    written.files = files.write()?;
    for path in stale {
        remove_if_there(&out.join(path))?;
    }
    Ok(written)
}

/// The comparisons of the table `name` with a baseline.
fn against_path(name: &str) -> String {
    format!("{name}-against.csv")
}

fn check_names(report: &Report) -> Result<(), ReportError> {
    let mut seen = BTreeSet::new();
    let figures = report.figures.iter().map(Figure::name);
    for name in figures.clone().chain(report.table.iter().map(|t| t.name.as_str())) {
        let is_plain = name.chars().all(|c| c.is_alphanumeric() || "-_.".contains(c));
        if !is_plain || name.is_empty() || name.starts_with('.') {
            return Err(ReportError::Name(name.to_owned()));
        }
    }
    match figures.into_iter().find(|name| !seen.insert(*name)) {
        Some(name) => Err(ReportError::Twice(name.to_owned())),
        None => Ok(()),
    }
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs_err::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}
