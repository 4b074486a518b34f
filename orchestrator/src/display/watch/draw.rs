//! The layout of the screen, for 60 columns and 20 lines as for 200 and 60.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear, Paragraph, Wrap};
use unicode_width::UnicodeWidthStr;

use super::colours::{FAINT, STRONG};
use super::panes::machine_lines;
use super::{Front, Screen, curve};
use crate::display::table::cut;

/// From this width on, the matrix stands beside the rest.
const WIDE: u16 = 100;

/// Lines of the selected trial's pane.
const TRIAL: u16 = 5;

impl Screen {
    /// Draws everything.
    pub(crate) fn draw(&mut self, frame: &mut Frame) {
        let machine = self.run.machine.as_ref().map_or(Vec::new(), machine_lines);
        let machine_height = if frame.area().height < 24 { 0 } else { machine.len().min(9) as u16 };
        let [head, body, machine_area, foot] = Layout::vertical([
            Constraint::Length(2),
            Constraint::Min(5),
            Constraint::Length(machine_height),
            Constraint::Length(1),
        ])
        .areas(frame.area());
        self.draw_head(head, frame);
        let machine = machine.into_iter().map(|line| Line::styled(line, FAINT));
        frame.render_widget(Paragraph::new(machine.collect::<Vec<_>>()), machine_area);
        if let Front::Log { which, below } = self.front {
            self.draw_log(which, below, body, frame);
        } else {
            self.draw_body(body, frame);
        }
        self.draw_foot(foot, frame);
        self.draw_front(frame);
    }

    fn draw_head(&self, area: Rect, frame: &mut Frame) {
        let run = &self.run;
        let mut first = vec![Span::styled(run.name.clone(), STRONG), Span::raw(": ")];
        for (at, count) in run.counts.split(", ").enumerate() {
            let state = count.rsplit(' ').next().unwrap_or(count);
            first.extend((at > 0).then(|| Span::raw(", ")));
            first.push(Span::styled(count.to_owned(), self.colours.of_state(state)));
        }
        let second = match (&run.supervisor, run.time.as_str()) {
            (None, _) => "no supervisor is running".to_owned(),
            (Some(supervisor), "") => format!("run by {supervisor}"),
            (Some(_), time) if area.width < WIDE => time.to_owned(),
            (Some(supervisor), time) => format!("{time}; run by {supervisor}"),
        };
        frame.render_widget(Paragraph::new(vec![Line::from(first), Line::from(second)]), area);
    }

    fn draw_body(&mut self, area: Rect, frame: &mut Frame) {
        let (matrix, rest) = if area.width >= WIDE {
            let width = (self.matrix.width() + 2).clamp(24, area.width / 5 * 2);
            let [left, right] =
                Layout::horizontal([Constraint::Length(width), Constraint::Fill(1)]).areas(area);
            (left, right)
        } else {
            let height =
                (self.matrix.height() + 2).clamp(4, area.height.saturating_sub(TRIAL + 6).max(5));
            let [top, bottom] =
                Layout::vertical([Constraint::Length(height), Constraint::Fill(1)]).areas(area);
            (top, bottom)
        };
        let block = Block::bordered().title("variants × seeds");
        let inside = block.inner(matrix);
        frame.render_widget(block, matrix);
        self.matrix.draw(&self.run.trials, inside, frame.buffer_mut(), self.colours);
        // Where there is no room for both, the curve stays; `l` shows the log.
        let has_log = rest.height >= TRIAL + 12;
        let [trial, curve_area, log] = Layout::vertical([
            Constraint::Length(TRIAL),
            Constraint::Fill(2),
            if has_log { Constraint::Fill(1) } else { Constraint::Length(0) },
        ])
        .areas(rest);
        self.draw_trial(trial, frame);
        curve::draw(self.of_selected(), self.scale, self.colours, curve_area, frame);
        if has_log {
            self.draw_log_end(log, frame);
        }
    }

    fn draw_foot(&self, area: Rect, frame: &mut Frame) {
        let keys = match self.front {
            Front::Log { .. } => "↑↓ scroll  Tab other log  any other key: back",
            _ => "? help  l log  w why  s stop  r retry  Tab metric  q quit",
        };
        let line = if self.message.is_empty() {
            Line::styled(keys, FAINT)
        } else {
            Line::styled(cut(&self.message, usize::from(area.width)), STRONG)
        };
        frame.render_widget(Paragraph::new(line), area);
    }

    /// Draws a text or a question over the rest.
    fn draw_front(&self, frame: &mut Frame) {
        let (title, lines, first) = match &self.front {
            Front::Overview | Front::Log { .. } => return,
            Front::Text { title, lines, first } => (title.clone(), lines.clone(), *first),
            Front::Question { action, trial } => {
                let question = format!("{} {trial}? y/n", action.verb());
                (action.verb().to_owned(), vec![question], 0)
            }
        };
        let all = frame.area();
        let width = lines.iter().map(|line| line.width()).max().unwrap_or(0) as u16 + 4;
        let width = width.clamp(20, all.width.saturating_sub(2).max(20)).min(all.width);
        let inside = usize::from(width.saturating_sub(4)).max(1);
        let height: usize = lines.iter().map(|line| line.width().div_ceil(inside).max(1)).sum();
        let height = (height as u16 + 2).min(all.height);
        let area = Rect { x: (all.width - width) / 2, y: (all.height - height) / 2, width, height };
        let text: Vec<_> = lines.into_iter().skip(first).map(Line::from).collect();
        let block =
            Block::bordered().title(title).padding(ratatui::widgets::Padding::horizontal(1));
        frame.render_widget(Clear, area);
        frame.render_widget(Paragraph::new(text).wrap(Wrap { trim: false }).block(block), area);
    }
}
