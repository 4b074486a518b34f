//! Variants × seeds: a cell for each trial, and the selection that moves from cell to cell.

use std::collections::{BTreeMap, BTreeSet};

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use unicode_width::UnicodeWidthStr;

use super::colours::{Colours, FAINT, STRONG};
use super::model::TrialEntry;
use crate::display::table::shortened;
use experiments::protocol::trial_id::TrialId;

/// The trials by variant, in the file's order, and seed.
#[derive(Debug, Default)]
pub(super) struct Matrix {
    variants: Vec<String>,
    seeds: Vec<u64>,
    /// Positions of the trials by row and column.
    cells: BTreeMap<(usize, usize), usize>,
    /// Row and column.
    selected: (usize, usize),
    /// The row and the column that are drawn first.
    scrolled: (usize, usize),
}

/// A step of the selection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Move {
    Rows(isize),
    Columns(isize),
    FirstRow,
    LastRow,
}

impl Matrix {
    /// Takes in the trials; the selection stays with its trial, or with its place. While it `follows`, it goes on
    /// from a trial that does not run to the first one that does.
    pub(super) fn update(
        &mut self,
        trials: &[TrialEntry],
        before: Option<&TrialId>,
        follows: bool,
    ) {
        let mut rows = BTreeMap::new();
        let mut variants = Vec::new();
        for trial in trials {
            rows.entry(&trial.variant).or_insert_with(|| {
                variants.push(trial.variant.clone());
                variants.len() - 1
            });
        }
        let seeds: BTreeSet<_> = trials.iter().map(|trial| trial.seed).collect();
        let columns: BTreeMap<_, _> =
            seeds.iter().enumerate().map(|(at, seed)| (*seed, at)).collect();
        let cells = trials.iter().enumerate();
        let place = |trial: &TrialEntry| (rows[&trial.variant], columns[&trial.seed]);
        self.cells = cells.map(|(at, trial)| (place(trial), at)).collect();
        let same = trials.iter().find(|trial| Some(&trial.id) == before);
        let is_running = |trial: &&TrialEntry| trial.state == "running";
        let next = if follows && !same.as_ref().is_some_and(is_running) {
            trials.iter().find(is_running)
        } else {
            None
        };
        if let Some(trial) = next.or(same) {
            self.selected = place(trial);
        }
        (self.seeds, self.variants) = (seeds.into_iter().collect(), variants);
        self.move_by(Move::Rows(0));
        self.move_by(Move::Columns(0));
    }

    /// The position of the selected trial; `None` if the variant does not have that seed.
    pub(super) fn selected(&self) -> Option<usize> {
        self.cells.get(&self.selected).copied()
    }

    pub(super) fn move_by(&mut self, step: Move) {
        let (row, column) = &mut self.selected;
        let last = |names: usize| names.saturating_sub(1);
        match step {
            Move::Rows(by) => *row = row.saturating_add_signed(by).min(last(self.variants.len())),
            Move::Columns(by) => {
                *column = column.saturating_add_signed(by).min(last(self.seeds.len()));
            }
            Move::FirstRow => *row = 0,
            Move::LastRow => *row = last(self.variants.len()),
        }
    }

    /// The lines that all of it takes.
    pub(super) fn height(&self) -> u16 {
        u16::try_from(self.variants.len() + 1).unwrap_or(u16::MAX)
    }

    /// The columns that all of it takes.
    pub(super) fn width(&self) -> u16 {
        u16::try_from(self.longest_name() + 1 + self.seeds.len() * self.cell_width())
            .unwrap_or(u16::MAX)
    }

    fn longest_name(&self) -> usize {
        self.variants.iter().map(|name| name.width()).max().unwrap_or(0)
    }

    fn cell_width(&self) -> usize {
        self.seeds.last().map_or(1, |seed| seed.to_string().len()) + 1
    }

    /// Draws what fits into `area`, around the selection.
    pub(super) fn draw(
        &mut self,
        trials: &[TrialEntry],
        area: Rect,
        buffer: &mut Buffer,
        colours: Colours,
    ) {
        if area.height < 2 || area.width < 4 {
            return;
        }
        let (width, longest) = (self.cell_width(), self.longest_name());
        // The seeds have half of the width, if they need it.
        let (all, wanted) = (usize::from(area.width), self.seeds.len() * width + 1);
        let names = longest.min(all.saturating_sub(wanted).max(all / 2));
        let columns = (all - names).saturating_sub(1) / width;
        let rows = usize::from(area.height) - 1;
        self.scrolled.0 = scrolled(self.scrolled.0, self.selected.0, rows, self.variants.len());
        self.scrolled.1 = scrolled(self.scrolled.1, self.selected.1, columns, self.seeds.len());
        let first_cell = area.x + names as u16;
        for (at, seed) in self.seeds.iter().enumerate().skip(self.scrolled.1).take(columns) {
            let x = first_cell + ((at - self.scrolled.1) * width) as u16;
            let style = if at == self.selected.1 { STRONG } else { FAINT };
            buffer.set_string(x, area.y, format!("{seed:>width$}"), style);
        }
        for (row, name) in self.variants.iter().enumerate().skip(self.scrolled.0).take(rows) {
            let y = area.y + 1 + (row - self.scrolled.0) as u16;
            let style = if row == self.selected.0 { STRONG } else { Style::new() };
            buffer.set_string(area.x, y, shortened(name, names), style);
            for column in self.scrolled.1..self.seeds.len().min(self.scrolled.1 + columns) {
                let Some(trial) = self.cells.get(&(row, column)).map(|at| &trials[*at]) else {
                    continue;
                };
                let x = first_cell + ((column - self.scrolled.1) * width) as u16;
                let mut style = colours.of_state(&trial.state);
                if (row, column) == self.selected {
                    style = style.add_modifier(Modifier::REVERSED);
                }
                let x = x + width as u16 - 1;
                buffer.set_string(x, y, letter(&trial.state), style);
            }
        }
    }
}

