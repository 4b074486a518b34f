//! The screen of a user: a pseudo-terminal, interpreted as by a terminal.

use std::fs::File;
use std::io::{Read, Write};
use std::num::NonZero;
use std::os::fd::OwnedFd;
use std::process::{Child, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;

use rustix::fs::{Mode, OFlags, open};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, OptionalActions, Winsize, tcgetattr, tcsetattr, tcsetwinsize};

use crate::common::signals::try_signal;
use crate::common::test_run::TestRun;
use crate::common::wait::wait_for;

const LINES: NonZero<u16> = NonZero::new(30).unwrap();
const COLUMNS: NonZero<u16> = NonZero::new(120).unwrap();

/// `orch` on a terminal of its own.
pub(crate) struct Terminal {
    keyboard: File,
    screen: Receiver<Vec<u8>>,
    parser: vt100::Parser,
    /// Everything that has been written to it so far.
    shown: Vec<u8>,
    orch: Child,
}

impl Terminal {
    pub(crate) fn start(test: &TestRun, arguments: &str) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let slave = open(&*name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).unwrap();
        let (ws_row, ws_col) = (LINES.get(), COLUMNS.get());
        let size = Winsize { ws_row, ws_col, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&slave, size).unwrap();
        // Otherwise Ctrl-C would discard output that has not been read yet.
        let mut modes = tcgetattr(&slave).unwrap();
        modes.local_modes |= LocalModes::NOFLSH;
        tcsetattr(&slave, OptionalActions::Now, &modes).unwrap();
        let end = |slave: &OwnedFd| Stdio::from(slave.try_clone().unwrap());
        let mut command = test.command(arguments);
        command.env("TERM", "xterm").stdin(end(&slave)).stdout(end(&slave)).stderr(end(&slave));
        let orch = command.spawn().unwrap();
        let keyboard = File::from(master);
        let mut output = keyboard.try_clone().unwrap();
        let (send, screen) = mpsc::channel();
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            // Fails once the other end of the terminal is closed.
            while let Ok(n) = output.read(&mut bytes) {
                let _ = send.send(bytes[..n].to_vec());
            }
        });
        let parser = vt100::Parser::new(LINES, COLUMNS, 0);
        Self { keyboard, screen, parser, shown: Vec::new(), orch }
    }

    /// The present contents of the screen.
    pub(crate) fn screen(&mut self) -> String {
        while let Ok(bytes) = self.screen.try_recv() {
            self.show(&bytes);
        }
        self.parser.screen().contents()
    }

    fn show(&mut self, bytes: &[u8]) {
        self.parser.process(bytes);
        self.shown.extend(bytes);
    }

    /// Waits until the screen contains all of `words`, and returns it. It is drawn in parts: to get
    /// the whole, include a word of the last part.
    pub(crate) fn wait_for(&mut self, words: &[&str]) -> String {
        wait_for(&words.join(", "), || {
            let screen = self.screen();
            words.iter().all(|word| screen.contains(word)).then_some(screen)
        })
    }

    /// Types Ctrl-C, which the terminal shows as `^C`.
    pub(crate) fn interrupt(&mut self) {
        self.keyboard.write_all(b"\x03").unwrap();
        wait_for("^C", || {
            self.screen();
            self.shown.windows(2).any(|pair| pair == b"^C").then_some(())
        });
        assert!(try_signal(self.orch.id(), "-INT"));
    }

    /// Waits for its end: the exit code and what is left on the screen.
    pub(crate) fn end(mut self) -> (i32, String) {
        let status = wait_for("the end of `orch`", || self.orch.try_wait().unwrap());
        while let Ok(bytes) = self.screen.recv() {
            self.show(&bytes);
        }
        (status.code().unwrap(), self.parser.screen().contents())
    }
}

