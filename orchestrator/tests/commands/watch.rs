//! `orch status --watch` on a real terminal.

use super::terminal::Terminal;
use crate::common::test_run::TestRun;
use crate::common::wait::wait_for;

/// One trial that hangs at its twelfth step, and one that waits for it.
fn hanging() -> TestRun {
    let test = TestRun::with(&[("sleep_ms: 20", "sleep_ms: 20, hang_at: 12")]);
    test.orch("run trip.yaml -d -q -j 1").expect(0, &[]);
    wait_for("a step", || test.orch("status").stdout.contains("11/20").then_some(()));
    test
}

fn watch(test: &TestRun, columns: u16, lines: u16) -> Terminal {
    let mut command = test.command("status --watch");
    command.env_remove("NO_COLOR");
    Terminal::of_size(columns, lines, command)
}

/// Asserts that the shell's screen and modes are back.
#[track_caller]
fn assert_restored(terminal: &mut Terminal) {
    let screen = terminal.parsed();
    let (alternate, hidden) = (screen.alternate_screen(), screen.hide_cursor());
    assert!(!alternate && !hidden && terminal.is_restored());
}

#[test]
fn the_screen_shows_the_run_at_every_size() {
    let test = hanging();
    for (columns, lines) in [(60, 20), (100, 30), (200, 60)] {
        let mut watch = watch(&test, columns, lines);
        let screen = watch.wait_for(&["variants × seeds", "11/20", "now ", "q quit"]);
        assert!(screen.contains(|c| ('\u{2801}'..='\u{28ff}').contains(&c)), "{screen}");
        assert!(screen.contains("trip: 1 queued, 1 running"), "{screen}");
        assert!(screen.contains("│a R") && screen.contains("│b ·"), "{screen}");
        assert_eq!(screen.contains("CPUs, load"), lines >= 24, "{screen}");
        watch.press("j");
        watch.wait_for(&["b-s0-", "queued: waits for its turn", "no metric yet"]);
        watch.press("q");
        assert_eq!(watch.wait_for_end(), 0);
        assert_restored(&mut watch);
    }
    assert_eq!(test.state("a-s0-").unwrap(), "running");
}

#[test]
fn keys_do_as_the_verbs_do() {
    let test = hanging();
    let mut watch = watch(&test, 100, 30);
    watch.wait_for(&["│a R", "11/20"]);
    watch.press("w");
    watch.wait_for(&["why a-s0-", "Nothing to do; `orch logs"]);
    watch.press("x?");
    watch.wait_for(&["keys", "F failed"]);
    watch.press("xs");
    watch.wait_for(&["stop a-s0-", "? y/n"]);
    watch.press("n");
    watch.press("s");
    watch.wait_for(&["? y/n"]);
    watch.press("y");
    watch.wait_for(&["cancelled at step 12; its last checkpoint is at step 12", "│a C"]);
    assert_eq!(test.state("a-s0-").unwrap(), "cancelled");
    watch.press("r");
    watch.wait_for(&["retry a-s0-", "? y/n"]);
    watch.press("y");
    watch.wait_for(&["queued again; the running supervisor starts them"]);
    assert!(["queued", "starting", "running"].contains(&&*test.state("a-s0-").unwrap()));
    watch.press("q");
    assert_eq!(watch.wait_for_end(), 0);
}

#[test]
fn logs_are_shown_on_the_whole_screen() {
    let test = TestRun::with(&[("sleep_ms: 20", "sleep_ms: 20, garbage: true, hang_at: 12")]);
    test.orch("run trip.yaml -d -q -j 1").expect(0, &[]);
    let mut watch = watch(&test, 100, 30);
    watch.wait_for(&["variants × seeds", "11/20"]);
    watch.press("l");
    let screen = watch.wait_for(&["attempt-1/std", "garbage", "any other key: back"]);
    assert!(!screen.contains("variants × seeds"), "{screen}");
    let is_error = screen.contains("more garbage");
    watch.press("\t");
    watch.wait_for(&[if is_error { "attempt-1/stdout.log" } else { "more garbage" }]);
    watch.press("x");
    watch.wait_for(&["variants × seeds"]);
    watch.press("\u{3}");
    assert_eq!(watch.wait_for_end(), 130);
    assert_restored(&mut watch);
}

#[test]
fn signals_restore_the_terminal() {
    let test = hanging();
    for signal in ["-TERM", "-INT"] {
        let mut watch = watch(&test, 80, 24);
        watch.wait_for(&["variants × seeds"]);
        assert!(!watch.is_restored());
        watch.signal(signal);
        assert_eq!(watch.wait_for_end(), 130, "{signal}");
        assert_restored(&mut watch);
    }
}

#[test]
fn without_a_terminal_it_is_an_error() {
    let test = hanging();
    test.orch("status --watch").expect(2, &["needs a terminal", "hint: `orch status`"]);
    test.orch("status --watch --json").expect(2, &["cannot be used with"]);
}
