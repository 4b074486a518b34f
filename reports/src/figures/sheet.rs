//! A sheet of images: which artifacts stand in which row, and their drawing.

use std::path::Path;

use experiments::report::{Images, Place};
use plotters::drawing::IntoDrawingArea as _;
use plotters::element::Rectangle;
use plotters::prelude::SVGBackend;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color as _, FontStyle, WHITE};
use resvg::tiny_skia::{FilterQuality, Pixmap, PixmapPaint, Transform};

use super::font;
use super::picture::{Picture, PictureError, ZOOM, png};
use super::style::{self, px};
use crate::files::Files;
use crate::records::{Artifact, Records, Trial};

/// One row of pictures.
struct Row<'a> {
    label: String,
    artifacts: Vec<&'a Artifact>,
}

/// What a sheet shows; a cell is empty where a row lacks the item.
struct Sheet {
    title: String,
    rows: Vec<(String, Vec<Option<Pixmap>>)>,
}

/// Draws the sheet into `files`; says what is missing.
pub(super) fn draw(spec: &Images, records: &Records, files: &mut Files) -> Vec<String> {
    let mut problems = Vec::new();
    let rows = rows(spec, records, &mut problems);
    let items = items(&rows, spec.items);
    if items.is_empty() {
        return problems;
    }
    let mut sheet = Sheet { title: spec.title.clone(), rows: Vec::new() };
    for row in &rows {
        let cells = items.iter().map(|item| {
            let artifact = row.artifacts.iter().find(|a| a.item.as_deref() == *item)?;
            load(&artifact.path).map_err(|problem| problems.push(problem)).ok()
        });
        let cells = cells.collect();
        sheet.rows.push((row.label.clone(), cells));
    }
    match sheet.png() {
        Ok(png) => files.add(format!("figures/{}.png", spec.name), png),
        Err(e) => problems.push(e.to_string()),
    }
    problems
}

/// The rows that have pictures, top to bottom; none without a variant's. What the file names and
/// is not there is a problem.
fn rows<'a>(spec: &'a Images, records: &'a Records, problems: &mut Vec<String>) -> Vec<Row<'a>> {
    let shared = |(name, label): (&'a String, &'a String)| {
        let trials = records.variants.iter().flat_map(|v| &v.trials);
        (label.clone(), name.as_str(), of_first(trials, name, None))
    };
    let mut variants = Vec::new();
    for variant in records.select(&spec.variants) {
        let last = spec.steps.is_empty().then_some(None);
        for place in last.into_iter().chain(spec.steps.iter().copied().map(Some)) {
            let artifacts = of_first(variant.trials.iter(), &spec.artifact, place);
            let label = match (place, artifacts.first()) {
                (None, _) => variant.label.clone(),
                (Some(_), Some(shown)) => format!("{}, step {}", variant.label, shown.step),
                (Some(Place::Step(step)), None) => format!("{}, step {step}", variant.label),
                (Some(Place::Share(share)), None) => {
                    format!("{}, at {} %", variant.label, share * 100.0)
                }
            };
            variants.push((label, spec.artifact.as_str(), artifacts));
        }
    }
    if variants.iter().all(|(_, _, artifacts)| artifacts.is_empty()) {
        problems.push(format!("no image `{}` yet", spec.artifact));
        return Vec::new();
    }
    if spec.variants.is_empty() {
        variants.retain(|(_, _, artifacts)| !artifacts.is_empty());
    }
    let (above, below) = (spec.above.iter().map(shared), spec.below.iter().map(shared));
    let mut rows = Vec::new();
    for (label, name, artifacts) in above.chain(variants).chain(below) {
        if artifacts.is_empty() {
            problems.push(format!("no image `{name}` for the row `{label}` yet"));
        } else {
            rows.push(Row { label, artifacts });
        }
    }
    rows
}

/// The artifacts of that name at `place`, or of the last step only, of the first trial that has any.
fn of_first<'a>(
    trials: impl Iterator<Item = &'a Trial>,
    name: &str,
    place: Option<Place>,
) -> Vec<&'a Artifact> {
    let named = |t: &'a Trial| t.artifacts.iter().filter(|a| a.name == name).collect::<Vec<_>>();
    let at_place = |mut artifacts: Vec<&'a Artifact>| {
        let last = artifacts.iter().map(|a| a.step).max();
        let until = match place {
            Some(Place::Share(share)) => share * last.unwrap_or_default() as f64,
            Some(Place::Step(_)) | None => f64::INFINITY,
        };
        let reached = artifacts.iter().map(|a| a.step).filter(|step| *step as f64 <= until);
        let step = if let Some(Place::Step(step)) = place { Some(step) } else { reached.max() };
        artifacts.retain(|a| Some(a.step) == step);
        artifacts
    };
    trials.map(named).map(at_place).find(|found| !found.is_empty()).unwrap_or_default()
}

/// The first `most` items, in the order in which they come up.
fn items<'a>(rows: &[Row<'a>], most: usize) -> Vec<Option<&'a str>> {
    let mut items = Vec::new();
    for artifact in rows.iter().flat_map(|row| &row.artifacts) {
        let item = artifact.item.as_deref();
        if !items.contains(&item) && items.len() < most {
            items.push(item);
        }
    }
    items
}

