//! A final metric as bars, one per variant, from zero: bars compare by their length.

use experiments::schema::report::Bars;
use plotters::style::Color as _;

use super::canvas::axis::Axis;
use super::canvas::font;
use super::canvas::frame::{self, Frame, Grid, Surround};
use super::canvas::picture::{PictureError, add};
use super::canvas::style::{self, px};
use super::finals::{Final, Measure, facts, label};
use super::source::Source;
use crate::files::Files;
use crate::table::record;

/// Share of a bar's place that it fills.
const THICKNESS: f64 = 0.66;

struct Bar {
    variant: String,
    label: String,
    index: usize,
    value: Final,
    paper: Option<f64>,
    text: String,
}

/// Draws the figure and its data into `files`; says what is missing.
pub(super) fn draw(spec: &Bars, source: Source, files: &mut Files) -> Vec<String> {
    let measure = Measure::new(&spec.metric, source);
    let bars = source.records.select(&spec.variants).filter_map(|variant| {
        let value = measure.of(variant)?;
        let decimals = measure.decimals;
        let mean = format!("{:.decimals$}", value.summary.mean);
        let sd = value.summary.sd.map(|sd| format!(" ± {sd:.decimals$}")).unwrap_or_default();
        Some(Bar {
            variant: variant.name.clone(),
            label: label(variant),
            index: source.index(&variant.name),
            value,
            paper: measure.paper(variant, source),
            text: mean + &sd,
        })
    });
    let bars: Vec<Bar> = bars.collect();
    if bars.is_empty() {
        return vec![format!("no final `{}` yet", spec.metric)];
    }
    let surround = surround(spec, &measure, &bars);
    let draw = |frame: &Frame| {
        bars.iter().enumerate().try_for_each(|(place, bar)| bar.draw(frame, place as f64 + 0.5))
    };
    let picture = || frame::draw(&surround, draw);
    add(&spec.name, picture, |out| out.write_all(csv(&bars).as_bytes()), files)
}

fn surround(spec: &Bars, measure: &Measure, bars: &[Bar]) -> Surround {
    let labels: Vec<String> = bars.iter().map(|bar| bar.label.clone()).collect();
    let mut facts = facts(bars.iter().map(|bar| &bar.value), &labels);
    if bars.iter().any(|bar| bar.paper.is_some()) {
        facts.push("upright line: the paper’s value".to_owned());
    }
    let ends = bars.iter().flat_map(|bar| {
        let (low, high) = bar.value.range;
        [Some(low), Some(high), bar.paper].into_iter().flatten()
    });
    let (low, high) = ends.fold((0f64, 0f64), |(low, high), v| (low.min(v), high.max(v)));
    Surround {
        title: spec.title.clone(),
        subtitle: facts.join(" · "),
        x: (measure.label.clone(), Axis::around(low, high, 5)),
        y: (String::new(), Axis::names(&labels).reversed()),
        grid: Grid::Vertical,
        right: 10.0 + font::widest(bars.iter().map(|b| &b.text), style::LABEL_SIZE) + style::MARGIN,
        height: 110.0 + 24.0 * bars.len() as f64,
    }
}

impl Bar {
    fn draw(&self, frame: &Frame, place: f64) -> Result<(), PictureError> {
        let half = THICKNESS / 2.0;
        let ((zero, top), (end, bottom)) =
            (frame.pixel(0.0, place - half), frame.pixel(self.value.summary.mean, place + half));
        let fill = style::colour(self.index).mix(style::BAR_OPACITY).filled();
        frame.area(vec![(zero, top), (end, top), (end, bottom), (zero, bottom)], fill)?;
        let ink = style::stroke(style::INK, 1.2);
        let middle = frame.pixel(0.0, place).1;
        if self.value.summary.sd.is_some() {
            let (low, high) = self.value.range;
            let (low, high) = (frame.pixel(low, place).0, frame.pixel(high, place).0);
            frame.path(vec![(low, middle), (high, middle)], ink)?;
            for x in [low, high] {
                frame.path(vec![(x, middle - px(3.0)), (x, middle + px(3.0))], ink)?;
            }
        }
        if let Some(paper) = self.paper {
            let x = frame.pixel(paper, place).0;
            let thick = style::stroke(style::INK, 2.2);
            frame.path(vec![(x, top - px(2.0)), (x, bottom + px(2.0))], thick)?;
        }
        frame.text(&self.text, (frame.width().1 + px(10.0), middle), style::INK)
    }
}

fn csv(bars: &[Bar]) -> String {
    let mut text = record(&["variant", "mean", "sd", "n", "paper"].map(str::to_owned));
    let field = |value: Option<f64>| value.map(|v| v.to_string()).unwrap_or_default();
    for bar in bars {
        let summary = bar.value.summary;
        text.push_str(&record(&[
            bar.variant.clone(),
            summary.mean.to_string(),
            field(summary.sd),
            summary.n.to_string(),
            field(bar.paper),
        ]));
    }
    text
}
