//! Tables for people: whole where they are piped, and no wider than the screen on a terminal.

use anstyle::Style;
use unicode_width::UnicodeWidthStr;

use super::style::{self, styled};
use super::text::one_line;

/// Spaces between two columns.
const GAP: usize = 2;

/// A name on a narrow screen has at least this width.
const NARROWEST_NAME: usize = 20;

/// The end of a trial's name that tells its seed: `-s0-1f2e3d4c`.
const NARROWEST_END: usize = 12;

/// A column of remarks on a narrow screen has at least this width; below, they stand in place of other
/// cells.
const NARROWEST_REMARK: usize = 28;

/// A column beside the name, which comes first, and the remark, which comes last.
#[derive(Debug, Clone)]
pub(crate) struct Column {
    /// Its heading.
    pub(crate) heading: String,
    /// Columns of the least weight are left out first on a narrow screen; `None` is never left out.
    pub(crate) weight: Option<u8>,
}

/// A line of the table.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    /// Shortened from the middle where it is too long.
    pub(crate) name: String,
    /// As many as there are columns.
    pub(crate) cells: Vec<String>,
    /// The colour of the first cell.
    pub(crate) style: Style,
    /// Cut off at its end where it is too long.
    pub(crate) remark: String,
    /// True if the cells say more than the remark: it is left out where there is no room for both.
    pub(crate) cells_first: bool,
}

/// A table with its headings.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    /// The heading of the names.
    pub(crate) name: &'static str,
    pub(crate) columns: Vec<Column>,
    /// The heading of the remarks.
    pub(crate) remark: &'static str,
    pub(crate) rows: Vec<Row>,
}

/// Widths of the columns that are drawn.
struct Layout {
    name: usize,
    /// `None` for a column that is left out.
    columns: Vec<Option<usize>>,
    /// `None` if remarks stand in place of cells.
    remark: Option<usize>,
    /// Width of the screen.
    screen: usize,
}

impl Table {
    /// Its lines, headings first, with the codes of a terminal for colours. No line is wider than `width`;
    /// `None` for as wide as they are.
    pub(crate) fn lines(mut self, width: Option<usize>) -> Vec<String> {
        for row in &mut self.rows {
            row.name = one_line(&row.name).into_owned();
            row.remark = one_line(&row.remark).into_owned();
            row.cells.iter_mut().for_each(|cell| *cell = one_line(cell).into_owned());
        }
        let layout = self.layout(width);
        let heading = Row {
            name: self.name.to_owned(),
            cells: self.columns.iter().map(|column| column.heading.clone()).collect(),
            style: style::HEADING,
            remark: if layout.remark.is_some() { self.remark.to_owned() } else { String::new() },
            cells_first: true,
        };
        let heading = layout.line(&heading, style::HEADING);
        let rows = self.rows.iter().map(|row| layout.line(row, Style::new()));
        std::iter::once(heading).chain(rows).collect()
    }

    fn layout(&self, width: Option<usize>) -> Layout {
        let names = self.rows.iter().map(|row| row.name.width()).chain([self.name.len()]).max();
        let name = names.unwrap_or(0);
        let remark = self.rows.iter().map(|row| row.remark.width()).max().unwrap_or(0);
        let remark = if remark == 0 { 0 } else { remark.max(self.remark.len()) };
        let columns: Vec<_> = (0..self.columns.len()).map(|at| self.width(at)).collect();
        let Some(screen) = width else {
            let remark = (remark > 0).then_some(remark);
            return Layout { name, columns, remark, screen: usize::MAX };
        };
        let mut layout = Layout { name: name.min(NARROWEST_NAME), columns, remark: None, screen };
        self.leave_out(&mut layout);
        let mut rest = screen.saturating_sub(layout.used());
        let wanted = if remark == 0 { 0 } else { GAP + remark.min(NARROWEST_REMARK) };
        if remark > 0 && rest >= wanted {
            rest -= wanted;
            layout.remark = Some(remark.min(NARROWEST_REMARK));
        }
        let longer = rest.min(name - layout.name);
        layout.name += longer;
        if let Some(narrow) = &mut layout.remark {
            *narrow += (rest - longer).min(remark - *narrow);
        }
        layout
    }

