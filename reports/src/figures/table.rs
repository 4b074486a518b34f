//! The table as a picture, for slides and for pages that cannot hold a table.

use experiments::schema::report::{FigureSize, TablePicture};
use plotters::element::PathElement;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{FontStyle, RGBColor, TextStyle};

use super::canvas::font;
use super::canvas::picture::{Picture, PictureError, add};
use super::canvas::style::{self, px};
use super::canvas::surface::{Canvas, svg};
use super::canvas::title::{TitleBlock, draw_lines, small_lines};
use super::source::Source;
use crate::comparison::Family;
use crate::files::Files;
use crate::table::{CellText, Table, TableText};

const COLUMN_GAP: f64 = 16.0;
const ROW_HEIGHT: f64 = 20.0;
/// Height of the header's second line.
const UNIT_HEIGHT: f64 = 14.0;
/// Space above and below a rule.
const RULE_PADDING: f64 = 4.0;
/// Minimum width of the picture, so that caption and notes have room.
const MIN_WIDTH: f64 = 360.0;

/// Draws the report's table and its data into `files`. Returns a sentence if there is no table.
pub(super) fn draw(spec: &TablePicture, source: Source, files: &mut Files) -> Vec<String> {
    let Some(mut shown) = source.report.table.clone() else {
        return vec!["the report has no table".to_owned()];
    };
    // The file's notes may be about columns that are not drawn.
    (shown.baseline, shown.notes) = (None, Vec::new());
    if !spec.columns.is_empty() {
        shown.columns.retain(|column| spec.columns.contains(&column.metric));
    }
    let table = Table::new(&shown, source.records, &Family::Columns);
    add(
        source.figure(&spec.name, &spec.title, ""),
        || plot(spec, &table),
        |out| out.write_all(table.csv().as_bytes()),
        files,
    )
}

fn plot(spec: &TablePicture, table: &Table) -> Result<Picture, PictureError> {
    let text = table.text();
    let layout = Layout::new(&spec.title, &table.caption, &text);
    let width = spec.size.map_or(layout.size.0 / style::PX_PER_MM, FigureSize::width);
    Picture::parse(&svg(layout.size, |canvas| layout.draw(canvas, &text))?, width)
}

/// Positions in the layout's pixels.
struct Layout {
    title: TitleBlock,
    /// Right edges of the columns.
    edges: Vec<f64>,
    /// Upper edges of the header, of the rows and of the notes.
    header: f64,
    rows: f64,
    below: f64,
    /// Sentences below the table, wrapped to its width.
    notes: Vec<String>,
    size: (f64, f64),
}

impl Layout {
    fn new(title: &str, caption: &str, text: &TableText) -> Self {
        let mut edge = style::MARGIN;
        let mut edges = Vec::new();
        for column in 0..text.header.len() {
            edge += text.width(column);
            edges.push(edge);
            edge += COLUMN_GAP;
        }
        let width = (edge - COLUMN_GAP + style::MARGIN).max(MIN_WIDTH).ceil();
        let title = TitleBlock::new(title, caption, width);
        let max_width = width - 2.0 * style::MARGIN;
        let notes: Vec<String> = text
            .notes
            .iter()
            .flat_map(|note| font::wrapped(note, max_width, style::TICK_SIZE, FontStyle::Normal))
            .collect();
        let has_units = text.header.iter().any(|[_, unit]| !unit.is_empty());
        let header = title.height() + RULE_PADDING;
        let rows =
            header + ROW_HEIGHT + if has_units { UNIT_HEIGHT } else { 0.0 } + 2.0 * RULE_PADDING;
        let below = rows + ROW_HEIGHT * text.rows.len() as f64 + RULE_PADDING;
        let notes_height = match notes.len() {
            0 => 0.0,
            lines => 8.0 + style::SMALL_LINE * lines as f64,
        };
        let size = (width, (below + notes_height + style::MARGIN).ceil());
        Self { title, edges, header, rows, below, notes, size }
    }

    fn draw(&self, canvas: &Canvas, table: &TableText) -> Result<(), PictureError> {
        let plain = style::text(style::LABEL_SIZE, style::INK);
        let faint = style::text(style::LABEL_SIZE, style::FAINT_INK);
        let bold = style::bold_text(style::LABEL_SIZE, style::INK);
        self.title.draw(canvas)?;
        self.rule(canvas, self.header - RULE_PADDING, style::INK, 1.2)?;
        for (column, [label, unit]) in table.header.iter().enumerate() {
            let at = |line: f64| (self.edges[column], self.header + line);
            text(canvas, label, HPos::Right, &plain, at(ROW_HEIGHT / 2.0))?;
            text(canvas, unit, HPos::Right, &faint, at(ROW_HEIGHT + UNIT_HEIGHT / 2.0 - 3.0))?;
        }
        self.rule(canvas, self.rows - RULE_PADDING, style::AXIS, 0.8)?;
        for (row, cells) in table.rows.iter().enumerate() {
            let y = self.rows + ROW_HEIGHT * (row as f64 + 0.5);
            for (column, cell) in cells.iter().enumerate() {
                if column == 0 {
                    text(canvas, &cell.regular, HPos::Left, &plain, (style::MARGIN, y))?;
                    continue;
                }
                let edge = self.edges[column];
                text(canvas, &cell.regular, HPos::Right, &plain, (edge, y))?;
                let edge = edge - width(&cell.regular, FontStyle::Normal);
                text(canvas, &cell.bold, HPos::Right, &bold, (edge, y))?;
            }
        }
        self.rule(canvas, self.below, style::INK, 1.2)?;
        draw_lines(canvas, small_lines(&self.notes), self.below + 8.0)
    }

    fn rule(
        &self,
        canvas: &Canvas,
        y: f64,
        colour: RGBColor,
        thickness: f64,
    ) -> Result<(), PictureError> {
        let end = self.edges.last().copied().unwrap_or_default();
        let path = vec![(px(style::MARGIN), px(y)), (px(end), px(y))];
        Ok(canvas.draw(&PathElement::new(path, style::stroke(colour, thickness)))?)
    }
}

impl TableText {
    /// Width of a column's widest cell.
    fn width(&self, column: usize) -> f64 {
        let header = self.header[column].iter().map(|text| width(text, FontStyle::Normal));
        let cells = self.rows.iter().map(|row| row[column].width());
        header.chain(cells).fold(0.0, f64::max)
    }
}

impl CellText {
    fn width(&self) -> f64 {
        width(&self.bold, FontStyle::Bold) + width(&self.regular, FontStyle::Normal)
    }
}

fn width(text: &str, font: FontStyle) -> f64 {
    if text.is_empty() { 0.0 } else { font::width(text, style::LABEL_SIZE, font) }
}

/// Draws a text whose left or right edge is at `x`.
fn text(
    canvas: &Canvas,
    text: &str,
    side: HPos,
    style: &TextStyle,
    (x, y): (f64, f64),
) -> Result<(), PictureError> {
    if text.is_empty() {
        return Ok(());
    }
    let style = style.clone().pos(Pos::new(side, VPos::Center));
    Ok(canvas.draw_text(text, &style, (px(x), px(y)))?)
}
