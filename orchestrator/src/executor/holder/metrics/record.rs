//! A line of another program's output or file as values.

use std::collections::BTreeMap;

use anstream::adapter::strip_str;
use experiments::protocol::events::parse_json;
use experiments::protocol::number::Number;
use experiments::schema::metrics::{MetricSource, SourceKind};
use regex::Regex;
use serde_json::{Map, Value};

/// The form of a file's lines.
pub(super) enum Format {
    /// Text, of which a regular expression finds the values.
    Pattern(Regex),
    /// JSON objects.
    Json,
    /// Comma-separated values below a header; `None` before it is known.
    Csv(Option<Vec<String>>),
}

/// The values of a line.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Record {
    /// `None` if the line does not say it.
    pub(super) step: Option<u64>,
    pub(super) values: BTreeMap<String, Number>,
}

impl Format {
    pub(super) fn of(source: &MetricSource) -> Result<Self, String> {
        Ok(match source.kind {
            SourceKind::Json => Self::Json,
            SourceKind::Csv => Self::Csv(None),
            _ => Self::Pattern(source.pattern()?),
        })
    }

    /// The values in `line`, in which `step_name` names the step; `None` if it is none of the lines to
    /// read. The error says what is wrong with it.
    pub(super) fn parse(&self, line: &str, step_name: &str) -> Result<Option<Record>, String> {
        let mut record = Record::default();
        match self {
            Self::Pattern(pattern) => {
                let text = strip_str(line).to_string();
                let Some(found) = pattern.captures(&text) else { return Ok(None) };
                for name in pattern.capture_names().flatten() {
                    let Some(group) = found.name(name) else { continue };
                    if !record.add(name, group.as_str(), step_name)? {
                        return Err(format!("`{}` ({name}) is not a number", group.as_str()));
                    }
                }
            }
            _ if line.trim().is_empty() => return Ok(None),
            Self::Json => record.add_json("", &json_object(line)?, step_name)?,
            Self::Csv(header) => {
                let header = header.as_deref().unwrap_or_default();
                let cells = cells(line)?;
                if cells.len() != header.len() {
                    return Err(format!("{} cells below {} names", cells.len(), header.len()));
                }
                for (name, cell) in header.iter().zip(&cells).filter(|(name, _)| !name.is_empty()) {
                    record.add(name, cell, step_name)?;
                }
            }
        }
        Ok(Some(record))
    }
}

/// The names in the header of a file of comma-separated values.
pub(super) fn header(line: &str) -> Result<Vec<String>, String> {
    let names = cells(line)?;
    match names.iter().find(|name| number(name).is_some()) {
        Some(number) => Err(format!("the first line is not a header: `{number}` is a number")),
        None => Ok(names),
    }
}

impl Record {
    /// Adds the text of a value or of the step; false if it is not a number, as in a column of texts.
    fn add(&mut self, name: &str, text: &str, step_name: &str) -> Result<bool, String> {
        if name != step_name {
            let value = number(text);
            self.values.extend(value.map(|value| (name.to_owned(), Number(value))));
            return Ok(value.is_some());
        }
        if !text.trim().is_empty() {
            let step = step(text).ok_or_else(|| format!("the {name} `{text}` is not a step"))?;
            self.step = Some(step);
        }
        Ok(true)
    }

    /// Adds the numbers of an object, those of inner ones by dotted names.
    fn add_json(
        &mut self,
        above: &str,
        object: &Map<String, Value>,
        step_name: &str,
    ) -> Result<(), String> {
        for (key, value) in object {
            let name = format!("{above}{key}");
            match value {
                Value::Number(value) => {
                    self.add(&name, &value.to_string(), step_name)?;
                }
                Value::String(text) if name == step_name || is_non_finite(text) => {
                    self.add(&name, text, step_name)?;
                }
                Value::Object(inner) => self.add_json(&format!("{name}."), inner, step_name)?,
                _ => {}
            }
        }
        Ok(())
    }
}

fn cells(line: &str) -> Result<Vec<String>, String> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .trim(csv::Trim::All)
        .from_reader(line.as_bytes());
    let record = reader.records().next().ok_or("an empty line")?;
    Ok(record.map_err(|error| error.to_string())?.iter().map(str::to_owned).collect())
}

