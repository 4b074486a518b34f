//! A real LaTeX sets every kind of table as it is, and within the page of every kind of paper.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use experiments::expand::Experiment;
use experiments::schema::report::{LatexTable, LatexWidth, Report, Spread, Table as Spec};
use reports::comparison::Family;
use reports::records::{Records, Trial};
use reports::table::Table;

use crate::claims;
use crate::fixtures::{has, records, table, three_seeds, trial, variant};

/// Pages with one and with two columns, the narrowest and the widest of them.
const CLASSES: [&str; 5] = [
    r"\documentclass{article}",
    r"\documentclass[12pt]{article}",
    r"\documentclass[twocolumn,a4paper]{article}",
    r"\documentclass[conference]{IEEEtran}",
    // The page of NeurIPS.
    r"\documentclass{article}\usepackage{times}\usepackage[textheight=9in,textwidth=5.5in]{geometry}",
];

/// False, with a message, if the class or its fonts are not installed.
#[expect(clippy::print_stderr, reason = "a check that was not made must be seen")]
fn is_installed(class: &str) -> bool {
    let needed: &[&str] = match class {
        class if class.contains("IEEEtran") => &["IEEEtran.cls", "ptmr7t.tfm"],
        class if class.contains("times") => &["times.sty", "ptmr7t.tfm"],
        _ => return true,
    };
    let is_installed = Command::new("kpsewhich").args(needed).output().unwrap().status.success();
    if !is_installed {
        let packages = "texlive-publishers, texlive-fonts-recommended";
        eprintln!("skipped: {class} is not installed (Debian: {packages})");
    }
    is_installed
}

/// Sets `body` in a document of that class in `folder`; the log, as an error if anything fails, is left out
/// or sticks out.
fn compile(class: &str, body: &str, folder: &Path) -> Result<String, String> {
    let document = format!(
        "{class}\n\\usepackage{{booktabs}}\n\\begin{{document}}\n{body}\n\\end{{document}}\n"
    );
    fs::write(folder.join("paper.tex"), document).unwrap();
    let output = Command::new("pdflatex")
        .args(["-halt-on-error", "-interaction=nonstopmode", "paper.tex"])
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let log = String::from_utf8_lossy(&output.stdout).into_owned();
    // A character that the font lacks is left out with no more than a line in the log.
    let faults = ["Missing character", "Overfull", "Float too large"];
    let is_sound = output.status.success() && !faults.iter().any(|fault| log.contains(fault));
    if is_sound { Ok(log) } else { Err(log) }
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

/// Both tables of `spec`.
fn tables(spec: &Spec, records: &Records) -> String {
    let table = Table::new(spec, records, &Family::Columns);
    table.latex() + &table.comparisons_latex().unwrap_or_default()
}

/// Table 1 with its eight rows and three seeds, with values as wide as they come.
fn table1() -> (Spec, Records) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../experiments/table1.yaml");
    let file = Experiment::load(&path).unwrap().file;
    let spec = file.report.table.unwrap();
    let results = |row: usize, seed: u64| -> Trial {
        let values = spec.columns.iter().enumerate().map(|(column, of)| {
            let value = 100.0 + (7 * row + 3 * column) as f64 + (seed * (1 + row as u64)) as f64;
            (of.metric.as_str(), value / 2.0 / of.scale)
        });
        trial(seed, &values.collect::<Vec<_>>())
    };
    let rows = file.variants.iter().enumerate().map(|(index, (name, row))| {
        let trials = (0..3).map(|seed| results(index, seed));
        variant(name, row.label.as_deref().unwrap_or(name), trials.collect())
    });
    let records =
        Records { caption: file.profiles["seeds"].caption.clone(), ..records(rows.collect()) };
    (spec, records)
}

/// The log of pdflatex after the values of a table were read twice, and `text` was set.
fn with_values(text: &str) -> Result<String, String> {
    let values = Table::new(&table(), &three_seeds(), &Family::Columns).latex_values();
    let folder = tempfile::tempdir().unwrap();
    compile(CLASSES[0], &format!("{values}{values}{text}"), folder.path())
}

/// The text that a cell stands for.
fn quoted(cell: &str) -> String {
    let log = with_values(&format!("\\message{{<<{cell}>>}}{cell}")).unwrap();
    let (_, rest) = log.split_once("<<").unwrap();
    rest.split_once(">>").unwrap().0.replace(['\n', ' '], "")
}

