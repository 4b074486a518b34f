//! The table for programs that read lines: unscaled, at full precision, one line per row.

use std::borrow::Cow;

use experiments::schema::report::{Center, Compare, Spread};

use super::{BaselineComparison, Estimate, Table};

/// A column's optional value in a finite cell.
type Statistic = fn(Estimate) -> Option<f64>;

const COMPARISON_HEADER: [&str; 13] = [
    "variant",
    "baseline",
    "metric",
    "compare",
    "estimate",
    "low",
    "high",
    "p",
    "p_holm",
    "effect_size",
    "seeds",
    "items",
    "items_left_out",
];

impl Table {
    /// One line per variant; per metric its mean, standard deviation and count of finite values;
    /// the interquartile mean and the ends of the bootstrap interval, where the file asks for them,
    /// and the paper's value. Empty fields where there is none.
    pub fn csv(&self) -> String {
        let mut header: Vec<String> =
            ["variant", "label", "seeds", "finished"].map(str::to_owned).into();
        for column in &self.columns {
            let metric = text_field(&column.spec.metric);
            header.extend(["mean", "sd", "n"].map(|part| format!("{metric}_{part}")));
            header.extend(self.extra_statistics().map(|(part, _)| format!("{metric}_{part}")));
            header.extend(column.has_paper.then(|| format!("{metric}_paper")));
        }
        let mut records = vec![header];
        for row in &self.rows {
            let (seeds, finished) = (row.variant.trials.len(), row.variant.finished().count());
            let label = text_field(&row.variant.label).into_owned();
            let mut fields = vec![row.variant.name.clone(), label];
            fields.extend([seeds.to_string(), finished.to_string()]);
            for (column, cell) in self.columns.iter().zip(&row.cells) {
                let estimate = cell.value.estimate();
                fields.push(optional_number(cell.value.number(|estimate| estimate.summary.mean)));
                fields.push(optional_number(estimate.and_then(|estimate| estimate.summary.sd)));
                fields.push(estimate.map_or(0, |estimate| estimate.summary.n).to_string());
                let extra = self.extra_statistics();
                fields.extend(
                    extra.map(|(_, statistic)| optional_number(estimate.and_then(statistic))),
                );
                fields.extend(column.has_paper.then(|| optional_number(cell.paper)));
            }
            records.push(fields);
        }
        to_csv(&records)
    }

    /// Statistics that the file asks for beside mean and standard deviation.
    fn extra_statistics(&self) -> impl Iterator<Item = (&'static str, Statistic)> {
        let iqm: (_, Statistic) = ("iqm", |v| Some(v.centre));
        let ends: [(_, Statistic); 2] =
            [("low", |v| Some(v.interval?.low)), ("high", |v| Some(v.interval?.high))];
        let iqm = (self.center == Center::Iqm).then_some(iqm);
        let ends = (self.spread == Spread::Interval).then_some(ends);
        iqm.into_iter().chain(ends.into_iter().flatten())
    }

    /// One line per variant and metric that was compared with the baseline; None without a
    /// baseline.
    pub fn comparisons_csv(&self) -> Option<String> {
        let baseline = self.baseline.as_ref()?;
        let mut records = vec![COMPARISON_HEADER.map(str::to_owned).to_vec()];
        for (row, comparisons) in self.rows.iter().zip(&baseline.comparisons) {
            for (column, comparison) in self.columns.iter().zip(comparisons) {
                let Some(BaselineComparison { comparison: c, p_holm, .. }) = comparison else {
                    continue;
                };
                let metric = text_field(&column.spec.metric).into_owned();
                let compare = match c.compare {
                    Compare::Difference => "difference",
                    Compare::Ratio => "ratio",
                };
                let (estimate, interval) = c.estimate();
                let names = [&row.variant.name, &baseline.name, &metric, compare];
                let numbers = [
                    Some(estimate),
                    interval.map(|interval| interval.low),
                    interval.map(|interval| interval.high),
                    c.paired.p,
                    *p_holm,
                    c.paired.effect_size,
                ];
                let mut fields = names.map(str::to_owned).to_vec();
                fields.extend(numbers.map(optional_number));
                fields.extend([c.seeds.len(), c.items].map(|n| n.to_string()));
                let left_out = c.items_left_out.as_ref().map(|items| items.names.join("; "));
                fields.push(text_field(&left_out.unwrap_or_default()).into_owned());
                records.push(fields);
            }
        }
        Some(to_csv(&records))
    }
}

/// A number at full precision; empty if there is none.
pub(crate) fn optional_number(value: Option<f64>) -> String {
    value.map(|v| v.to_string()).unwrap_or_default()
}

/// Text of a file or a worker as a field of CSV: a spreadsheet would take one that begins like a formula
/// for one, so that gets an apostrophe in front, as OWASP advises. Numbers are never changed.
pub fn text_field(text: &str) -> Cow<'_, str> {
    let is_formula =
        text.starts_with(['=', '+', '-', '@', '\t', '\r']) && text.parse::<f64>().is_err();
    if is_formula { format!("'{text}").into() } else { text.into() }
}

/// One record of RFC 4180, but ended by a bare line feed.
pub fn record(fields: &[String]) -> String {
    // The csv crate would write `""`.
    if fields.len() < 2 && fields.concat().is_empty() {
        return "\n".to_owned();
    }
    to_csv(&[fields])
}

fn to_csv(records: &[impl AsRef<[String]>]) -> String {
    let mut out = csv::Writer::from_writer(Vec::new());
    for record in records {
        out.write_record(record.as_ref()).expect("records in memory, all of the same length");
    }
    let bytes = out.into_inner().expect("memory takes every byte");
    String::from_utf8(bytes).expect("the fields are text")
}

#[cfg(test)]
mod tests {
    use super::{record, text_field};

    #[test]
    fn text_that_begins_like_a_formula_is_text_to_a_spreadsheet() {
        for formula in ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1"] {
            assert_eq!(text_field(formula), format!("'{formula}"));
        }
        for harmless in ["-0.5", "+1e-3", "-inf", "", "a=b", "val/psnr", "'=1"] {
            assert_eq!(text_field(harmless), harmless);
        }
    }

    #[test]
    fn fields_are_quoted_only_where_they_must_be() {
        let fields = ["a b", "1,5", "\"x\"", "two\nlines", "", "µ"].map(str::to_owned);
        assert_eq!(record(&fields), "a b,\"1,5\",\"\"\"x\"\"\",\"two\nlines\",,µ\n");
        assert_eq!(record(&[String::new(), String::new()]), ",\n");
        assert_eq!(record(&[String::new()]), "\n");
    }
}