fn load(path: &Path) -> Result<Pixmap, String> {
    let bytes = fs_err::read(path).map_err(|e| e.to_string())?;
    Pixmap::decode_png(&bytes).map_err(|e| format!("`{}` is not a PNG: {e}", path.display()))
}

impl Sheet {
    /// Text by resvg, images enlarged by whole factors: every pixel of theirs is a square.
    fn png(&self) -> Result<Vec<u8>, PictureError> {
        let images = || self.rows.iter().flat_map(|(_, cells)| cells.iter().flatten());
        let side = |least: u32| {
            let least_shown = style::CELL as u32 * ZOOM;
            least * least_shown.div_ceil(least.max(1)).max(1)
        };
        let cell = (
            side(images().map(Pixmap::width).max().unwrap_or(1)),
            side(images().map(Pixmap::height).max().unwrap_or(1)),
        );
        let layout = Layout::new(self, cell);
        let mut pixmap = layout.text(self)?.pixmap()?;
        for (row, (_, cells)) in self.rows.iter().enumerate() {
            for (column, image) in cells.iter().enumerate() {
                let corner = layout.corner(row, column);
                if let Some(image) = image {
                    enlarge(image, cell, corner, &mut pixmap);
                }
            }
        }
        png(&pixmap)
    }
}

/// Draws `image` into the middle of the cell with that corner, in the picture's pixels.
fn enlarge(image: &Pixmap, cell: (u32, u32), corner: (f64, f64), onto: &mut Pixmap) {
    let factor = (cell.0 / image.width()).min(cell.1 / image.height()).max(1);
    let inset = |room: u32, size: u32| f64::from(room.saturating_sub(size * factor) / 2);
    let x = corner.0 * f64::from(ZOOM) + inset(cell.0, image.width());
    let y = corner.1 * f64::from(ZOOM) + inset(cell.1, image.height());
    let paint = PixmapPaint { quality: FilterQuality::Nearest, ..PixmapPaint::default() };
    let place = Transform::from_row(factor as f32, 0.0, 0.0, factor as f32, x as f32, y as f32);
    onto.draw_pixmap(0, 0, image.as_ref(), &paint, place, None);
}

/// Places in the layout's pixels.
struct Layout {
    left: f64,
    top: f64,
    cell: (f64, f64),
    size: (f64, f64),
}

impl Layout {
    fn new(sheet: &Sheet, cell: (u32, u32)) -> Self {
        let margin = style::MARGIN;
        let labels = sheet.rows.iter().map(|(label, _)| label);
        let widest = labels
            .map(|label| font::width(label, style::LABEL_SIZE, FontStyle::Normal))
            .fold(0.0, f64::max);
        let left = (margin + widest + 10.0).ceil();
        let top = if sheet.title.is_empty() { margin } else { margin + 26.0 };
        let cell = (f64::from(cell.0) / f64::from(ZOOM), f64::from(cell.1) / f64::from(ZOOM));
        let columns = sheet.rows.first().map_or(0, |(_, cells)| cells.len());
        let end = |start: f64, count: usize, side: f64| {
            (start + count as f64 * (side + style::CELL_GAP) - style::CELL_GAP + margin).ceil()
        };
        let title = font::width(&sheet.title, style::TITLE_SIZE, FontStyle::Bold);
        let width = end(left, columns, cell.0).max((left + title + margin).ceil());
        Self { left, top, cell, size: (width, end(top, sheet.rows.len(), cell.1)) }
    }

    fn corner(&self, row: usize, column: usize) -> (f64, f64) {
        let x = self.left + column as f64 * (self.cell.0 + style::CELL_GAP);
        (x, self.top + row as f64 * (self.cell.1 + style::CELL_GAP))
    }

    /// Title, row labels and empty cells.
    fn text(&self, sheet: &Sheet) -> Result<Picture, PictureError> {
        let mut svg = String::new();
        {
            let size = (px(self.size.0).unsigned_abs(), px(self.size.1).unsigned_abs());
            let canvas = SVGBackend::with_string(&mut svg, size).into_drawing_area();
            canvas.fill(&WHITE)?;
            let title = style::bold_text(style::TITLE_SIZE, style::INK);
            canvas.draw_text(&sheet.title, &title, (px(self.left), px(style::MARGIN + 8.0)))?;
            let style =
                style::text(style::LABEL_SIZE, style::INK).pos(Pos::new(HPos::Right, VPos::Center));
            for (row, (label, cells)) in sheet.rows.iter().enumerate() {
                let middle = self.corner(row, 0).1 + self.cell.1 / 2.0;
                canvas.draw_text(label, &style, (px(self.left - 10.0), px(middle)))?;
                for (column, _) in cells.iter().enumerate().filter(|(_, cell)| cell.is_none()) {
                    let (x, y) = self.corner(row, column);
                    let end = (px(x + self.cell.0), px(y + self.cell.1));
                    canvas
                        .draw(&Rectangle::new([(px(x), px(y)), end], style::EMPTY_CELL.filled()))?;
                }
            }
            canvas.present()?;
        }
        Picture::parse(&style::shrink(&svg, self.size))
    }
}