    /// Leaves out columns until the others fit.
    fn leave_out(&self, layout: &mut Layout) {
        while layout.used() > layout.screen {
            let kept = layout.columns.iter().zip(&self.columns).enumerate();
            let kept =
                kept.filter_map(|(at, (width, column))| Some((width.and(column.weight)?, at)));
            match kept.min() {
                Some((_, least)) => layout.columns[least] = None,
                None => break,
            }
        }
        if layout.used() > layout.screen {
            layout.name = layout.name.saturating_sub(layout.used() - layout.screen).max(1);
        }
    }

    /// The width of a column; `None` if all its cells are empty.
    fn width(&self, at: usize) -> Option<usize> {
        let widest = self.rows.iter().map(|row| row.cells[at].width()).max().filter(|w| *w > 0);
        widest.map(|widest| widest.max(self.columns[at].heading.width()))
    }
}

impl Layout {
    /// The width of a line without a remark.
    fn used(&self) -> usize {
        self.name + self.columns.iter().flatten().map(|width| GAP + width).sum::<usize>()
    }

    fn line(&self, row: &Row, all: Style) -> String {
        let mut line = Line::default();
        line.push(&shortened(&row.name, self.name), self.name, all);
        let in_place = self.remark.is_none() && !row.remark.is_empty() && !row.cells_first;
        for (at, (cell, width)) in row.cells.iter().zip(&self.columns).enumerate() {
            let Some(width) = width else { continue };
            if in_place && at > 0 {
                break;
            }
            let style = if at == 0 { row.style } else { all };
            let is_number = cell.starts_with(|c: char| c.is_ascii_digit() || c == '-' || c == '~');
            let cell =
                if is_number { format!("{}{cell}", blank(*width, cell)) } else { cell.clone() };
            line.push(&cell, *width, style);
        }
        match self.remark {
            Some(width) => line.push(&cut(&row.remark, width), 0, all),
            None if in_place => {
                let room = self.screen.saturating_sub(line.width() + GAP);
                line.push(&cut(&row.remark, room), 0, all);
            }
            None => {}
        }
        line.text
    }
}

/// A line as it grows, without blanks at its end.
#[derive(Default)]
struct Line {
    text: String,
    /// Blanks before the next cell.
    blanks: usize,
    width: usize,
}

impl Line {
    /// The width of what has been pushed, with the blanks that follow.
    fn width(&self) -> usize {
        (self.width + self.blanks).saturating_sub(GAP)
    }

    fn push(&mut self, cell: &str, width: usize, style: Style) {
        let wide = cell.width();
        if wide > 0 {
            self.text += &" ".repeat(self.blanks);
            self.text += &styled(cell, style);
            self.width += self.blanks + wide;
            self.blanks = 0;
        }
        self.blanks += width.saturating_sub(wide) + GAP;
    }
}

fn blank(width: usize, cell: &str) -> String {
    " ".repeat(width.saturating_sub(cell.width()))
}

/// `text` with its middle left out so that it is no wider than `width`.
pub(crate) fn shortened(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    // The end, which tells trials of a long name apart, gets the larger part.
    let room = width.saturating_sub(1);
    let half = room - room / 2;
    let last = if room >= NARROWEST_NAME - 1 { half.max(NARROWEST_END) } else { half };
    let first = room - last;
    let mut starts = text.char_indices().map(|(at, _)| at);
    let tail = starts.find(|at| text[*at..].width() <= last).map_or("", |at| &text[at..]);
    let ellipsis = if width == 0 { "" } else { "…" };
    format!("{}{ellipsis}{tail}", fitting(text, first))
}

/// `text` with its end left out so that it is no wider than `width`.
pub(crate) fn cut(text: &str, width: usize) -> String {
    match width {
        0 => String::new(),
        _ if text.width() <= width => text.to_owned(),
        _ => format!("{}…", fitting(text, width - 1).trim_end()),
    }
}

