//! The table for programs that read lines: unscaled, at full precision, one line per row.

use experiments::schema::report::{Center, Spread};

use super::{Estimate, Table, Value};

impl Table {
    /// One line per variant; per metric its mean, standard deviation and count of finite values; the
    /// interquartile mean and the ends of the bootstrap interval, where the file asks for them, and
    /// the paper's value. Empty fields where there is none.
    pub fn csv(&self) -> String {
        let mut header: Vec<String> =
            ["variant", "label", "seeds", "finished"].map(str::to_owned).into();
        for column in &self.columns {
            let metric = &column.spec.metric;
            header.extend(["mean", "sd", "n"].map(|part| format!("{metric}_{part}")));
            header.extend(self.extras().map(|(part, _)| format!("{metric}_{part}")));
            header.extend(column.has_paper.then(|| format!("{metric}_paper")));
        }
        let mut text = record(&header);
        for row in &self.rows {
            let (seeds, finished) = (row.variant.trials.len(), row.variant.finished().count());
            let mut fields = vec![row.variant.name.clone(), row.variant.label.clone()];
            fields.extend([seeds.to_string(), finished.to_string()]);
            for (column, cell) in self.columns.iter().zip(&row.cells) {
                fields.extend(match cell.value {
                    Value::Absent => [String::new(), String::new(), "0".to_owned()],
                    Value::NonFinite(v) => [v.to_string(), String::new(), "0".to_owned()],
                    Value::Finite(v) => {
                        let s = v.summary;
                        [s.mean.to_string(), optional(s.sd), s.n.to_string()]
                    }
                });
                let estimate = if let Value::Finite(v) = cell.value { Some(v) } else { None };
                fields.extend(self.extras().map(|(_, of)| optional(estimate.and_then(of))));
                fields.extend(column.has_paper.then(|| optional(cell.paper)));
            }
            text.push_str(&record(&fields));
        }
        text
    }

    /// What the file asks for beside mean and standard deviation.
    fn extras(&self) -> impl Iterator<Item = (&'static str, Extra)> {
        let iqm: (_, Extra) = ("iqm", |v| Some(v.centre));
        let ends: [(_, Extra); 2] =
            [("low", |v| Some(v.interval?.low)), ("high", |v| Some(v.interval?.high))];
        let iqm = (self.center == Center::Iqm).then_some(iqm);
        let ends = (self.spread == Spread::Interval).then_some(ends);
        iqm.into_iter().chain(ends.into_iter().flatten())
    }

    /// One line per variant and metric that was compared with the baseline; none without one.
    pub fn against_csv(&self) -> Option<String> {
        let against = self.against.as_ref()?;
        let mut text = record(&AGAINST.map(str::to_owned));
        for (row, cells) in self.rows.iter().zip(&against.cells) {
            for (column, cell) in self.columns.iter().zip(cells) {
                let Some(c) = cell else { continue };
                let ends = c.paired.interval.map(|i| [i.low, i.high]);
                let names = [&row.variant.name, &against.baseline, &column.spec.metric];
                let numbers = [
                    Some(c.paired.difference),
                    ends.map(|[low, _]| low),
                    ends.map(|[_, high]| high),
                    c.paired.p,
                    c.p,
                    c.paired.effect_size,
                ];
                let counts = [c.seeds.len(), c.items].map(|n| n.to_string());
                let mut fields: Vec<String> = names.into_iter().cloned().collect();
                fields.extend(numbers.map(optional));
                fields.extend(counts);
                text.push_str(&record(&fields));
            }
        }
        Some(text)
    }
}

type Extra = fn(Estimate) -> Option<f64>;

const AGAINST: [&str; 11] = [
    "variant",
    "baseline",
    "metric",
    "difference",
    "low",
    "high",
    "p",
    "p_holm",
    "effect_size",
    "seeds",
    "items",
];

fn optional(value: Option<f64>) -> String {
    value.map(|v| v.to_string()).unwrap_or_default()
}

/// One record of RFC 4180, but ended by a bare line feed.
pub fn record(fields: &[String]) -> String {
    let quoted = fields.iter().map(|field| {
        if field.contains([',', '"', '\n', '\r']) {
            format!("\"{}\"", field.replace('"', "\"\""))
        } else {
            field.clone()
        }
    });
    quoted.collect::<Vec<_>>().join(",") + "\n"
}
