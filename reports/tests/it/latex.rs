//! A real LaTeX sets every kind of table as it is.

use std::fs;
use std::process::{Command, Stdio};

use experiments::schema::report::Report;
use reports::comparison::Family;
use reports::table::Table;

use crate::claims;
use crate::fixtures::{has, table, three_seeds};

/// Sets `tables` in one document, and returns the log; `Err` with it if that fails.
fn compile(tables: &[String]) -> Result<String, String> {
    let folder = tempfile::tempdir().unwrap();
    let document = format!(
        "\\documentclass{{article}}\n\\usepackage{{booktabs}}\n\\begin{{document}}\n{}\n\\end{{document}}\n",
        tables.join("\n")
    );
    fs::write(folder.path().join("paper.tex"), document).unwrap();
    let output = Command::new("pdflatex")
        .args(["-halt-on-error", "-interaction=nonstopmode", "paper.tex"])
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let log = String::from_utf8_lossy(&output.stdout).into_owned();
    // A character that the font lacks is left out with no more than a line in the log.
    if output.status.success() && !log.contains("Missing character") { Ok(log) } else { Err(log) }
}

fn claims_under_a_design() -> String {
    let design = serde_json::json!({"seeds": {"first": 3, "most": 5}, "margin": {"psnr": 0.1}});
    let report = Report {
        design: Some(serde_json::from_value(design).unwrap()),
        ..claims::report(&["sr3.psnr < cos.psnr", "res.psnr best"])
    };
    let out = tempfile::tempdir().unwrap();
    reports::write(&report, &three_seeds(), out.path()).unwrap();
    fs::read_to_string(out.path().join("claims.tex")).unwrap()
}

/// The text that pdflatex writes to its log for `quoted`, after the values of a table were read twice.
fn quoted(quoted: &str) -> Result<String, String> {
    let values = Table::new(&table(), &three_seeds(), &Family::Columns).latex_values();
    let document = format!("{values}{values}\\message{{<<{quoted}>>}}");
    compile(&[document]).map(|log| {
        let (_, rest) = log.split_once("<<").unwrap();
        rest.split_once(">>").unwrap().0.replace(['\n', ' '], "")
    })
}

#[test]
fn a_paper_quotes_a_cell_by_name_and_no_name_that_is_not_there() {
    if !has("pdflatex", "texlive-latex-recommended") {
        return;
    }
    // The mean of 19, 20 and 21.004 is 20.0013, their standard deviation 1.0020.
    assert_eq!(quoted("\\orchvalue{sr3}{psnr}").unwrap(), "20.00$\\pm$1.00");
    assert_eq!(quoted("\\orchvalue{bicubic}{consistency}").unwrap(), "--");
    assert!(quoted("\\orchvalue{sr3}{no}").unwrap_err().contains("There is no value of `no'"));
}

#[test]
fn every_table_compiles_as_it_is() {
    if !has("pdflatex", "texlive-latex-recommended") {
        return;
    }
    let plain = Table::new(&table(), &three_seeds(), &Family::Columns).latex();
    let mut spec = table();
    spec.baseline = Some("sr3".to_owned());
    let against = Table::new(&spec, &three_seeds(), &Family::Columns).latex();
    spec.spread = experiments::schema::report::Spread::Interval;
    spec.name = "odd_name & more".to_owned();
    spec.title = "All of \\ ~ ^ # $ % & _ { } < > | – — “x” … † ‡ × ± − ≥ ≤ ≈ ∞ µ σ λ".to_owned();
    let odd = Table::new(&spec, &three_seeds(), &Family::Columns).latex();
    let claims = claims_under_a_design();
    if let Err(log) = compile(&[plain, against, odd, claims]) {
        panic!("{log}");
    }
    assert!(compile(&["\\undefined".to_owned()]).is_err(), "an error is noticed");
}
