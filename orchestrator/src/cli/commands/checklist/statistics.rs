//! The error bars and tests of a report, in sentences.

use experiments::schema::design::{Family, Method};
use experiments::schema::report::{Report, Spread};
use reports::records::Records;

/// The definition of the report's error bars, and the rules of its verdicts on `claims` claims.
pub(super) fn sentences(report: &Report, records: &Records, claims: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let seeds = records
        .variants
        .iter()
        .map(|row| row.trials.iter().filter(|trial| trial.is_finished()).count());
    if seeds.max().unwrap_or(0) < 2 {
        lines.push(
            "every row has one seed at most: there are no error bars over trainings, and verdicts speak of \
             these trainings only"
                .to_owned(),
        );
    } else if let Some(table) = &report.table {
        let bars = match table.spread {
            Spread::Interval => "95 % percentile bootstrap interval over the seeds",
            Spread::Sd => "sample standard deviation over the seeds (n - 1)",
        };
        lines.push(format!("the table's ± is the {bars}"));
    }
    lines.push(
        "rows are compared by paired differences over seeds and, where items are reported, items as crossed \
         random effects; two-sided t, 95 % intervals (docs/statistics.md)"
            .to_owned(),
    );
    if claims > 0 {
        lines.push(match &report.design {
            None => format!(
                "the {claims} claims are one family: p-values corrected by Holm, false verdicts in 5 % of \
                 such families at most, with a number of seeds fixed beforehand"
            ),
            Some(design) => {
                let family = match design.family {
                    Family::Claims => "over all claims by Holm",
                    Family::Each => "for each claim by itself",
                };
                let method = match design.method {
                    Method::GroupSequential => {
                        let looks: Vec<_> = design.looks().iter().map(usize::to_string).collect();
                        format!("group-sequential, after {} seeds", looks.join(", "))
                    }
                    Method::Anytime => "anytime-valid, after every seed".to_owned(),
                };
                format!(
                    "the claims are judged by the file's `report.design`: {method}; false verdicts \
                     in {} % of cases at most, {family}",
                    design.alpha * 100.0
                )
            }
        });
    }
    lines
}
