//! A sheet of images: the artifacts of every row, their drawing, and the same as CSV.

use std::io;
use std::path::PathBuf;

use experiments::schema::report::{FigureSize, Images};
use experiments::schema::step::StepSelector;
use plotters::element::Rectangle;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color as _, FontStyle};

use super::canvas::font;
use super::canvas::picture::{Picture, PictureError, ZOOM, add};
use super::canvas::style::{self, px};
use super::canvas::surface::{self, Canvas};
use super::sheet_image::SheetImage;
use super::source::Source;
use crate::files::Files;
use crate::records::{Artifact, Records, Trial};
use crate::table::text_field;

/// One row of pictures, all of one trial.
struct Row<'a> {
    label: String,
    trial: &'a str,
    artifacts: Vec<&'a Artifact>,
}

impl Row<'_> {
    fn artifact(&self, item: Option<&str>) -> Option<&Artifact> {
        self.artifacts.iter().find(|artifact| artifact.item.as_deref() == item).copied()
    }
}

/// A sheet as it is drawn.
struct Sheet<'a> {
    title: &'a str,
    rows: &'a [Row<'a>],
    /// By row and column; None where a row lacks the item.
    cells: Vec<Vec<Option<SheetImage<'a>>>>,
    size: Option<FigureSize>,
}

/// Draws the sheet and its data into `files`. Returns a sentence for each thing that is missing.
pub(super) fn draw(spec: &Images, source: Source, files: &mut Files) -> Vec<String> {
    let mut problems = Vec::new();
    let rows = rows(spec, source.records, &mut problems);
    let items = items(&rows, spec.items);
    if items.is_empty() {
        return problems;
    }
    let cells = rows.iter().map(|row| {
        let cells = items.iter().map(|item| {
            let artifact = row.artifact(*item)?;
            SheetImage::load(artifact).map_err(|problem| problems.push(problem)).ok()
        });
        cells.collect()
    });
    let cells = cells.collect();
    let sheet = Sheet { title: &spec.title, rows: &rows, cells, size: spec.size };
    let file = source.figure(&spec.name, &spec.title, "");
    problems.extend(add(file, || sheet.picture(), |out| sheet.write_csv(out), files));
    problems
}

/// The files of the images that the sheet shows.
pub(super) fn shown_images(spec: &Images, records: &Records) -> Vec<PathBuf> {
    let rows = rows(spec, records, &mut Vec::new());
    let items = items(&rows, spec.items);
    let cells = rows.iter().flat_map(|row| items.iter().map(move |item| row.artifact(*item)));
    cells.flatten().map(|artifact| artifact.path.clone()).collect()
}

/// The rows that have images, top to bottom; empty unless some variant has one. Rows that the file
/// names and that have none are problems.
fn rows<'a>(spec: &'a Images, records: &'a Records, problems: &mut Vec<String>) -> Vec<Row<'a>> {
    let shared = |(name, label): (&'a String, &'a String)| {
        let trials = records.variants.iter().flat_map(|v| &v.trials);
        (label.clone(), name.as_str(), first_with_artifacts(trials, name, None))
    };
    let mut variants = Vec::new();
    for variant in records.select(&spec.variants) {
        let last = spec.steps.is_empty().then_some(None);
        for step in last.into_iter().chain(spec.steps.iter().copied().map(Some)) {
            let found = first_with_artifacts(variant.trials.iter(), &spec.artifact, step);
            let shown = found.as_ref().and_then(|(_, artifacts)| artifacts.first());
            let label = match (step, shown) {
                (None, _) => variant.label.clone(),
                (Some(_), Some(shown)) => format!("{}, step {}", variant.label, shown.step),
                (Some(StepSelector::Step(step)), None) => format!("{}, step {step}", variant.label),
                (Some(StepSelector::Share(share)), None) => {
                    format!("{}, at {} %", variant.label, share * 100.0)
                }
            };
            variants.push((label, spec.artifact.as_str(), found));
        }
    }
    if variants.iter().all(|(_, _, found)| found.is_none()) {
        problems.push(format!("no image `{}` yet", spec.artifact));
        return Vec::new();
    }
    if spec.variants.is_empty() {
        variants.retain(|(_, _, found)| found.is_some());
    }
    let (above, below) = (spec.above.iter().map(shared), spec.below.iter().map(shared));
    let mut rows = Vec::new();
    for (label, name, found) in above.chain(variants).chain(below) {
        match found {
            Some((trial, artifacts)) => rows.push(Row { label, trial, artifacts }),
            None => problems.push(format!("no image `{name}` for the row `{label}` yet")),
        }
    }
    rows
}

