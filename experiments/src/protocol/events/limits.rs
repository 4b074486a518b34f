//! Limits of an event, so that no worker, however broken, fills the records with garbage or names a
//! file that is not its own. They are documented in `docs/events.md`.

use std::collections::BTreeMap;
use std::path::{Component, Path};

use super::{Code, Event};

/// Longest line in bytes, without its line feed.
pub const LONGEST_LINE: u64 = 1 << 20;

/// Longest name in bytes: of a metric, an item, a kind, an artifact, a phase, a class, a build, …
const LONGEST_NAME: usize = 256;

/// Longest text for people in bytes; the rest is cut off.
const LONGEST_TEXT: usize = 8 << 10;

/// Longest path in bytes.
const LONGEST_PATH: usize = 4 << 10;

/// Distinct metrics of one attempt.
pub const MOST_METRICS: usize = 10_000;

/// The greatest step: the database has signed 64-bit integers.
const LAST_STEP: u64 = i64::MAX as u64;

/// Seconds from the Unix epoch to the end of the year 9999.
const LAST_SECOND: f64 = 253_402_300_799.0;

/// `None` for a time before 1970 or after 9999.
pub(super) fn time(seconds: f64) -> Option<f64> {
    (0.0..=LAST_SECOND).contains(&seconds).then_some(seconds)
}

/// True if `path` is below the folder that it is relative to, judged by its components alone: a
/// symbolic link may still lead elsewhere.
pub fn is_below(path: &Path) -> bool {
    path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
        && path.components().any(|part| matches!(part, Component::Normal(_)))
        && !path.as_os_str().as_encoded_bytes().iter().any(u8::is_ascii_control)
}

/// Cuts the event's texts; the error names the limit that it exceeds.
pub(super) fn enforce(event: &mut Event) -> Result<(), String> {
    match event {
        Event::Hello { program, build, device, resumed_from, metrics, .. } => {
            cut(program);
            device.iter_mut().for_each(cut);
            step("resumed_from", resumed_from.unwrap_or(0))?;
            optional("build", build.as_deref())?;
            for (metric, info) in metrics {
                name("metric", metric)?;
                cut(&mut info.description);
                optional("unit", info.unit.as_deref())?;
            }
            Ok(())
        }
        Event::Code(Code { files, commit, .. }) => {
            optional("commit", commit.as_deref())?;
            hashes(files)
        }
        Event::Imports { files } => hashes(files),
        Event::Progress { phase, step: done, of } => {
            name("phase", phase)?;
            step("step", *done)?;
            step("of", *of)
        }
        Event::Metrics { step: at, item, values } => {
            enforce_on_metrics(*at, item.as_deref(), values.keys().map(String::as_str))
        }
        Event::Checkpoint { step: at, path: file, hash } => {
            step("step", *at)?;
            optional("hash", hash.as_deref())?;
            path(file)
        }
        Event::Artifact { kind, name: shows, step: at, item, path: file } => {
            name("kind", kind)?;
            name("name", shows)?;
            step("step", *at)?;
            optional("item", item.as_deref())?;
            path(file)
        }
        Event::Result { values } => values.keys().try_for_each(|metric| name("metric", metric)),
        Event::Failed { class, message } => {
            cut(message);
            name("class", class.as_str())
        }
        Event::Skipped { lines, reason } => {
            cut(reason);
            step("lines", *lines)
        }
    }
}

/// The same for metrics: their step, item and names.
pub(super) fn enforce_on_metrics<'a>(
    at: u64,
    item: Option<&str>,
    mut names: impl Iterator<Item = &'a str>,
) -> Result<(), String> {
    step("step", at)?;
    optional("item", item)?;
    names.try_for_each(|metric| name("metric", metric))
}

fn name(what: &str, name: &str) -> Result<(), String> {
    if name.len() > LONGEST_NAME {
        return Err(format!("{what} of {} bytes: the limit is {LONGEST_NAME}", name.len()));
    }
    if name.chars().any(char::is_control) {
        return Err(format!("{what} {name:?} has a control character"));
    }
    Ok(())
}

/// The length of a SHA-256 in hexadecimal.
const HASH: usize = 64;

fn hashes(files: &BTreeMap<String, String>) -> Result<(), String> {
    for (path, hash) in files {
        if path.len() > LONGEST_PATH || path.chars().any(char::is_control) {
            return Err(format!("{path:?} is not a path"));
        }
        if hash.len() != HASH || !hash.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(format!("{hash:?} is not a SHA-256 in hexadecimal"));
        }
    }
    Ok(())
}

fn optional(what: &str, text: Option<&str>) -> Result<(), String> {
    text.map_or(Ok(()), |text| name(what, text))
}

