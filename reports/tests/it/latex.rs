//! A real LaTeX sets every kind of table as it is.

use std::fs;
use std::process::{Command, Stdio};

use reports::comparison::Family;
use reports::table::Table;

use crate::fixtures::{has, table, three_seeds};

/// Sets `tables` in one document; the end of the log if that fails.
fn compile(tables: &[String]) -> Result<(), String> {
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
    if output.status.success() && !log.contains("Missing character") { Ok(()) } else { Err(log) }
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
    if let Err(log) = compile(&[plain, against, odd]) {
        panic!("{log}");
    }
    assert!(compile(&["\\undefined".to_owned()]).is_err(), "an error is noticed");
}
