//! The table for programs that read lines: unscaled, at full precision, one line per row.

use super::{Table, Value};

impl Table {
    /// One line per variant; per metric its mean, standard deviation, count of finite values and,
    /// where there is one, the paper's value. Empty fields where there is none.
    pub fn csv(&self) -> String {
        let mut header: Vec<String> =
            ["variant", "label", "seeds", "finished"].map(str::to_owned).into();
        for column in &self.columns {
            let metric = &column.spec.metric;
            header.extend(["mean", "sd", "n"].map(|part| format!("{metric}_{part}")));
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
                    Value::Finite(s) => [s.mean.to_string(), optional(s.sd), s.n.to_string()],
                });
                fields.extend(column.has_paper.then(|| optional(cell.paper)));
            }
            text.push_str(&record(&fields));
        }
        text
    }
}

fn optional(value: Option<f64>) -> String {
    value.map(|v| v.to_string()).unwrap_or_default()
}

/// One record of RFC 4180, but ended by a bare line feed.
pub(crate) fn record(fields: &[String]) -> String {
    let quoted = fields.iter().map(|field| {
        if field.contains([',', '"', '\n', '\r']) {
            format!("\"{}\"", field.replace('"', "\"\""))
        } else {
            field.clone()
        }
    });
    quoted.collect::<Vec<_>>().join(",") + "\n"
}
