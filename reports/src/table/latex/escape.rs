//! Text as TeX sets it.

/// The caption without a leading `Table 1:`: LaTeX numbers its tables itself.
pub(super) fn unnumbered(caption: &str) -> &str {
    let numbered = caption.strip_prefix("Table ").and_then(|rest| rest.split_once([':', '.']));
    match numbered {
        Some((number, rest)) if number.parse::<u32>().is_ok() => rest.trim_start(),
        _ => caption,
    }
}

/// `\label` takes no special characters.
pub(super) fn label(name: &str) -> String {
    name.chars()
        .map(|c| if c.is_ascii_alphanumeric() || "-.:".contains(c) { c } else { '-' })
        .collect()
}

/// Text that TeX sets as it reads; `code` between backticks becomes `\texttt`.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut in_code = text.matches('`').count() % 2 == 1;
    for c in text.chars() {
        match c {
            '`' => {
                in_code = !in_code;
                out.push_str(if in_code { "\\texttt{" } else { "}" });
            }
            '&' | '%' | '$' | '#' | '_' | '{' | '}' => out.extend(['\\', c]),
            _ => match command(c) {
                Some(command) => out.push_str(command),
                None => out.push(c),
            },
        }
    }
    out
}

/// The TeX command for a character that TeX would drop, misread or refuse.
fn command(c: char) -> Option<&'static str> {
    Some(match c {
        '\\' => "\\textbackslash{}",
        '~' => "\\textasciitilde{}",
        '^' => "\\textasciicircum{}",
        '<' => "$<$",
        '>' => "$>$",
        '|' => "$|$",
        '–' => "--",
        '—' => "---",
        '“' => "``",
        '”' => "''",
        '…' => "\\dots{}",
        '†' => "$^\\dagger$",
        '‡' => "$^\\ddagger$",
        '↑' => "$\\uparrow$",
        '↓' => "$\\downarrow$",
        '→' => "$\\to$",
        '×' => "$\\times$",
        '±' => "$\\pm$",
        '−' => "$-$",
        '≥' => "$\\geq$",
        '≤' => "$\\leq$",
        '≈' => "$\\approx$",
        '∞' => "$\\infty$",
        'µ' | 'μ' => "$\\mu$",
        'σ' => "$\\sigma$",
        'λ' => "$\\lambda$",
        _ => return None,
    })
}
