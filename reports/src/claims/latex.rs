//! The claims for a paper: a table of comparisons with their verdicts.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::judged::JudgedClaim;
use super::numbers::with_interval;
use super::verdict::Verdict;
use super::write::method;
use crate::table::escape_latex;

/// A floating `table` over the page's width with a line for each comparison; it needs `booktabs`.
pub(crate) fn latex(claims: &[JudgedClaim], notes: &[String]) -> String {
    let mut lines = String::new();
    for judged in claims {
        let claim = escape_latex(&judged.claim.claim);
        let verdict = escape_latex(&verdict(judged));
        let comparisons = comparisons(judged);
        let comparisons =
            if comparisons.is_empty() { vec![[const { String::new() }; 3]] } else { comparisons };
        for (i, comparison) in comparisons.iter().enumerate() {
            let [against, difference, seeds] = comparison.each_ref().map(|text| escape_latex(text));
            let [claim, verdict] =
                if i == 0 { [claim.as_str(), verdict.as_str()] } else { ["", ""] };
            let _ = writeln!(
                lines,
                "    {claim} & {against} & {difference} & {seeds} & {verdict} \\\\"
            );
        }
    }
    let of_claims: BTreeSet<&String> = claims.iter().flat_map(|judged| &judged.notes).collect();
    let notes: Vec<String> = notes.iter().chain(of_claims).cloned().collect();
    let caption = escape_latex(&method(claims, &notes));
    format!(
        "% Needs \\usepackage{{booktabs}}.\n\\begin{{table*}}[t]\n  \\centering\\sloppy\\footnotesize\n  \
         \\setlength{{\\tabcolsep}}{{3pt}}\n  \\caption{{Claims. {caption}}}\n  \\label{{tab:claims}}\n  \
         \\begin{{tabular}}{{@{{}}p{{0.27\\linewidth}}p{{0.15\\linewidth}}p{{0.3\\linewidth}}rp{{0.13\\linewidth}}@{{}}}}\n    \
         \\toprule\n    Claim & against & difference & seeds & verdict \\\\\n    \\midrule\n{lines}    \
         \\bottomrule\n  \\end{{tabular}}\n\\end{{table*}}\n"
    )
}

fn verdict(judged: &JudgedClaim) -> String {
    let words = judged.verdict.words();
    match judged.course.as_ref().and_then(|course| course.stopped_at) {
        Some(seeds) if judged.verdict != Verdict::Open => format!("{words} after {seeds} seeds"),
        _ => words.to_owned(),
    }
}

/// The other row, the difference with its interval, and the seeds, of each comparison.
fn comparisons(judged: &JudgedClaim) -> Vec<[String; 3]> {
    let compared = judged.comparisons.iter().enumerate().map(|(i, (label, comparison))| {
        let (estimate, interval) = comparison.estimate();
        let text = |interval| with_interval(comparison.compare, &judged.unit, estimate, interval);
        let (difference, seeds) = match &judged.course {
            None => (text(interval), comparison.seeds.len()),
            Some(course) => match course.look(&course.sequences[i]) {
                Some(look) => (course.sequences[i].text(look, &judged.unit), look.seeds),
                // Before the first look there is no interval.
                None => (text(None), comparison.seeds.len()),
            },
        };
        [label.clone(), difference, seeds.to_string()]
    });
    compared.collect()
}