/// The position to draw first, so that `selected` is among the `shown` ones.
fn scrolled(first: usize, selected: usize, shown: usize, all: usize) -> usize {
    let first = first.min(all.saturating_sub(shown));
    if selected < first { selected } else { first.max((selected + 1).saturating_sub(shown)) }
}

/// The sign of a state, which tells it without colours.
pub(super) fn letter(state: &str) -> &'static str {
    match state {
        "succeeded" => "✓",
        "running" => "R",
        "starting" => "r",
        "failed" => "F",
        "interrupted" => "I",
        "cancelled" => "C",
        "stalled" => "S",
        "lost" => "L",
        "ended" => "E",
        _ => "·",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trial(variant: &str, seed: u64, state: &str) -> TrialEntry {
        TrialEntry {
            id: TrialId(format!("{variant}-s{seed}")),
            variant: variant.to_owned(),
            seed,
            state: state.to_owned(),
            progress: None,
            value: None,
            spent: None,
            left: None,
            attempts: 0,
            reason: String::new(),
            device: None,
        }
    }

    fn drawn(matrix: &mut Matrix, trials: &[TrialEntry], width: u16, height: u16) -> Vec<String> {
        let area = Rect::new(0, 0, width, height);
        let mut buffer = Buffer::empty(area);
        matrix.draw(trials, area, &mut buffer, Colours::None);
        let line = |y| (0..width).map(|x| buffer[(x, y)].symbol()).collect::<String>();
        (0..height).map(|y| line(y).trim_end().to_owned()).collect()
    }

    #[test]
    fn a_cell_for_each_trial_in_the_file_s_order() {
        let trials =
            [trial("cos", 0, "succeeded"), trial("cos", 10, "failed"), trial("base", 0, "running")];
        let mut matrix = Matrix::default();
        matrix.update(&trials, None, true);
        assert_eq!(drawn(&mut matrix, &trials, 12, 3), ["      0 10", "cos   ✓  F", "base  R"]);
        assert_eq!(matrix.selected(), Some(2));
        matrix.move_by(Move::Columns(1));
        assert_eq!(matrix.selected(), None);
        matrix.move_by(Move::Rows(-1));
        assert_eq!(matrix.selected(), Some(1));
        // The selection stays with its trial as another comes in before it.
        let more = [trial("new", 5, "queued"), trials[0].clone(), trials[1].clone()];
        matrix.update(&more, Some(&trials[1].id), false);
        assert_eq!(matrix.selected(), Some(2));
    }

    #[test]
    fn the_selection_follows_what_runs_until_it_is_moved() {
        let mut trials =
            [trial("a", 0, "succeeded"), trial("a", 1, "running"), trial("b", 0, "queued")];
        let mut matrix = Matrix::default();
        matrix.update(&trials, None, true);
        assert_eq!(matrix.selected(), Some(1));
        "succeeded".clone_into(&mut trials[1].state);
        let before = trials[1].id.clone();
        matrix.update(&trials, Some(&before), true);
        assert_eq!(matrix.selected(), Some(1), "none runs");
        "running".clone_into(&mut trials[2].state);
        matrix.update(&trials, Some(&before), false);
        assert_eq!(matrix.selected(), Some(1));
        matrix.update(&trials, Some(&before), true);
        assert_eq!(matrix.selected(), Some(2));
    }

    #[test]
    fn ten_thousand_trials_scroll() {
        let trials: Vec<_> = (0..1000)
            .flat_map(|row| (0..10).map(move |seed| trial(&format!("v{row}"), seed, "queued")))
            .collect();
        let mut matrix = Matrix::default();
        matrix.update(&trials, None, true);
        matrix.move_by(Move::LastRow);
        matrix.move_by(Move::Columns(99));
        let lines = drawn(&mut matrix, &trials, 14, 4);
        assert_eq!(matrix.selected(), Some(9999));
        assert!(lines[3].starts_with("v999") && lines[0].ends_with('9'), "{lines:?}");
        matrix.move_by(Move::FirstRow);
        assert!(drawn(&mut matrix, &trials, 14, 4)[1].starts_with("v0 "));
    }
}