fn step(what: &str, step: u64) -> Result<(), String> {
    if step > LAST_STEP {
        return Err(format!("{what} {step} is beyond {LAST_STEP}"));
    }
    Ok(())
}

fn path(path: &str) -> Result<(), String> {
    if path.len() > LONGEST_PATH {
        return Err(format!("path of {} bytes: the limit is {LONGEST_PATH}", path.len()));
    }
    if !is_below(Path::new(path)) {
        return Err(format!("path {path:?} is not relative to the trial's folder and below it"));
    }
    Ok(())
}

fn cut(text: &mut String) {
    if text.len() > LONGEST_TEXT {
        text.truncate(text.floor_char_boundary(LONGEST_TEXT));
        text.push('…');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::events::{Line, LineError};

    fn refused(line: &str) -> String {
        match Line::parse(line) {
            Err(LineError::OutOfLimits { reason }) => reason,
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn a_path_that_could_lead_out_of_the_trial_s_folder_is_refused() {
        for path in
            ["", ".", "/etc/passwd", "..", "a/../../b", "a/..", "a\\nb", "a\\u0000", "./../x"]
        {
            for line in [
                format!(r#"{{"event":"checkpoint","step":1,"path":"{path}"}}"#),
                format!(r#"{{"event":"artifact","kind":"k","name":"n","path":"{path}"}}"#),
            ] {
                assert!(refused(&line).contains("is not relative to the trial's folder"), "{line}");
            }
        }
        for path in ["a", "./a", "checkpoints/step-1", "a/.b", "ü/..c"] {
            let line = format!(r#"{{"event":"checkpoint","step":1,"path":"{path}"}}"#);
            assert!(Line::parse(&line).is_ok(), "{line}");
        }
    }

    #[test]
    fn long_names_and_control_characters_are_refused() {
        let (longest, longer) = ("x".repeat(LONGEST_NAME), "x".repeat(LONGEST_NAME + 1));
        for of_name in [
            |name: &str| format!(r#"{{"event":"metrics","step":1,"values":{{"{name}":1}}}}"#),
            |name: &str| format!(r#"{{"event":"metrics","step":1,"item":"{name}","values":{{}}}}"#),
            |name: &str| format!(r#"{{"event":"result","values":{{"{name}":1}}}}"#),
            |name: &str| format!(r#"{{"event":"progress","phase":"{name}","step":1,"of":2}}"#),
            |name: &str| format!(r#"{{"event":"failed","class":"{name}","message":""}}"#),
            |name: &str| format!(r#"{{"event":"artifact","kind":"{name}","name":"n","path":"p"}}"#),
            |name: &str| format!(r#"{{"event":"artifact","kind":"k","name":"{name}","path":"p"}}"#),
            |name: &str| {
                format!(r#"{{"event":"hello","protocol":1,"program":"p","build":"{name}"}}"#)
            },
        ] {
            assert!(Line::parse(&of_name(&longest)).is_ok());
            assert!(refused(&of_name(&longer)).contains("of 257 bytes: the limit is 256"));
            assert!(refused(&of_name("\\u001b[2J")).contains(r"\u{1b}[2J"));
            assert!(refused(&of_name("\u{9b}2J")).contains("control character"));
        }
    }

    #[test]
    fn long_texts_are_cut_and_impossible_times_are_left_out() {
        let long = "ü".repeat(LONGEST_TEXT);
        let line = format!(r#"{{"event":"failed","class":"c","message":"{long}","time":-1}}"#);
        let line = Line::parse(&line).unwrap();
        let Event::Failed { message, .. } = line.event else { panic!("another event") };
        assert_eq!(message.chars().count(), LONGEST_TEXT / 2 + 1);
        assert_eq!(line.time, None);
        let time = |text: &str| {
            let line = format!(r#"{{"event":"result","values":{{}},"time":{text}}}"#);
            Line::parse(&line).unwrap().time
        };
        assert_eq!(time("1767225600.5"), Some(1_767_225_600.5));
        for nonsense in ["1e300", "-0.1", "253402300800", "\"NaN\"", "\"soon\"", "null", "[1]"] {
            assert_eq!(time(nonsense), None, "{nonsense}");
        }
    }

    #[test]
    fn steps_fit_into_the_database() {
        let progress =
            |step: u64| format!(r#"{{"event":"progress","phase":"","step":{step},"of":1}}"#);
        assert!(Line::parse(&progress(LAST_STEP)).is_ok());
        assert!(refused(&progress(LAST_STEP + 1)).starts_with("step 9223372036854775808 is"));
    }
}