/// The first trial that has artifacts of that name, and those of one step: the selected one, or the
/// last.
fn first_with_artifacts<'a>(
    mut trials: impl Iterator<Item = &'a Trial>,
    name: &str,
    selector: Option<StepSelector>,
) -> Option<(&'a str, Vec<&'a Artifact>)> {
    trials.find_map(|trial| {
        let named = trial.artifacts.iter().filter(|a| a.name == name);
        let step = select_step(named.clone().map(|a| a.step), selector)?;
        let artifacts: Vec<&Artifact> = named.filter(|a| a.step == step).collect();
        (!artifacts.is_empty()).then_some((trial.id.as_str(), artifacts))
    })
}

/// The step that `selector` means among `steps`: of a share, the last step up to that share of the
/// highest one.
fn select_step(
    steps: impl Iterator<Item = u64> + Clone,
    selector: Option<StepSelector>,
) -> Option<u64> {
    match selector {
        None => steps.max(),
        Some(StepSelector::Step(step)) => Some(step),
        Some(StepSelector::Share(share)) => {
            let until = share * steps.clone().max()? as f64;
            steps.filter(|step| *step as f64 <= until).max()
        }
    }
}

/// The first `limit` items, in the order of the artifacts.
fn items<'a>(rows: &[Row<'a>], limit: usize) -> Vec<Option<&'a str>> {
    let mut items = Vec::new();
    for artifact in rows.iter().flat_map(|row| &row.artifacts) {
        let item = artifact.item.as_deref();
        if !items.contains(&item) && items.len() < limit {
            items.push(item);
        }
    }
    items
}

impl Sheet<'_> {
    /// Images are enlarged by whole factors: every pixel of theirs is a square.
    fn picture(&self) -> Result<Picture, PictureError> {
        let images = || self.cells.iter().flatten().flatten();
        let side = |pixels: u32| {
            let min_side = style::CELL as u32 * ZOOM;
            pixels * min_side.div_ceil(pixels.max(1)).max(1)
        };
        let cell = (
            side(images().map(|image| image.size.0).max().unwrap_or(1)),
            side(images().map(|image| image.size.1).max().unwrap_or(1)),
        );
        let layout = Layout::new(self, cell);
        let mut svg = surface::svg(layout.size, |canvas| layout.draw(self, canvas))?;
        let end = svg.rfind("</svg>").unwrap_or(svg.len());
        let tail = svg.split_off(end);
        for (row, cells) in self.cells.iter().enumerate() {
            for (column, image) in cells.iter().enumerate() {
                let corner = layout.corner(row, column);
                svg.extend(image.as_ref().map(|image| enlarged(image, cell, corner)));
            }
        }
        let width = self.size.map_or(layout.size.0 / style::PX_PER_MM, FigureSize::width);
        Picture::parse(&(svg + &tail), width)
    }

    /// One line per image, by row and column.
    fn write_csv(&self, out: &mut dyn io::Write) -> io::Result<()> {
        let mut out = csv::Writer::from_writer(out);
        out.write_record(["row", "trial", "artifact", "item", "step"])?;
        for (row, cells) in self.rows.iter().zip(&self.cells) {
            for SheetImage { artifact, .. } in cells.iter().flatten() {
                let Artifact { name, item, step, .. } = artifact;
                let texts = [&row.label, row.trial, name, item.as_deref().unwrap_or_default()];
                let texts = texts.map(text_field);
                let step = step.to_string();
                out.write_record(texts.iter().map(AsRef::as_ref).chain([step.as_str()]))?;
            }
        }
        out.flush()
    }
}