/// A JSON object, in which NaN and the infinities may be bare words.
fn json_object(line: &str) -> Result<Map<String, Value>, String> {
    match parse_json(line) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err("not a JSON object".to_owned()),
        Err(_) if ["{", "["].contains(&line.trim()) => {
            Err("not a JSON object: each line is to be one, so write it without `indent`"
                .to_owned())
        }
        Err(reason) => Err(format!("not a JSON object: {reason}")),
    }
}

/// A number in any spelling that Python prints.
fn number(text: &str) -> Option<f64> {
    let value = text.trim().parse::<f64>().ok()?;
    // Beyond the range of 64 bits it is not infinite, but too large.
    (value.is_finite() || is_non_finite(text)).then_some(value)
}

fn is_non_finite(text: &str) -> bool {
    let word = text.trim().trim_start_matches(['-', '+']).to_ascii_lowercase();
    matches!(word.as_str(), "nan" | "inf" | "infinity")
}

/// A step, also one that is written as a float.
fn step(text: &str) -> Option<u64> {
    let text = text.trim();
    text.parse().ok().or_else(|| {
        let value = text.parse::<f64>().ok()?;
        let is_step = value >= 0.0 && value.fract() == 0.0 && value < i64::MAX as f64;
        is_step.then_some(value as u64)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(format: &Format, line: &str) -> Result<Option<String>, String> {
        let record = format.parse(line, "step")?;
        Ok(record.map(|Record { step, values }| {
            let values = values.iter().map(|(name, value)| format!(" {name}={}", value.0));
            format!("{step:?}{}", values.collect::<String>())
        }))
    }

    #[test]
    fn the_groups_of_a_pattern_are_metrics() {
        let pattern = r"epoch (?<step>\d+).* loss=(?<loss>\S+)(?: acc=(?<acc>\S+))?";
        let format = Format::Pattern(Regex::new(pattern).unwrap());
        assert_eq!(parse(&format, "epoch 3: loss=0.5"), Ok(Some("Some(3) loss=0.5".to_owned())));
        let coloured = "\u{1b}[32mepoch 3\u{1b}[0m loss=1e-05 acc=nan";
        assert_eq!(parse(&format, coloured), Ok(Some("Some(3) acc=NaN loss=0.00001".to_owned())));
        assert_eq!(parse(&format, "epoch 3 loss=-inf"), Ok(Some("Some(3) loss=-inf".to_owned())));
        assert_eq!(parse(&format, "nothing"), Ok(None));
        for (line, problem) in [
            ("epoch 3 loss=0.5,", "`0.5,` (loss) is not a number"),
            ("epoch 3 loss=1e999", "`1e999` (loss) is not a number"),
            ("epoch 99999999999999999999 loss=1", "the step `99999999999999999999` is not a step"),
        ] {
            assert_eq!(parse(&format, line), Err(problem.to_owned()));
        }
    }

    #[test]
    fn json_is_read_as_python_writes_it() {
        let line =
            r#"{"step": 2.0, "a": NaN, "b": {"c": -Infinity}, "d": "NaN \" Infinity", "e": [1]}"#;
        assert_eq!(parse(&Format::Json, line), Ok(Some("Some(2) a=NaN b.c=-inf".to_owned())));
        assert_eq!(
            parse(&Format::Json, r#"{"a": 0.1, "ok": true}"#),
            Ok(Some("None a=0.1".to_owned()))
        );
        assert_eq!(parse(&Format::Json, " "), Ok(None));
        assert!(parse(&Format::Json, r#"{"a": 0.1"#).unwrap_err().starts_with("not a JSON object"));
        assert!(parse(&Format::Json, "[1]").is_err());
        assert!(parse(&Format::Json, "{").unwrap_err().contains("without `indent`"));
    }

    #[test]
    fn csv_has_texts_and_empty_cells() {
        let format = Format::Csv(Some(header("epoch,step,\"val, loss\",name,").unwrap()));
        assert_eq!(parse(&format, "0,9,,x,1"), Ok(Some("Some(9) epoch=0".to_owned())));
        assert_eq!(
            parse(&format, "0,,0.5,\"x, y\","),
            Ok(Some("None epoch=0 val, loss=0.5".to_owned()))
        );
        assert_eq!(parse(&format, "0,1"), Err("2 cells below 5 names".to_owned()));
        assert!(header("0,0.5").unwrap_err().contains("not a header"));
    }
}
