//! The screen of a user: a pseudo-terminal, interpreted as by a terminal.

use std::fs::File;
use std::io::{Read, Write};
use std::num::NonZero;
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;

use rustix::fs::{Mode, OFlags, open};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, OptionalActions, Winsize, tcgetattr, tcsetattr, tcsetwinsize};

use crate::common::signals::try_signal;
use crate::common::test_run::TestRun;
use crate::common::wait::wait_for;

const LINES: u16 = 30;
const COLUMNS: u16 = 120;

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
        Self::of_size(COLUMNS, LINES, test.command(arguments))
    }

    /// A command on a terminal of this size.
    pub(crate) fn of_size(columns: u16, lines: u16, mut command: Command) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let slave = open(&*name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).unwrap();
        let size = Winsize { ws_row: lines, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&slave, size).unwrap();
        // Otherwise Ctrl-C would discard output that has not been read yet.
        let mut modes = tcgetattr(&slave).unwrap();
        modes.local_modes |= LocalModes::NOFLSH;
        tcsetattr(&slave, OptionalActions::Now, &modes).unwrap();
        let end = |slave: &OwnedFd| Stdio::from(slave.try_clone().unwrap());
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
        let size = [lines, columns].map(|cells| NonZero::new(cells).unwrap());
        let parser = vt100::Parser::new(size[0], size[1], 0);
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

    /// The screen with its colours and modes.
    pub(crate) fn parsed(&mut self) -> &vt100::Screen {
        self.screen();
        self.parser.screen()
    }

    /// Types keys.
    pub(crate) fn press(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
    }

    /// Sends `orch` a signal by its name, as `kill` knows it.
    pub(crate) fn signal(&self, name: &str) {
        assert!(try_signal(self.orch.id(), name));
    }

    /// True if the terminal passes lines on and echoes them, as a shell needs it.
    pub(crate) fn is_restored(&self) -> bool {
        let modes = tcgetattr(&self.keyboard).unwrap().local_modes;
        modes.contains(LocalModes::ICANON | LocalModes::ECHO)
    }

    /// Waits for its end, and returns the exit code; the terminal stays.
    pub(crate) fn wait_for_end(&mut self) -> i32 {
        let status = wait_for("the end of `orch`", || self.orch.try_wait().unwrap());
        while let Ok(bytes) = self.screen.recv() {
            self.show(&bytes);
        }
        status.code().unwrap()
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
        (self.wait_for_end(), self.parser.screen().contents())
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
    assert!(lines[head + 2].contains(" queued ") && lines[head + 2].contains("waits for its turn"));
    assert!(lines[head + 3].starts_with("1 queued, 1 running; "), "{screen}");
    assert!(lines[head + 3].contains(" elapsed"), "{screen}");
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
        (format!("{trial}-"), *value)
    });
    let rows = screen.lines().filter(|line| line.contains(" succeeded"));
    let rows: Vec<_> = rows.filter(|line| !line.contains(" running")).collect();
    assert_eq!(rows.len(), 2, "{screen}");
    for (row, (trial, value)) in rows.iter().zip(&expected) {
        let shown: f64 = row.split_whitespace().last().unwrap().parse().unwrap();
        let is_rounded = (shown - value).abs() < 1e-3 * value.abs().max(1.0);
        assert!(row.starts_with(trial) && is_rounded, "{value}: {screen}");
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

/// Two trials with long names: one that hangs at its twelfth step, and one that waits for it.
fn long_names() -> TestRun {
    let test = TestRun::with(&[
        ("  a: {label: First}\n", "  cosine-schedule-with-learned-variance: {label: First}\n"),
        ("  b: {label: Second", "  linear-schedule-with-fixed-variance: {label: Second"),
        ("sleep_ms: 20", "sleep_ms: 20, hang_at: 12"),
    ]);
    test.orch("run trip.yaml -d -q -j 1").expect(0, &[]);
    wait_for("a step", || test.orch("status").stdout.contains("11/20").then_some(()));
    test
}

#[test]
fn status_fits_screens_of_every_width() {
    let test = long_names();
    for columns in [60, 100, 200] {
        let mut status = Terminal::of_size(columns, 24, test.command("status"));
        assert_eq!(status.wait_for_end(), 0);
        let screen = status.parsed();
        assert!(!(0..24).any(|row| screen.row_wrapped(row)), "{}", screen.contents());
        let text = screen.contents();
        let row = |word: &str| text.lines().find(|line| line.contains(word)).unwrap();
        assert!(
            row(" running  ").contains("11/20") && row(" running  ").contains("-s0-"),
            "{text}"
        );
        assert!(row(" queued  ").ends_with("waits for its turn"), "{text}");
        assert_eq!(text.contains('…'), columns < 200, "{text}");
    }
    let piped = test.orch("status").stdout;
    assert!(piped.contains("cosine-schedule-with-learned-variance-s0-") && !piped.contains('…'));
}

/// The colour of the word `running` in the table on a terminal, with this environment and flag.
fn colour_of_running(test: &TestRun, variable: &str, flag: &str) -> vt100::Color {
    let mut command = test.command(&format!("status {flag}"));
    if !variable.is_empty() {
        command.env(variable, "1");
    }
    let mut status = Terminal::of_size(100, 24, command);
    assert_eq!(status.wait_for_end(), 0);
    let screen = status.parsed();
    let rows: Vec<_> = screen.rows(0, 100).collect();
    let row = rows.iter().position(|row| row.contains("11/20")).unwrap();
    let before = rows[row].split(" running").next().unwrap();
    let column = u16::try_from(before.chars().count() + 1).unwrap();
    screen.cell(u16::try_from(row).unwrap(), column).unwrap().fgcolor()
}

#[test]
fn colours_are_for_terminals_unless_asked_for() {
    let test = long_names();
    let cyan = vt100::Color::Idx(6);
    assert_eq!(colour_of_running(&test, "", ""), cyan);
    assert_eq!(colour_of_running(&test, "NO_COLOR", ""), vt100::Color::Default);
    assert_eq!(colour_of_running(&test, "NO_COLOR", "--color always"), cyan);
    assert_eq!(colour_of_running(&test, "", "--color never"), vt100::Color::Default);
    let piped = |arguments: &str, variable: &str| {
        let ended = test.start_with(arguments, &[(variable, "1")]).end();
        assert_eq!(ended.code, 0);
        ended.stdout.contains("\u{1b}[36mrunning")
    };
    assert!(!piped("status", "UNUSED") && piped("status --color always", "UNUSED"));
    assert!(piped("status", "FORCE_COLOR") && piped("status", "CLICOLOR_FORCE"));
    assert!(!piped("status --color never", "FORCE_COLOR"));
}

#[test]
fn time_left_is_told_where_there_is_something_to_go_by() {
    let test = TestRun::with(&[("sleep_ms: 20", "sleep_ms: 20, hang_at: 1")]);
    test.orch("run trip.yaml -d -q -j 1").expect(0, &[]);
    wait_for("a trial that runs", || (test.state("a-s0-")? == "running").then_some(()));
    let status = test.json("status --json");
    assert!(status["elapsed_seconds"].is_number() && status["eta_seconds"].is_null(), "{status}");
    assert!(!test.orch("status").stdout.contains(" left\n"));
    test.orch("stop --all -q --now").expect(0, &[]);

    let test = long_names();
    let status = test.json("status --json");
    let (run, trials) = (&status["eta_seconds"], &status["trials"]);
    // The trial that waits takes as long as the one that runs.
    let left = trials[0]["eta_seconds"].as_f64().unwrap();
    assert!(trials[0]["rate"].as_f64().unwrap() > 0.0 && left > 0.0, "{status}");
    assert!(run.as_f64().unwrap() > left && trials[1]["eta_seconds"].is_null(), "{status}");
    assert!(test.orch("status").stdout.contains(" elapsed, about "));
    test.orch("stop --all -q --now").expect(0, &[]);
    let status = test.json("status --json");
    assert!(status["elapsed_seconds"].is_null() && status["eta_seconds"].is_null(), "{status}");
    assert!(status["trials"][0]["elapsed_seconds"].as_f64().unwrap() > 0.0, "{status}");
}