/// `image` centred in the cell at `corner`, enlarged by a whole factor. `cell` is in the PNG's
/// pixels, the corner in the layout's.
fn enlarged(image: &SheetImage, cell: (u32, u32), corner: (f64, f64)) -> String {
    let (width, height) = image.size;
    let factor = (cell.0 / width).min(cell.1 / height).max(1);
    let layout = |pixels: u32| f64::from(pixels) / f64::from(ZOOM);
    let inset = |side: u32, size: u32| layout(side.saturating_sub(size * factor) / 2);
    let (x, y) = (corner.0 + inset(cell.0, width), corner.1 + inset(cell.1, height));
    format!(
        "<image x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" style=\"image-rendering:pixelated\" \
         href=\"{}\"/>\n",
        px(x),
        px(y),
        px(layout(width * factor)),
        px(layout(height * factor)),
        image.data_url()
    )
}

/// Positions in the layout's pixels.
struct Layout {
    left: f64,
    top: f64,
    cell: (f64, f64),
    size: (f64, f64),
}

impl Layout {
    fn new(sheet: &Sheet, cell: (u32, u32)) -> Self {
        let margin = style::MARGIN;
        let widest = font::widest(sheet.rows.iter().map(|row| &row.label), style::LABEL_SIZE);
        let left = (margin + widest + 10.0).ceil();
        let top = if sheet.title.is_empty() { margin } else { margin + 26.0 };
        let cell = (f64::from(cell.0) / f64::from(ZOOM), f64::from(cell.1) / f64::from(ZOOM));
        let columns = sheet.cells.first().map_or(0, Vec::len);
        let end = |start: f64, count: usize, side: f64| {
            (start + count as f64 * (side + style::CELL_GAP) - style::CELL_GAP + margin).ceil()
        };
        let title = font::width(sheet.title, style::TITLE_SIZE, FontStyle::Bold);
        let width = end(left, columns, cell.0).max((left + title + margin).ceil());
        Self { left, top, cell, size: (width, end(top, sheet.rows.len(), cell.1)) }
    }

    fn corner(&self, row: usize, column: usize) -> (f64, f64) {
        let x = self.left + column as f64 * (self.cell.0 + style::CELL_GAP);
        (x, self.top + row as f64 * (self.cell.1 + style::CELL_GAP))
    }

    /// Draws title, row labels and empty cells.
    fn draw(&self, sheet: &Sheet, canvas: &Canvas) -> Result<(), PictureError> {
        let title = style::bold_text(style::TITLE_SIZE, style::INK);
        canvas.draw_text(sheet.title, &title, (px(self.left), px(style::MARGIN + 8.0)))?;
        let right = Pos::new(HPos::Right, VPos::Center);
        let style = style::text(style::LABEL_SIZE, style::INK).pos(right);
        for (row, (Row { label, .. }, cells)) in sheet.rows.iter().zip(&sheet.cells).enumerate() {
            let middle = self.corner(row, 0).1 + self.cell.1 / 2.0;
            canvas.draw_text(label, &style, (px(self.left - 10.0), px(middle)))?;
            for (column, _) in cells.iter().enumerate().filter(|(_, cell)| cell.is_none()) {
                let (x, y) = self.corner(row, column);
                let corners = [(px(x), px(y)), (px(x + self.cell.0), px(y + self.cell.1))];
                canvas.draw(&Rectangle::new(corners, style::EMPTY_CELL.filled()))?;
            }
        }
        Ok(())
    }
}
