//! Plain text for terminals: aligned columns, bars, lengths of time.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// Text of any origin that is safe on a terminal: control characters, which could move the cursor or
/// change colours, and those that reverse the order of what follows are escaped. Line feeds and tabs stay.
pub(crate) fn harmless(text: &str) -> Cow<'_, str> {
    written_out(text, |c| is_deceptive(c) && c != '\n' && c != '\t')
}

/// True for control characters, and for those by which text reads in another order than it is written
/// (Unicode's bidirectional formatting).
fn is_deceptive(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The same on one line: line feeds and tabs are escaped, too.
pub(crate) fn one_line(text: &str) -> Cow<'_, str> {
    written_out(text, is_deceptive)
}

fn written_out(text: &str, wanted: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains(&wanted) {
        return text.into();
    }
    let mut out = String::new();
    for c in text.chars() {
        if wanted(c) { out.extend(c.escape_default()) } else { out.push(c) }
    }
    out.into()
}

/// The rows, all of the same length, as lines, each column as wide as its widest cell. Cells that are
/// numbers, or start as one, stand to the right.
pub(crate) fn columns(rows: &[impl AsRef<[String]>]) -> Vec<String> {
    // A cell of several lines would break the table.
    let cells = |row: &[String]| -> Vec<String> {
        row.iter().map(|cell| one_line(cell).into_owned()).collect()
    };
    let rows: Vec<_> = rows.iter().map(|row| cells(row.as_ref())).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let count = rows.first().map_or(0, Vec::len);
    let widths: Vec<usize> = (0..count).map(|column| width(column).unwrap_or(0)).collect();
    let is_number = |cell: &str| {
        let unsigned = cell.strip_prefix('-').unwrap_or(cell);
        unsigned.starts_with(|c: char| c.is_ascii_digit())
    };
    rows.iter()
        .map(|row| {
            let cells = row.iter().zip(&widths).filter(|(_, width)| **width > 0);
            let padded = cells.map(|(cell, width)| {
                if is_number(cell) { format!("{cell:>width$}") } else { format!("{cell:<width$}") }
            });
            padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
        })
        .collect()
}

/// The count of each word: `2 queued, 1 running`.
pub(crate) fn counts<'a>(words: impl Iterator<Item = &'a str>) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for word in words {
        *counts.entry(word).or_default() += 1;
    }
    let counts: Vec<_> = counts.iter().map(|(word, n)| format!("{n} {word}")).collect();
    counts.join(", ")
}

/// `second` minus `first` with a sign, and with no more decimals than these have: `+0.21` of 0.1 and 0.31.
pub(crate) fn difference(first: f64, second: f64) -> String {
    let decimals = |number: f64| number.to_string().split_once('.').map_or(0, |(_, d)| d.len());
    let decimals = decimals(first).max(decimals(second));
    let text = format!("{:+.decimals$}", second - first);
    if decimals == 0 { text } else { text.trim_end_matches('0').trim_end_matches('.').to_owned() }
}

/// Up to eight names with commas between, and the number of others.
pub(crate) fn named<'a>(mut names: impl Iterator<Item = &'a str>) -> String {
    let mut shown: Vec<_> = names.by_ref().take(8).map(str::to_owned).collect();
    let more = names.count();
    shown.extend((more > 0).then(|| format!("{more} more")));
    shown.join(", ")
}

/// Values of one metric with the same number of digits after the point: `decimals`, or four digits of the
/// median. One that this would make 0, or very long, has an exponent.
pub(crate) fn values(values: &[f64], decimals: Option<usize>) -> Vec<String> {
    let mut sizes: Vec<f64> =
        values.iter().map(|value| value.abs()).filter(|size| size.is_normal()).collect();
    sizes.sort_by(f64::total_cmp);
    let median = sizes.get(sizes.len() / 2).copied().unwrap_or(1.0);
    let shown = decimals.unwrap_or((3.0 - median.log10().floor()).clamp(0.0, 6.0) as usize);
    let text = |value: &f64| match value.abs() {
        size if size >= 1e7 || (size > 0.0 && size < 0.5 * 0.1_f64.powi(shown as i32)) => {
            format!("{value:.2e}")
        }
        _ => format!("{value:.shown$}"),
    };
    values.iter().map(text).collect()
}

/// A bar of `width` cells, `fraction` of it filled.
pub(crate) fn bar(fraction: f64, width: usize) -> String {
    let filled = (fraction.clamp(0.0, 1.0) * width as f64).round() as usize;
    "━".repeat(filled) + &"╌".repeat(width - filled)
}

/// `45s`, `3m 20s`, `2h 05m`, `3d 4h`.
pub(crate) fn duration(time: Duration) -> String {
    let seconds = time.as_secs_f64().round() as u64;
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86400);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, _) => format!("{minutes}m {:02}s", seconds % 60),
        (0, _, _) => format!("{hours}h {:02}m", minutes % 60),
        _ => format!("{days}d {}h", hours % 24),
    }
}

