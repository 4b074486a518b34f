//! The screen of `orch status --watch`: a run's trials, the selected one's curve and log, and the machine.
//! It knows neither files nor processes: it is given what was read, and says what a key asks for.

mod colours;
mod curve;
mod draw;
mod keys;
mod matrix;
pub(crate) mod model;
mod panes;

use experiments::protocol::trial_id::TrialId;

pub(crate) use colours::Colours;
pub(crate) use keys::Command;
use matrix::Matrix;
use model::{Focus, RunView, TrialEntry};

/// The state of the screen.
#[derive(Debug)]
pub(crate) struct Screen {
    run: RunView,
    matrix: Matrix,
    /// Of the trial that was selected when it was read.
    focus: Option<Focus>,
    /// The metric that was chosen; `None` for the headline metric.
    metric: Option<String>,
    front: Front,
    scale: Scale,
    /// True until the first key: the selection follows the trials that run.
    follows: bool,
    /// The last news, below everything.
    message: String,
    colours: Colours,
}

/// The part that keys go to.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Front {
    /// The matrix, with everything around it.
    Overview,
    /// The log of the selected trial. `which` of its logs, and lines below the screen.
    Log { which: usize, below: usize },
    /// Text over the rest, and its first line on the screen.
    Text { title: String, lines: Vec<String>, first: usize },
    /// A question before something is done to a trial.
    Question { action: Action, trial: TrialId },
}

/// The vertical axis of the curve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scale {
    Linear,
    /// Of decades; linear after all where a value is not positive.
    Logarithmic,
}

/// Something that is done to a trial.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    /// As `orch stop` does.
    Stop,
    /// As `orch retry` does.
    Retry,
}

impl Screen {
    pub(crate) fn new(run: RunView, colours: Colours) -> Self {
        let mut screen = Self {
            run: RunView::default(),
            matrix: Matrix::default(),
            focus: None,
            metric: None,
            front: Front::Overview,
            scale: Scale::Linear,
            follows: true,
            message: String::new(),
            colours,
        };
        screen.update(run);
        screen
    }

    /// Takes in the run as it is now.
    pub(crate) fn update(&mut self, run: RunView) {
        let before = self.selected().map(|trial| trial.id.clone());
        self.matrix.update(&run.trials, before.as_ref(), self.follows);
        self.run = run;
    }

    /// Takes in what was read of a trial.
    pub(crate) fn focus(&mut self, focus: Focus) {
        self.focus = Some(focus);
    }

    /// Shows a line of news.
    pub(crate) fn say(&mut self, message: impl Into<String>) {
        self.message = message.into();
    }

    /// Shows a text until a key is pressed, unless something else is in front meanwhile.
    pub(crate) fn show_text(&mut self, title: &str, text: &str) {
        self.message.clear();
        if self.front != Front::Overview {
            return;
        }
        let lines = text.lines().map(str::to_owned).collect();
        self.front = Front::Text { title: title.to_owned(), lines, first: 0 };
    }

    /// The trial and the metric whose points and logs are wanted.
    pub(crate) fn wanted(&self) -> Option<(TrialId, Option<String>)> {
        let metric = self.metric.clone();
        let headline = || self.run.headline.as_ref().map(|headline| headline.metric.clone());
        Some((self.selected()?.id.clone(), metric.or_else(headline)))
    }

    fn selected(&self) -> Option<&TrialEntry> {
        self.run.trials.get(self.matrix.selected()?)
    }

    /// The points and logs of the selected trial; `None` until they have been read.
    fn of_selected(&self) -> Option<&Focus> {
        let id = &self.selected()?.id;
        self.focus.as_ref().filter(|focus| focus.trial == *id)
    }
}

impl Action {
    fn verb(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Retry => "retry",
        }
    }
}
