//! `orch status --watch`: the screen of a run. Records are read, and requests are made, on threads of their
//! own, so that a key is never waited for.

mod actions;
mod messages;
mod reader;

use std::io::{self, IsTerminal};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use experiments::protocol::exit;
use ratatui::crossterm::event::{self, Event};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use self::messages::{News, Wanted};
use self::reader::Reader;
use crate::cli::args::{self, Global};
use crate::cli::commands::error::Result;
use crate::display::style;
use crate::display::watch::{Colours, Command, Screen};
use crate::run_dir::RunDir;

/// Longest time until something new is drawn, or a signal is noticed.
const TICK: Duration = Duration::from_millis(100);

/// `--watch` cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WatchError {
    /// It is used in a pipe, or by a program.
    #[error(
        "`--watch` needs a terminal, and this is not one\n\n\
         hint: `orch status` prints the same once, and `orch status --json` is for programs"
    )]
    NoTerminal,
    /// The thread that reads has ended.
    #[error("the run cannot be read any more")]
    ReaderEnded,
}

/// Runs until a key or a signal ends it.
pub(super) async fn run(arguments: &args::Status, global: &Global) -> Result<u8> {
    let is_dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
    if is_dumb || !io::stdout().is_terminal() || !io::stdin().is_terminal() {
        return Err(WatchError::NoTerminal.into());
    }
    let dir = RunDir::find(&global.runs, arguments.run.as_deref())?;
    let mut reader = Reader::open(dir.clone()).await?;
    // Before the screen: what is wrong is printed as by any verb.
    let first = reader.run().await?;
    let colours = if style::is_coloured(&io::stdout()) { Colours::Ansi } else { Colours::None };
    let screen = Screen::new(first, colours);
    let stopped = Arc::new(AtomicBool::new(false));
    // SIGHUP ends the process as by default: then there is no terminal to be restored.
    for signal in [SIGINT, SIGTERM] {
        flag::register(signal, Arc::clone(&stopped))?;
    }
    let (news, received) = channel();
    let (wanted, focus) = channel();
    let to_screen = news.clone();
    let reader = std::thread::spawn(move || reader.serve(&focus, &to_screen));
    let mut terminal = ratatui::try_init()?;
    let watch = Watch { dir, global, screen, news, received, reader, wanted, stopped };
    let ended = watch.until_ended(&mut terminal);
    ratatui::try_restore()?;
    ended
}

/// The loop that draws.
struct Watch<'a> {
    dir: RunDir,
    global: &'a Global,
    screen: Screen,
    /// For the threads that make requests.
    news: Sender<News>,
    received: Receiver<News>,
    reader: JoinHandle<()>,
    /// For the thread that reads.
    wanted: Sender<Wanted>,
    /// Set by a signal.
    stopped: Arc<AtomicBool>,
}

impl Watch<'_> {
    fn until_ended(mut self, terminal: &mut ratatui::DefaultTerminal) -> Result<u8> {
        let (mut asked, mut is_new) = (None, true);
        loop {
            if self.reader.is_finished() {
                return Err(WatchError::ReaderEnded.into());
            }
            is_new |= self.receive()?;
            let about = self.screen.wanted();
            if let Some((trial, metric)) = about.clone().filter(|_| asked != about) {
                self.ask(Wanted::About(trial, metric))?;
            }
            asked = about;
            if is_new {
                terminal.draw(|frame| self.screen.draw(frame))?;
            }
            let (code, was_changed) = self.handle_events()?;
            if let Some(code) = code {
                return Ok(code);
            }
            is_new = was_changed;
        }
    }

    fn ask(&self, wanted: Wanted) -> Result<()> {
        self.wanted.send(wanted).map_err(|_| WatchError::ReaderEnded.into())
    }

    /// Takes in what other threads have read or done; true if there is something new.
    fn receive(&mut self) -> Result<bool> {
        let mut is_new = false;
        while let Ok(news) = self.received.try_recv() {
            is_new = true;
            match news {
                News::Run(run) => self.screen.update(*run),
                News::Focus(focus) => self.screen.focus(focus),
                News::Unreadable(message) => self.screen.say(message),
                News::Done(message) => {
                    self.screen.say(message);
                    self.ask(Wanted::Everything)?;
                }
                News::Text(title, text) => self.screen.show_text(&title, &text),
            }
        }
        Ok(is_new)
    }

    /// Waits for an event, and handles all that have happened: the exit code, if one of them ends the
    /// screen, and true if there was any.
    fn handle_events(&mut self) -> Result<(Option<u8>, bool)> {
        let mut wait = TICK;
        loop {
            if !is_connected(wait)? || self.stopped.load(Ordering::Relaxed) {
                return Ok((Some(exit::INTERRUPTED), false));
            }
            if !event::poll(Duration::ZERO)? {
                return Ok((None, wait.is_zero()));
            }
            wait = Duration::ZERO;
            let Event::Key(key) = event::read()? else { continue };
            match self.screen.on_key(key) {
                None => {}
                Some(Command::Quit) => return Ok((Some(exit::OK), false)),
                Some(Command::Interrupt) => return Ok((Some(exit::INTERRUPTED), false)),
                Some(Command::Why(trial)) => {
                    self.screen.say(format!("{trial}: reading why …"));
                    actions::explain(&self.dir, &trial, self.global, &self.news);
                }
                Some(Command::Do(action, trial)) => {
                    self.screen.say(format!("{trial}: asked for it …"));
                    actions::perform(action, &self.dir, &trial, &self.news);
                }
            }
        }
    }
}

/// Waits for a key, not longer than `wait`; false once the terminal has gone, which would never tell.
fn is_connected(wait: Duration) -> io::Result<bool> {
    let stdin = io::stdin();
    let mut keyboard = [PollFd::new(&stdin, PollFlags::IN)];
    let wait = Timespec::try_from(wait).map_err(io::Error::other)?;
    match poll(&mut keyboard, Some(&wait)) {
        // The screen was resized, or a signal came.
        Err(Errno::INTR) => Ok(true),
        Err(error) => Err(error.into()),
        Ok(_) => Ok(!keyboard[0].revents().intersects(PollFlags::HUP | PollFlags::ERR)),
    }
}