#[test]
fn a_paper_quotes_a_cell_by_name_and_no_name_that_is_not_there() {
    if !has("pdflatex", "texlive-latex-recommended") {
        return;
    }
    // The mean of 19, 20 and 21.004 is 20.0013, their standard deviation 1.0020.
    assert_eq!(quoted("\\orchvalue{sr3}{psnr}"), "20.00$\\pm$1.00");
    assert_eq!(quoted("\\orchvalue{bicubic}{consistency}"), "--");
    let missing = with_values("\\orchvalue{sr3}{no}").unwrap_err();
    assert!(missing.contains("There is no value of `no'"), "{missing}");
}

#[test]
fn every_table_fits_the_page_of_every_class() {
    if !has("pdflatex", "texlive-latex-recommended") {
        return;
    }
    let mut spec = table();
    spec.baseline = Some("sr3".to_owned());
    let against = tables(&spec, &three_seeds());
    let narrow = LatexTable { width: Some(LatexWidth::Column), ..LatexTable::default() };
    let column = tables(&Spec { latex: narrow, ..spec.clone() }, &three_seeds());
    spec.spread = Spread::Interval;
    spec.name = "odd_name & more".to_owned();
    spec.title = "All of \\ ~ ^ # $ % & _ { } < > | – — “x” … † ‡ × ± − ≥ ≤ ≈ ∞ µ σ λ".to_owned();
    let odd = tables(&spec, &three_seeds());
    let (table1, of_table1) = table1();
    let whole = Spec { latex: LatexTable::default(), ..table1.clone() };
    let mut automatic = table();
    automatic.columns.truncate(1);
    let bodies = [
        tables(&table(), &three_seeds()),
        tables(&automatic, &three_seeds()),
        against,
        column,
        odd,
        claims_under_a_design(),
        tables(&table1, &of_table1),
        tables(&whole, &of_table1),
    ];
    let folder = tempfile::tempdir().unwrap();
    for class in CLASSES.into_iter().filter(|class| is_installed(class)) {
        if let Err(log) = compile(class, &bodies.join("\n\\clearpage\n"), folder.path()) {
            panic!("{class}\n{log}");
        }
    }
    for fault in ["\\undefined", "\\rule{30cm}{1pt}"] {
        assert!(compile(CLASSES[0], fault, folder.path()).is_err(), "{fault} is noticed");
    }
}

#[test]
fn a_wide_table_is_set_in_blocks_and_a_chosen_one_in_one() {
    let (chosen, records) = table1();
    let whole = Spec { latex: LatexTable::default(), ..chosen.clone() };
    let text = |spec| Table::new(spec, &records, &Family::Columns).latex();
    let (whole, chosen) = (text(&whole), text(&chosen));
    let count = |text: &str, word: &str| text.matches(word).count();
    assert_eq!(count(&chosen, "\\begin{tabular}"), 1, "{chosen}");
    let blocks = count(&whole, "\\begin{tabular}");
    assert!(blocks > 1, "{whole}");
    assert_eq!(count(&whole, "SR4 (combined) &"), blocks, "every block has its labels");
    assert_eq!(count(&whole, "seeds &"), 1);
    assert!(whole.contains("Sampling") && !chosen.contains("Sampling"));
}

#[test]
fn a_table_that_fits_a_column_does_not_span_two() {
    let spec = table();
    let latex = |spec: &Spec| Table::new(spec, &three_seeds(), &Family::Columns).latex();
    let mut narrow = spec.clone();
    narrow.columns.truncate(1);
    assert!(latex(&narrow).contains("\\begin{table}[t]"), "{}", latex(&narrow));
    narrow.latex.width = Some(LatexWidth::Page);
    assert!(latex(&narrow).contains("\\begin{table*}[t]"));
    assert!(latex(&spec).contains("\\begin{table*}[t]"), "{}", latex(&spec));
}

#[test]
fn captions_are_files_to_input() {
    if !has("pdflatex", "texlive-latex-recommended") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let report = Report { table: Some(table()), ..Report::default() };
    reports::write(&report, &three_seeds(), folder.path()).unwrap();
    let body = "\\begin{table}\\caption{\\protect\\input{captions/table1}}\\end{table}";
    compile(CLASSES[0], body, folder.path()).unwrap();
    let text = fs::read_to_string(folder.path().join("captions/table1.tex")).unwrap();
    assert!(
        text.starts_with("what \\texttt{set} changes. Faces of 32$\\times$32 pixels"),
        "{text}"
    );
}
