//! `orch check-claims [RUN|FILE]`: compares the verdicts on the claims with those that are expected.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use experiments::protocol::exit;
use experiments::regular_file;
use reports::claims::{self, ClaimVerdict, JudgedClaim, Verdict};
use reports::table::Table;
use serde::Serialize;
use serde_json::json;

use super::error::Result;
use super::metric_gaps::print_metric_gaps;
use super::output::{print, print_json, print_message};
use super::report::{self, ReportRequest};
use crate::cli::args::{self, Global};
use crate::platform::atomic_file;

/// The largest file of expected verdicts that is read, in bytes.
const LONGEST: u64 = 16 << 20;

/// The verdicts cannot be compared.
#[derive(Debug, thiserror::Error)]
pub(super) enum CheckClaimsError {
    /// The file makes no claims.
    #[error("{run} makes no claims; add some to `report.claims` of its file")]
    NoClaims { run: String },
    /// The file of expected verdicts cannot be read.
    #[error("cannot read `{}`", path.display())]
    Read { path: PathBuf, source: io::Error },
    /// It is not one.
    #[error(
        "`{}` is not a file of verdicts: {source}

hint: the file `claims.json` in the folder of a report is one",
        path.display()
    )]
    Parse { path: PathBuf, source: serde_json::Error },
}

/// A claim compared with its expected verdict.
#[derive(Debug, Serialize)]
struct CheckedClaim {
    claim: String,
    compare: String,
    /// `None` for a claim that has gone.
    verdict: Option<Verdict>,
    /// `None` for a claim that is new.
    expected: Option<Verdict>,
    is_as_expected: bool,
    /// Sentences: the evidence, the needs of an open claim, and `notes`.
    details: Vec<String>,
    /// Sentences on seeds that do not count.
    #[serde(skip)]
    notes: Vec<String>,
}

/// Runs the verb.
pub(super) async fn run(arguments: &args::CheckClaims, global: &Global) -> Result<u8> {
    let mut request =
        ReportRequest::new(arguments.of.as_deref(), arguments.profile.as_deref(), global)?;
    let spool_folder = tempfile::tempdir()?;
    let records =
        report::records_of(&mut request, arguments.accept_code_change, spool_folder.path());
    let records = records.await?;
    let judged = claims::judge(&request.report, &records)?;
    if judged.is_empty() {
        return Err(CheckClaimsError::NoClaims { run: request.dir.name() }.into());
    }
    let checked = match &arguments.expect {
        Some(path) => compare(&judged, &read(path)?),
        None => judged.iter().map(CheckedClaim::supported).collect(),
    };
    let changed = checked.iter().filter(|claim| !claim.is_as_expected).count();
    let (table, gaps) = reports::table(&request.report, &records)?;
    let incomplete = report::is_incomplete(table.as_ref(), &gaps);
    let has_notes = incomplete || !records.claim_notes.is_empty();
    if let Some(path) = &arguments.badge {
        atomic_file::write(path, claims::badge(&judged, has_notes).as_bytes())?;
    }
    if arguments.json {
        print_json(&json!({
            "schema": 1, "run": request.dir.name(), "changed": changed, "incomplete": incomplete,
            "claims": checked, "method": claims::method_of(&judged), "notes": records.claim_notes,
        }))?;
    } else {
        let lines: Vec<String> = checked.iter().map(CheckedClaim::to_string).collect();
        print(&(lines.join("\n") + "\n"))?;
        for note in &records.claim_notes {
            print_message(&format!("note: {note}"));
        }
        for row in table.iter().flat_map(Table::incomplete) {
            print_message(&format!("note: {row}"));
        }
        print_metric_gaps(&gaps);
    }
    Ok(match (changed, incomplete) {
        (0, false) => exit::OK,
        (0, true) => exit::INCOMPLETE,
        _ => exit::SOME_FAILED,
    })
}

fn read(path: &Path) -> Result<Vec<ClaimVerdict>, CheckClaimsError> {
    let bytes = regular_file::read(path, LONGEST)
        .map_err(|source| CheckClaimsError::Read { path: path.to_owned(), source })?;
    claims::verdicts(&bytes)
        .map_err(|source| CheckClaimsError::Parse { path: path.to_owned(), source })
}

/// Every claim beside its expected verdict, and those that have gone.
fn compare(judged: &[JudgedClaim], expected: &[ClaimVerdict]) -> Vec<CheckedClaim> {
    let of_claim = |judged: &JudgedClaim| {
        let before = expected.iter().find(|before| before.compare == judged.comparison());
        let expected = before.map(|before| before.verdict);
        let is_as_expected = expected.is_none_or(|expected| expected == judged.verdict);
        CheckedClaim { expected, is_as_expected, ..CheckedClaim::supported(judged) }
    };
    let gone = expected
        .iter()
        .filter(|before| !judged.iter().any(|judged| judged.comparison() == before.compare));
    let gone = gone.map(|before| CheckedClaim {
        claim: before.claim.clone(),
        compare: before.compare.clone(),
        verdict: None,
        expected: Some(before.verdict),
        is_as_expected: false,
        details: Vec::new(),
        notes: Vec::new(),
    });
    judged.iter().map(of_claim).chain(gone).collect()
}

impl CheckedClaim {
    /// Expected to be supported, as the file claims.
    fn supported(judged: &JudgedClaim) -> Self {
        Self {
            claim: judged.text().to_owned(),
            compare: judged.comparison(),
            verdict: Some(judged.verdict),
            expected: Some(Verdict::Supported),
            is_as_expected: judged.verdict == Verdict::Supported,
            details: claims::details(judged),
            notes: judged.notes.clone(),
        }
    }
}

impl fmt::Display for CheckedClaim {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let mark = if self.is_as_expected { "ok     " } else { "CHANGED" };
        let verdict = self.verdict.map_or("no longer claimed", Verdict::words);
        write!(f, "{mark}  {verdict}")?;
        match self.expected {
            None => write!(f, " (new)")?,
            Some(expected) if !self.is_as_expected => {
                write!(f, " (expected: {})", expected.words())?;
            }
            Some(_) => {}
        }
        write!(f, ": {}  [{}]", self.claim, self.compare)?;
        self.notes.iter().try_for_each(|note| write!(f, "\n         {note}"))
    }
}
