//! The style of every figure: sizes, colours, markers. Lengths are pixels of the layout; [`px`]
//! turns them into the finer units that plotters draws in, because it only knows whole ones.

use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color as _, FontStyle, IntoFont as _, RGBColor, ShapeStyle, TextStyle};

use super::font;

/// Plotters' pixels per pixel of the layout.
const SCALE: f64 = 8.0;

/// A plot as wide as a paper's column, 84 mm, where its smallest text is 5.9 points high.
pub(crate) const PLOT_SIZE: (f64, f64) = (460.0, 310.0);
/// Pixels of the layout per millimeter on paper: a plot is a column, 84 mm wide.
pub(crate) const PX_PER_MM: f64 = PLOT_SIZE.0 / 84.0;
/// Minimum width of the axes; labels too long for that make all of the picture smaller on paper.
pub(crate) const MIN_AXES_WIDTH: f64 = 220.0;
/// Minimum height of axes that have no labels beside them.
pub(crate) const MIN_AXES_HEIGHT: f64 = 120.0;
pub(crate) const MARGIN: f64 = 12.0;
pub(crate) const LINE_WIDTH: f64 = 1.8;
pub(crate) const MARKER_RADIUS: f64 = 3.2;
/// Minimum height of a row of a sheet.
pub(crate) const CELL: f64 = 96.0;
pub(crate) const CELL_GAP: f64 = 3.0;

pub(crate) const TITLE_SIZE: f64 = 15.0;
pub(crate) const LABEL_SIZE: f64 = 12.5;
/// Line height of text of [`LABEL_SIZE`].
pub(crate) const LABEL_LINE: f64 = LABEL_SIZE * 1.35;
pub(crate) const TICK_SIZE: f64 = 11.5;
/// Line height of text of [`TICK_SIZE`].
pub(crate) const SMALL_LINE: f64 = 15.0;

pub(crate) const INK: RGBColor = RGBColor(0x22, 0x22, 0x22);
pub(crate) const FAINT_INK: RGBColor = RGBColor(0x66, 0x66, 0x66);
pub(crate) const AXIS: RGBColor = RGBColor(0x99, 0x99, 0x99);
pub(crate) const GRID: RGBColor = RGBColor(0xe6, 0xe6, 0xe6);
pub(crate) const EMPTY_CELL: RGBColor = RGBColor(0xf0, 0xf0, 0xf0);
pub(crate) const BAND_OPACITY: f64 = 0.15;
pub(crate) const BAR_OPACITY: f64 = 0.75;
/// Opacity of the recorded points behind a smoothed line.
pub(crate) const RAW_OPACITY: f64 = 0.35;

/// Okabe and Ito's colours, which the colour-blind can tell apart, without the yellow, which is
/// too light for a line; orange a little darker, and a grey besides.
const COLOURS: [RGBColor; 8] = [
    RGBColor(0x00, 0x72, 0xb2),
    RGBColor(0xd5, 0x5e, 0x00),
    RGBColor(0x00, 0x9e, 0x73),
    RGBColor(0xcc, 0x79, 0xa7),
    RGBColor(0xdb, 0x94, 0x00),
    RGBColor(0x56, 0xb4, 0xe9),
    INK,
    RGBColor(0x7a, 0x7a, 0x7a),
];

/// Lengths of a line's dashes and of the gaps between them; None for a solid line.
const DASHES: [Option<(f64, f64)>; 3] = [None, Some((7.0, 3.5)), Some((1.8, 2.6))];

/// The count of lines that can be told apart by colour and dashes.
pub(crate) const LINE_STYLES: usize = COLOURS.len() * DASHES.len();

/// Colour of the variant at `index`.
pub(crate) fn colour(index: usize) -> RGBColor {
    COLOURS[index % COLOURS.len()]
}

/// Lengths of dashes and gaps of the line of the variant at `index`; None if it is solid. All colours
/// are solid before the first is dashed.
pub(crate) fn dashes(index: usize) -> Option<(f64, f64)> {
    DASHES[index / COLOURS.len() % DASHES.len()]
}

/// Outline of the marker of the variant at `index`, around the origin, for a radius of 1 and of
/// about equal area. As many shapes as colours, so that as many can be told apart in grey; the next ones
/// have the same colours with other shapes.
pub(crate) fn marker(index: usize) -> Vec<(f64, f64)> {
    let half_turn = std::f64::consts::PI;
    match (index + index / COLOURS.len()) % COLOURS.len() {
        0 => polygon(32, 1.0, 0.0),
        1 => polygon(4, 1.25, half_turn / 4.0),
        2 => polygon(3, 1.45, 0.0),
        3 => polygon(4, 1.3, 0.0),
        4 => polygon(3, 1.45, half_turn),
        5 => cross(half_turn / 4.0),
        6 => cross(0.0),
        _ => vec![(-0.65, -1.4), (0.65, -1.4), (0.65, 1.4), (-0.65, 1.4)],
    }
}

/// Corners at `radius`, the first `turn` from the top.
fn polygon(corners: u32, radius: f64, turn: f64) -> Vec<(f64, f64)> {
    let angle = |i| turn + std::f64::consts::TAU * f64::from(i) / f64::from(corners);
    (0..corners).map(|i| (radius * angle(i).sin(), -radius * angle(i).cos())).collect()
}

/// A plus sign, turned.
fn cross(turn: f64) -> Vec<(f64, f64)> {
    let (length, half) = (1.4, 0.5);
    let arm = [(-half, -half), (-half, -length), (half, -length)];
    let mut corners = Vec::new();
    for i in 0..4 {
        let angle = turn + std::f64::consts::FRAC_PI_2 * f64::from(i);
        let (sin, cos) = (angle.sin(), angle.cos());
        corners.extend(arm.map(|(x, y)| (x * cos - y * sin, x * sin + y * cos)));
    }
    corners
}

/// Plotters' pixels for a length of the layout.
pub(crate) fn px(length: f64) -> i32 {
    (length * SCALE).round() as i32
}

/// A line of the layout's `width`.
pub(crate) fn stroke(colour: RGBColor, width: f64) -> ShapeStyle {
    colour.stroke_width(px(width).unsigned_abs())
}

/// Text of `size` pixels to the em, set from its left edge and its middle.
pub(crate) fn text(size: f64, colour: RGBColor) -> TextStyle<'static> {
    styled(size, FontStyle::Normal, colour)
}

/// As [`text`], for titles.
pub(crate) fn bold_text(size: f64, colour: RGBColor) -> TextStyle<'static> {
    styled(size, FontStyle::Bold, colour)
}

fn styled(size: f64, style: FontStyle, colour: RGBColor) -> TextStyle<'static> {
    font::register();
    let font = (font::FAMILY, f64::from(px(size)) * font::SIZE_PER_EM, style).into_font();
    TextStyle { font, color: colour.to_backend_color(), pos: Pos::new(HPos::Left, VPos::Center) }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_style_of_a_line_is_another_colour_or_other_dashes() {
        let styles = (0..LINE_STYLES).map(|index| {
            let RGBColor(red, green, blue) = colour(index);
            format!("{red} {green} {blue} {:?}", dashes(index))
        });
        assert_eq!(styles.collect::<BTreeSet<_>>().len(), LINE_STYLES);
        assert!((0..8).all(|index| dashes(index).is_none()));
    }

    #[test]
    fn every_marker_is_another_shape_or_colour() {
        let count = COLOURS.len() * COLOURS.len();
        let markers = (0..count).map(|index| format!("{:?} {:?}", colour(index), marker(index)));
        assert_eq!(markers.collect::<BTreeSet<_>>().len(), count);
    }
}