/// The first characters of `text` that are no wider than `width`.
fn fitting(text: &str, width: usize) -> &str {
    let ends = text.char_indices().map(|(at, c)| at + c.len_utf8());
    let end = ends.take_while(|end| text[..*end].width() <= width).last();
    &text[..end.unwrap_or(0)]
}

#[cfg(test)]
mod tests {
    use anstream::adapter::strip_str;
    use proptest::prelude::*;

    use super::*;

    fn table() -> Table {
        let column = |heading: &str, weight| Column { heading: heading.to_owned(), weight };
        let row = |name: &str, cells: [&str; 4], remark: &str| Row {
            name: name.to_owned(),
            cells: cells.map(str::to_owned).to_vec(),
            style: style::of_state(cells[0]),
            remark: remark.to_owned(),
            cells_first: cells[0] == "running",
        };
        Table {
            name: "trial",
            columns: vec![
                column("state", None),
                column("step", Some(3)),
                column("left", Some(2)),
                column("attempts", Some(1)),
            ],
            remark: "reason",
            rows: vec![
                row("ddpm-cosine-learned-s0-1f2e3d4c", ["running", "120/2000", "3m 20s", "1"], ""),
                row(
                    "ddpm-cosine-learned-s1-5b6a7980",
                    ["queued", "", "", ""],
                    "waits for 1 CPU: all 2 are taken",
                ),
                row("linear-s0-00000000", ["failed", "7/2000", "", "3"], "crashed: exit code 1"),
            ],
        }
    }

    fn drawn(width: Option<usize>) -> Vec<String> {
        table().lines(width).iter().map(|line| strip_str(line).to_string()).collect()
    }

    #[test]
    fn a_table_is_whole_where_there_is_room_and_fits_where_there_is_not() {
        assert_eq!(drawn(None), drawn(Some(200)));
        assert_eq!(
            drawn(None),
            [
                "trial                            state    step      left    attempts  reason",
                "ddpm-cosine-learned-s0-1f2e3d4c  running  120/2000  3m 20s         1",
                "ddpm-cosine-learned-s1-5b6a7980  queued                               waits for 1 CPU: all 2 are taken",
                "linear-s0-00000000               failed     7/2000                 3  crashed: exit code 1",
            ]
        );
        assert_eq!(
            drawn(Some(60)),
            [
                "trial                    state    step      left    attempts",
                "ddpm-cosin…-s0-1f2e3d4c  running  120/2000  3m 20s         1",
                "ddpm-cosin…-s1-5b6a7980  queued   waits for 1 CPU: all 2 ar…",
                "linear-s0-00000000       failed   crashed: exit code 1",
            ]
        );
    }

    #[test]
    fn names_are_shortened_from_the_middle() {
        assert_eq!(shortened("cos-s0-1f2e3d4c", 15), "cos-s0-1f2e3d4c");
        assert_eq!(shortened("cos-s0-1f2e3d4c", 10), "cos-…e3d4c");
        assert_eq!((shortened("abc", 1), shortened("abc", 0)), ("…".to_owned(), String::new()));
        assert_eq!(
            (cut("a long one", 7), cut("日本語", 5)),
            ("a long…".to_owned(), "日本…".to_owned())
        );
    }

    proptest! {
        #[test]
        fn no_line_is_wider_than_the_screen(
            width in 24..200usize,
            rows in prop::collection::vec(("[a-z日本-]{0,60}", "[0-9]{0,9}", "[a-z 語]{0,80}", any::<bool>()), 0..6),
        ) {
            let mut table = table();
            for (name, cell, remark, cells_first) in rows {
                let cells = vec!["running".to_owned(), cell.clone(), cell.clone(), cell];
                table.rows.push(Row { name, cells, style: Style::new(), remark, cells_first });
            }
            for line in table.lines(Some(width)) {
                let line = strip_str(&line).to_string();
                prop_assert!(line.width() <= width, "{} > {width}: {line:?}", line.width());
            }
        }
    }
}
