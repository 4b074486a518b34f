//! A final metric as bars, one per variant, from zero: bars compare by their length.

use std::io;

use experiments::schema::report::Bars;
use plotters::style::Color as _;

use super::canvas::axis::{Axis, INTERVALS};
use super::canvas::font;
use super::canvas::frame::Frame;
use super::canvas::picture::{Picture, PictureError, add};
use super::canvas::plot::{self, Grid, PlotSpec, RightOfAxes};
use super::canvas::style::{self, px};
use super::final_metric::{FinalMetric, FinalValue, marked_label, seed_notes};
use super::source::Source;
use crate::files::Files;
use crate::statistics::Summary;
use crate::table::optional_number;

/// Thickness of a bar, as a share of the distance between two bars.
const THICKNESS: f64 = 0.66;

struct Bar {
    variant: String,
    label: String,
    style_index: usize,
    value: FinalValue,
    paper: Option<f64>,
    text: String,
}

/// Draws the figure and its data into `files`. Returns a sentence for each thing that is missing.
pub(super) fn draw(spec: &Bars, source: Source, files: &mut Files) -> Vec<String> {
    let metric = FinalMetric::new(&spec.metric, source);
    let bars = source.records.select(&spec.variants).filter_map(|variant| {
        let value = metric.of(variant)?;
        let decimals = metric.decimals.of(value.summary.sd);
        let mean = format!("{:.decimals$}", value.summary.mean);
        let sd = value.summary.sd.map(|sd| metric.decimals.spread_text(sd, decimals));
        let sd = sd.map(|sd| format!(" ± {sd}")).unwrap_or_default();
        Some(Bar {
            variant: variant.name.clone(),
            label: marked_label(variant, &[value]),
            style_index: source.style_index(&variant.name),
            value,
            paper: metric.paper(variant, source),
            text: mean + &sd,
        })
    });
    let bars: Vec<Bar> = bars.collect();
    if bars.is_empty() {
        return vec![format!("no final `{}` yet", spec.metric)];
    }
    let plot = plot_spec(spec, &metric, &bars);
    let file = source.figure(&spec.name, &plot.title, &plot.subtitle);
    add(file, || draw_bars(&plot, &bars), |out| write_csv(&bars, out), files)
}

fn draw_bars(plot: &PlotSpec, bars: &[Bar]) -> Result<Picture, PictureError> {
    plot::draw(plot, |frame| {
        bars.iter().enumerate().try_for_each(|(i, bar)| bar.draw(frame, i as f64 + 0.5))
    })
}

fn plot_spec(spec: &Bars, metric: &FinalMetric, bars: &[Bar]) -> PlotSpec {
    let labels: Vec<String> = bars.iter().map(|bar| bar.label.clone()).collect();
    let mut notes = seed_notes(bars.iter().map(|bar| &bar.value), &labels);
    if bars.iter().any(|bar| bar.paper.is_some()) {
        notes.push("upright line: the paper’s value".to_owned());
    }
    let ends = bars.iter().flat_map(|bar| {
        let (low, high) = bar.value.range;
        [Some(low), Some(high), bar.paper].into_iter().flatten()
    });
    let (low, high) = ends.fold((0f64, 0f64), |(low, high), v| (low.min(v), high.max(v)));
    PlotSpec {
        title: spec.title.clone(),
        subtitle: notes.join(" · "),
        x: (metric.label.clone(), Axis::around(low, high, INTERVALS)),
        y: (String::new(), Axis::names(&labels).reversed()),
        grid: Grid::Vertical,
        right: RightOfAxes::Text(
            10.0 + font::widest(bars.iter().map(|b| &b.text), style::LABEL_SIZE),
        ),
        size: spec.size.unwrap_or_default(),
        height: 110.0 + 24.0 * bars.len() as f64,
    }
}

impl Bar {
    fn draw(&self, frame: &Frame, y: f64) -> Result<(), PictureError> {
        let half = THICKNESS / 2.0;
        let ((zero, top), (end, bottom)) =
            (frame.pixel(0.0, y - half), frame.pixel(self.value.summary.mean, y + half));
        let fill = style::colour(self.style_index).mix(style::BAR_OPACITY).filled();
        frame.area(vec![(zero, top), (end, top), (end, bottom), (zero, bottom)], fill)?;
        let ink = style::stroke(style::INK, 1.2);
        let middle = frame.pixel(0.0, y).1;
        if self.value.summary.sd.is_some() {
            let (low, high) = self.value.range;
            let (low, high) = (frame.pixel(low, y).0, frame.pixel(high, y).0);
            frame.path(vec![(low, middle), (high, middle)], ink)?;
            for x in [low, high] {
                frame.path(vec![(x, middle - px(3.0)), (x, middle + px(3.0))], ink)?;
            }
        }
        if let Some(paper) = self.paper {
            let x = frame.pixel(paper, y).0;
            let thick = style::stroke(style::INK, 2.2);
            frame.path(vec![(x, top - px(2.0)), (x, bottom + px(2.0))], thick)?;
        }
        frame.text(&self.text, (frame.width().1 + px(10.0), middle), style::INK)
    }
}

fn write_csv(bars: &[Bar], out: &mut dyn io::Write) -> io::Result<()> {
    let mut out = csv::Writer::from_writer(out);
    out.write_record(["variant", "mean", "sd", "n", "paper"])?;
    for bar in bars {
        let Summary { n, mean, sd } = bar.value.summary;
        let (mean, n) = (mean.to_string(), n.to_string());
        out.write_record([
            &bar.variant,
            &mean,
            &optional_number(sd),
            &n,
            &optional_number(bar.paper),
        ])?;
    }
    out.flush()
}
