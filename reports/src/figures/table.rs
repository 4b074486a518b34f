//! The table as a picture, for slides and pages that take no table.

use experiments::schema::report::{Report, TablePicture};
use plotters::drawing::IntoDrawingArea as _;
use plotters::element::PathElement;
use plotters::prelude::SVGBackend;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{FontStyle, RGBColor, TextStyle, WHITE};

use super::canvas::font;
use super::canvas::heading::{Canvas, Heading, small, write};
use super::canvas::picture::{Picture, PictureError, add};
use super::canvas::style::{self, px};
use crate::files::Files;
use crate::records::Records;
use crate::table::{Drawn, Table, Words};

/// Between two columns.
const GAP: f64 = 16.0;
const ROW: f64 = 20.0;
/// Of a heading's second line, and of the room around a rule.
const UNIT: f64 = 14.0;
const RULE_ROOM: f64 = 4.0;
/// Text below may not be narrower.
const LEAST_WIDTH: f64 = 360.0;

/// Draws the report's table into `files`; says what is missing.
pub(super) fn draw(
    spec: &TablePicture,
    report: &Report,
    records: &Records,
    files: &mut Files,
) -> Vec<String> {
    let Some(mut shown) = report.table.clone() else {
        return vec!["the report has no table".to_owned()];
    };
    // What the file says below its table may be of columns that are not drawn.
    (shown.baseline, shown.notes) = (None, Vec::new());
    if !spec.columns.is_empty() {
        shown.columns.retain(|column| spec.columns.contains(&column.metric));
    }
    let table = Table::new(&shown, records);
    add(
        &spec.name,
        || plot(&spec.title, &table),
        |out| out.write_all(table.csv().as_bytes()),
        files,
    )
}

fn plot(title: &str, table: &Table) -> Result<Picture, PictureError> {
    let drawn = table.drawn();
    let layout = Layout::new(title, table, &drawn);
    let mut svg = String::new();
    {
        let pixels = (px(layout.size.0).unsigned_abs(), px(layout.size.1).unsigned_abs());
        let canvas = SVGBackend::with_string(&mut svg, pixels).into_drawing_area();
        canvas.fill(&WHITE)?;
        layout.draw(&canvas, &drawn)?;
        canvas.present()?;
    }
    Picture::parse(&style::shrink(&svg, layout.size))
}

/// Places in the layout's pixels.
struct Layout {
    heading: Heading,
    /// Right edges of the columns.
    edges: Vec<f64>,
    /// Where the header, the rows and the notes begin.
    header: f64,
    rows: f64,
    below: f64,
    /// The notes, in lines.
    notes: Vec<String>,
    size: (f64, f64),
}

impl Layout {
    fn new(title: &str, table: &Table, drawn: &Drawn) -> Self {
        let mut edge = style::MARGIN;
        let widths = (0..drawn.header.len()).map(|column| drawn.width(column));
        let edges: Vec<f64> = widths
            .map(|width| {
                edge += width + GAP;
                edge - GAP
            })
            .collect();
        let width = (edge - GAP + style::MARGIN).max(LEAST_WIDTH).ceil();
        let heading = Heading::new(title, &table.caption, width);
        let room = width - 2.0 * style::MARGIN;
        let wrapped =
            |note: &String| font::wrapped(note, room, style::TICK_SIZE, FontStyle::Normal);
        let notes: Vec<String> = drawn.notes.iter().flat_map(wrapped).collect();
        let has_units = drawn.header.iter().any(|[_, unit]| !unit.is_empty());
        let header = heading.height() + RULE_ROOM;
        let rows = header + ROW + if has_units { UNIT } else { 0.0 } + 2.0 * RULE_ROOM;
        let below = rows + ROW * drawn.rows.len() as f64 + RULE_ROOM;
        let room_of_notes = match notes.len() {
            0 => 0.0,
            lines => 8.0 + style::SMALL_LINE * lines as f64,
        };
        let size = (width, (below + room_of_notes + style::MARGIN).ceil());
        Self { heading, edges, header, rows, below, notes, size }
    }

    fn draw(&self, canvas: &Canvas, drawn: &Drawn) -> Result<(), PictureError> {
        let plain = style::text(style::LABEL_SIZE, style::INK);
        let faint = style::text(style::LABEL_SIZE, style::FAINT_INK);
        let bold = style::bold_text(style::LABEL_SIZE, style::INK);
        self.heading.draw(canvas)?;
        self.rule(canvas, self.header - RULE_ROOM, style::INK, 1.2)?;
        for (column, [heading, unit]) in drawn.header.iter().enumerate() {
            let at = |line: f64| (self.edges[column], self.header + line);
            text(canvas, heading, HPos::Right, &plain, at(ROW / 2.0))?;
            text(canvas, unit, HPos::Right, &faint, at(ROW + UNIT / 2.0 - 3.0))?;
        }
        self.rule(canvas, self.rows - RULE_ROOM, style::AXIS, 0.8)?;
        for (row, cells) in drawn.rows.iter().enumerate() {
            let y = self.rows + ROW * (row as f64 + 0.5);
            for (column, words) in cells.iter().enumerate() {
                if column == 0 {
                    text(canvas, &words.plain, HPos::Left, &plain, (style::MARGIN, y))?;
                    continue;
                }
                let edge = self.edges[column];
                text(canvas, &words.plain, HPos::Right, &plain, (edge, y))?;
                let edge = edge - width(&words.plain, FontStyle::Normal);
                text(canvas, &words.bold, HPos::Right, &bold, (edge, y))?;
            }
        }
        self.rule(canvas, self.below, style::INK, 1.2)?;
        write(canvas, small(&self.notes), self.below + 8.0)
    }

    fn rule(
        &self,
        canvas: &Canvas,
        y: f64,
        colour: RGBColor,
        thick: f64,
    ) -> Result<(), PictureError> {
        let end = self.edges.last().copied().unwrap_or_default();
        let path = vec![(px(style::MARGIN), px(y)), (px(end), px(y))];
        Ok(canvas.draw(&PathElement::new(path, style::stroke(colour, thick)))?)
    }
}

impl Drawn {
    /// Of a column's widest cell.
    fn width(&self, column: usize) -> f64 {
        let header = self.header[column].iter().map(|text| width(text, FontStyle::Normal));
        let cells = self.rows.iter().map(|row| row[column].width());
        header.chain(cells).fold(0.0, f64::max)
    }
}

impl Words {
    fn width(&self) -> f64 {
        width(&self.bold, FontStyle::Bold) + width(&self.plain, FontStyle::Normal)
    }
}

fn width(text: &str, font: FontStyle) -> f64 {
    if text.is_empty() { 0.0 } else { font::width(text, style::LABEL_SIZE, font) }
}

/// A text that begins or ends at a place.
fn text(
    canvas: &Canvas,
    text: &str,
    side: HPos,
    look: &TextStyle,
    (x, y): (f64, f64),
) -> Result<(), PictureError> {
    if text.is_empty() {
        return Ok(());
    }
    let look = look.clone().pos(Pos::new(side, VPos::Center));
    Ok(canvas.draw_text(text, &look, (px(x), px(y)))?)
}
