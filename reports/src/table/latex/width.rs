//! Widths of text in TeX's own font, so that a table fits before TeX has seen it.

/// Size of the text of tables, in points; set as such, since `\\footnotesize` differs between classes.
pub(super) const SIZE: f64 = 8.0;
/// Line height of that text, in points.
pub(super) const LINE: f64 = 9.5;

/// Widths of the printable ASCII characters in Computer Modern Roman at 8 points (`cmr8.tfm`), in thousandths of
/// the size. The fonts that papers are set in, such as Times, are narrower.
const ASCII: [u16; 95] = [
    354, 295, 531, 885, 531, 885, 826, 295, 413, 413, 531, 826, 295, 354, 295, 531, 531, 531, 531,
    531, 531, 531, 531, 531, 531, 531, 295, 295, 826, 826, 826, 502, 826, 796, 752, 767, 811, 723,
    693, 834, 796, 383, 545, 825, 664, 973, 796, 826, 723, 826, 782, 590, 767, 796, 796, 1091, 796,
    796, 649, 295, 531, 295, 826, 826, 295, 531, 590, 472, 590, 472, 325, 531, 590, 295, 325, 561,
    295, 885, 590, 531, 590, 561, 414, 419, 413, 590, 561, 767, 561, 561, 472, 531, 295, 531, 531,
];
/// Width of any other character: no arrow and no sign that tables use is wider.
const OTHER: u16 = 1063;
/// The bold font (`cmbx8.tfm`) is wider by this factor.
const BOLD: f64 = 1.2;

/// Width of `text` in points.
pub(super) fn regular(text: &str) -> f64 {
    let thousandths = |c: char| {
        let index = (c as usize).checked_sub(0x20);
        f64::from(index.and_then(|index| ASCII.get(index)).copied().unwrap_or(OTHER))
    };
    text.chars().map(thousandths).sum::<f64>() * SIZE / 1000.0
}

/// Width of bold `text` in points.
pub(super) fn bold(text: &str) -> f64 {
    regular(text) * BOLD
}