#[test]
fn the_table_shows_what_runs_and_leaves_nothing_behind() {
    let test = TestRun::with(&[("sleep_ms: 20", "sleep_ms: 20, hang_at: 12")]);
    let mut run = Terminal::start(&test, "run trip.yaml -j 1");
    let screen = run.wait_for(&["11/20", "1 queued, 1 running"]);
    let lines: Vec<_> = screen.lines().collect();
    let head = lines.iter().position(|line| line.starts_with("trial ")).unwrap();
    assert!(lines[head + 1].starts_with("a-s0-") && lines[head + 1].contains("━"), "{screen}");
    assert_eq!(lines[head + 3], "1 queued, 1 running", "{screen}");
    run.interrupt();
    let (code, screen) = run.end();
    assert_eq!(code, 130);
    let lines: Vec<_> = screen.lines().collect();
    assert!(lines[0].starts_with("trip: 2 trials: 2 new"), "{screen}");
    assert!(lines[1].starts_with("stopping: workers are asked to end"), "{screen}");
    assert!(lines[2].contains(": interrupted: stopped after a checkpoint"), "{screen}");
    assert_eq!(lines[3..], ["0 of 2 trials done; run the file again to resume"], "{screen}");
}

#[test]
fn attach_shows_the_same_table_and_restores_the_terminal() {
    let test = TestRun::with(&[("sleep_ms: 20", "hang_at: 12")]);
    test.orch("run trip.yaml -d -j 1").expect(0, &[]);
    let mut attached = Terminal::start(&test, "attach trip");
    attached.wait_for(&["11/20", "1 queued, 1 running"]);
    attached.interrupt();
    let (code, screen) = attached.end();
    assert_eq!((code, screen.trim()), (130, "detached; trip is still running"));
    assert_eq!(test.state("a-s0-").unwrap(), "running");
}

/// Two trials that are done, in the file's order, which is not that of their names, and a third that
/// hangs.
fn mostly_done() -> TestRun {
    let test = TestRun::with(&[
        ("  a: {label: First}\n", "  z: {label: Zeroth, set: {offset: 2}}\n  a: {label: First}\n"),
        ("sleep_ms: 20", "sleep_ms: 0"),
        ("set: {offset: 1}", "set: {offset: 1, hang_at: 12}"),
    ]);
    test.orch("run trip.yaml -q --only z --only a").expect(0, &[]);
    test
}

/// Asserts that the table has the done trials in the file's order, with their last values.
#[track_caller]
fn assert_last_values(test: &TestRun, screen: &str) {
    let recorded = test.recorded();
    let expected = ["z-s0", "a-s0"].map(|trial| {
        let (_, value) = recorded.loss[trial].last().unwrap();
        (format!("{trial}-"), format!(" {value:.2}"))
    });
    let rows = screen.lines().filter(|line| line.contains(" succeeded"));
    let rows: Vec<_> = rows.filter(|line| !line.contains(" running")).collect();
    assert_eq!(rows.len(), 2, "{screen}");
    for (row, (trial, value)) in rows.iter().zip(&expected) {
        assert!(row.starts_with(trial) && row.trim_end().ends_with(value), "{value}: {screen}");
    }
}

#[test]
fn trials_that_are_done_keep_their_last_value_in_a_resumed_run() {
    let test = mostly_done();
    let mut run = Terminal::start(&test, "run trip.yaml");
    let screen = run.wait_for(&["11/20", "1 running, 2 succeeded"]);
    assert_last_values(&test, &screen);
    run.interrupt();
    assert_eq!(run.end().0, 130);
}

#[test]
fn an_attached_table_has_last_values_and_the_file_s_order() {
    let test = mostly_done();
    test.orch("run trip.yaml -d").expect(0, &[]);
    let mut attached = Terminal::start(&test, "attach trip");
    let screen = attached.wait_for(&["11/20", "1 running, 2 succeeded"]);
    assert_last_values(&test, &screen);
    attached.interrupt();
    assert_eq!(attached.end().0, 130);
}
