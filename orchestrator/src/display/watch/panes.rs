//! The panes around the matrix: the selected trial, its log, the machine.

use experiments::schema::resources::Memory;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Paragraph, Wrap};

use super::Screen;
use super::matrix::letter;
use super::model::{Log, MachineUse, TrialEntry};
use crate::display::progress::Progress;
use crate::display::text::{bar, duration, one_line, values};
use crate::display::trial_table::rate;
use crate::slots::Gpu;

impl Screen {
    /// The selected trial: its state and why, its progress, and the time that it takes.
    pub(super) fn draw_trial(&self, area: Rect, frame: &mut Frame) {
        let Some(trial) = self.selected() else {
            let note = Paragraph::new("this variant does not have this seed");
            return frame.render_widget(note.block(Block::bordered().title("trial")), area);
        };
        let state = Span::styled(
            format!("{} {}", letter(&trial.state), trial.state),
            self.colours.of_state(&trial.state),
        );
        let reason = one_line(trial.reason.lines().next().unwrap_or_default()).into_owned();
        let reason = if reason.is_empty() { reason } else { format!(": {reason}") };
        let mut lines = vec![Line::from(vec![state, Span::raw(reason)])];
        lines.extend(self.progress_lines(trial, usize::from(area.width)));
        let title = format!("{} ({}, seed {})", trial.id, trial.variant, trial.seed);
        let title =
            if title.len() + 2 > usize::from(area.width) { trial.id.0.clone() } else { title };
        let text = Paragraph::new(lines).wrap(Wrap { trim: true });
        frame.render_widget(text.block(Block::bordered().title(title)), area);
    }

    fn progress_lines(&self, trial: &TrialEntry, width: usize) -> Vec<Line<'static>> {
        let mut lines = Vec::new();
        let speed = trial.progress.as_ref().and_then(Progress::rate);
        let speed = speed.map_or(String::new(), |speed| format!("  {}", rate(speed)));
        if let Some((phase, done, of)) = trial.progress.as_ref().and_then(|p| p.phase.as_ref()) {
            let fraction = *done as f64 / (*of).max(1) as f64;
            let bar = bar(fraction, (width / 3).min(40));
            lines.push(Line::from(format!("{} {bar} {done}/{of}{speed}", one_line(phase))));
        } else if let Some(step) = trial.progress.as_ref().and_then(|p| p.step) {
            lines.push(Line::from(format!("step {step}{speed}")));
        }
        let mut facts = Vec::new();
        let is_over = matches!(trial.state.as_str(), "succeeded" | "failed");
        let so_far = if is_over { "" } else { " so far" };
        facts.extend(trial.spent.map(|spent| format!("{}{so_far}", duration(spent))));
        facts.extend(trial.left.map(|left| format!("about {} left", duration(left))));
        if trial.attempts > 1 {
            facts.push(format!("attempt {}", trial.attempts));
        }
        facts.extend(trial.device.as_ref().map(|device| one_line(device).into_owned()));
        if let (Some(headline), Some(value)) = (&self.run.headline, trial.value) {
            let value = values(&[value], headline.decimals).remove(0);
            facts.push(format!("{} {value}", headline.metric));
        }
        lines.push(Line::from(facts.join(", ")));
        lines
    }

    /// The last lines of the selected trial's log.
    pub(super) fn draw_log_end(&self, area: Rect, frame: &mut Frame) {
        let log = self.of_selected().and_then(|focus| focus.logs.first());
        let title = log.map_or("log (empty)".to_owned(), title);
        let room = usize::from(area.height.saturating_sub(2));
        let lines = log.map_or(&[][..], |log| &log.lines[log.lines.len().saturating_sub(room)..]);
        frame.render_widget(text(lines).block(Block::bordered().title(title)), area);
    }

    /// The selected trial's log on the whole screen, with `below` lines below it.
    pub(super) fn draw_log(&self, which: usize, below: usize, area: Rect, frame: &mut Frame) {
        let log = self.of_selected().and_then(|focus| focus.logs.get(which));
        let room = usize::from(area.height.saturating_sub(2));
        let lines = log.map_or(&[][..], |log| &log.lines[..]);
        let end = lines.len().saturating_sub(below).max(room.min(lines.len()));
        let id = self.selected().map_or(String::new(), |trial| trial.id.0.clone());
        let title = log.map_or(format!("{id}: it has printed nothing"), title);
        let block = Block::bordered().title(title);
        frame.render_widget(text(&lines[end.saturating_sub(room)..end]).block(block), area);
    }
}

/// The machine in a line for itself and one for each GPU.
pub(super) fn machine_lines(machine: &MachineUse) -> Vec<String> {
    let mut facts = vec![format!("{} CPUs", machine.cpus)];
    facts.extend(machine.load.map(|load| format!("load {load:.1}")));
    facts.extend(
        machine.memory.map(|(used, all)| format!("{} of {} memory", Memory(used), Memory(all))),
    );
    let mut lines = vec![facts.join(", ")];
    lines.extend(machine.gpus.iter().map(gpu_line));
    lines
}

fn gpu_line(gpu: &Gpu) -> String {
    let busy = gpu.utilization.map_or(String::new(), |percent| format!("{percent}% busy, "));
    let (id, name, used, all) = (gpu.short_uuid(), &gpu.name, gpu.used, gpu.memory);
    format!("{id} {name}: {busy}{used} of {all}, {} processes", gpu.processes.len())
}

fn title(log: &Log) -> String {
    let path = log.path.iter().rev().take(3).collect::<Vec<_>>();
    path.iter().rev().map(|part| part.to_string_lossy()).collect::<Vec<_>>().join("/")
}

fn text(lines: &[String]) -> Paragraph<'static> {
    let lines = lines.iter().map(|line| Line::styled(one_line(line).into_owned(), Style::new()));
    Paragraph::new(lines.collect::<Vec<_>>())
}
