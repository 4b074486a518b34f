//! The actions that keys ask for, done by the verbs of the same name, each on a thread of its own.

use std::sync::mpsc::Sender;
use std::thread;

use experiments::protocol::trial_id::TrialId;

use super::messages::News;
use crate::cli::args::Global;
use crate::cli::commands::error::Result;
use crate::cli::commands::runtime::block_on;
use crate::cli::commands::{retry, stop, why};
use crate::cli::selector::Selector;
use crate::display::watch::Action;
use crate::run_dir::RunDir;
use crate::run_dir::attempt::StopMode;

/// Stops or retries a trial of the run `dir`.
pub(super) fn perform(action: Action, dir: &RunDir, trial: &TrialId, news: &Sender<News>) {
    let (dir, trial, news) = (dir.clone(), trial.clone(), news.clone());
    thread::spawn(move || {
        let handled = block_on(async {
            let trial: Selector = trial.0.parse()?;
            Ok(match action {
                Action::Stop => stop::stop(&dir, Some(&trial), StopMode::Graceful).await?.lines(),
                Action::Retry => retry::retry(&dir, Some(&trial)).await?.lines(),
            })
        });
        // The screen may have ended meanwhile.
        let _ = news.send(News::Done(in_a_line(flatten(handled).map(|lines| lines.join("; ")))));
    });
}

/// Explains the state of a trial of the run `dir`.
pub(super) fn explain(dir: &RunDir, trial: &TrialId, global: &Global, news: &Sender<News>) {
    let (run, trial) = (dir.name(), trial.clone());
    let (global, news) = (global.clone(), news.clone());
    thread::spawn(move || {
        let explained = block_on(async {
            why::explanation(Some(&trial.0.parse()?), Some(&run), &global).await
        });
        let shown = match flatten(explained) {
            Ok(text) => News::Text(format!("why {trial}"), text),
            Err(error) => News::Done(in_a_line(Err(error))),
        };
        let _ = news.send(shown);
    });
}

fn flatten<T>(done: std::io::Result<Result<T>>) -> Result<T> {
    done?
}

fn in_a_line(done: Result<String>) -> String {
    done.unwrap_or_else(|error| error.chain().lines().next().unwrap_or_default().to_owned())
}