/// Paths as a shell's patterns: those that differ in their extensions alone share a line,
/// `report/table.{md,csv}`.
pub(crate) fn in_braces(paths: &[PathBuf]) -> Vec<String> {
    let mut groups: Vec<(PathBuf, Vec<String>)> = Vec::new();
    for path in paths {
        let extension = path.extension().unwrap_or_default().to_string_lossy().into_owned();
        let stem = path.with_extension("");
        match groups.iter_mut().find(|(known, _)| *known == stem) {
            Some((_, extensions)) => extensions.push(extension),
            None => groups.push((stem, vec![extension])),
        }
    }
    let lines = groups.into_iter().map(|(stem, extensions)| match &extensions[..] {
        [extension] => stem.with_extension(extension).display().to_string(),
        several => format!("{}.{{{}}}", stem.display(), several.join(",")),
    });
    lines.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_a_worker_moves_no_cursor() {
        let said = "one\ttwo\n\u{1b}[2J\u{1b}]0;title\u{7}\r\u{9b}31m\u{8}\u{7f}ü\u{202e}gnp";
        let shown =
            "one\ttwo\n\\u{1b}[2J\\u{1b}]0;title\\u{7}\\r\\u{9b}31m\\u{8}\\u{7f}ü\\u{202e}gnp";
        assert_eq!(harmless(said), shown);
        assert_eq!(columns(&[["a\nb\u{1b}[1A".to_owned()]]), ["a\\nb\\u{1b}[1A"]);
    }

    #[test]
    fn columns_align_and_empty_ones_vanish() {
        let rows = [["trial", "", "step"], ["cos-s0", "", "7/100"], ["res-s0", "", "10/100"]];
        let rows = rows.map(|row| row.map(str::to_owned));
        assert_eq!(columns(&rows), ["trial   step", "cos-s0   7/100", "res-s0  10/100"]);
    }

    #[test]
    fn lengths_of_time_are_short() {
        let text = [0.4, 59.6, 200.0, 7500.0, 273_600.0]
            .map(|secs| duration(Duration::from_secs_f64(secs)));
        assert_eq!(text, ["0s", "1m 00s", "3m 20s", "2h 05m", "3d 4h"]);
    }

    #[test]
    fn a_shell_expands_paths_in_braces_to_all_of_them() {
        let paths = ["r/t.md", "r/report.html", "r/t.csv", "r/figures/t.svg", "r/LICENSE"];
        let lines = in_braces(&paths.map(PathBuf::from));
        assert_eq!(lines, ["r/t.{md,csv}", "r/report.html", "r/figures/t.svg", "r/LICENSE"]);
        let script = format!("echo {}", lines.join(" "));
        let expanded = std::process::Command::new("bash").args(["-c", &script]).output().unwrap();
        let mut expanded: Vec<_> =
            std::str::from_utf8(&expanded.stdout).unwrap().split_whitespace().collect();
        let mut wanted = paths;
        expanded.sort_unstable();
        wanted.sort_unstable();
        assert_eq!(expanded, wanted);
    }

    #[test]
    fn differences_are_exact_in_decimals() {
        // Hundredths, subtracted as whole numbers.
        for (first, second) in (-31..31).flat_map(|a| (-31..31).map(move |b| (a, b))) {
            let exact: i32 = second - first;
            let sign = if exact < 0 { '-' } else { '+' };
            let text = format!("{sign}{}.{:02}", exact.abs() / 100, exact.abs() % 100);
            let text = text.trim_end_matches('0').trim_end_matches('.');
            let (first, second) = (f64::from(first) / 100.0, f64::from(second) / 100.0);
            assert_eq!(difference(first, second), text, "{second} - {first}");
        }
        assert_eq!(difference(100.0, 1200.0), "+1100");
        assert_eq!(difference(1.0, f64::NAN), "NaN");
        assert_eq!(difference(0.5, f64::INFINITY), "+inf");
    }

    #[test]
    fn values_have_the_digits_of_their_size() {
        assert_eq!(values(&[0.123_456, 0.0871, f64::NAN], None), ["0.1235", "0.0871", "NaN"]);
        assert_eq!(values(&[23.456, 5.1, -7.0], None), ["23.456", "5.100", "-7.000"]);
        assert_eq!(values(&[1234.5, 900.25, 1100.0], None), ["1234", "900", "1100"]);
        // One that has diverged does not take the digits of the others.
        assert_eq!(values(&[0.02, 0.021, 3e9], None), ["0.02000", "0.02100", "3.00e9"]);
        assert_eq!(values(&[0.000_000_12, 0.0], None), ["1.20e-7", "0.000000"]);
        assert_eq!(values(&[23.456, 0.0], Some(1)), ["23.5", "0.0"]);
        assert!(values(&[], None).is_empty());
    }

    #[test]
    fn bars_have_their_width() {
        assert_eq!(bar(0.5, 4), "━━╌╌");
        assert_eq!(bar(7.0, 4), "━━━━");
        assert_eq!(bar(f64::NAN, 4), "╌╌╌╌");
    }
}
