//! A power cut: what an event names is on the disk before the event, and events are before a newer
//! checkpoint has its name.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::thread;

use experiments::protocol::events::{Event, Line};

use crate::common::rows::config;
use crate::common::trial::TrialFolder;

/// Events go to a pipe, which takes them and cannot be synced.
#[test]
fn no_checkpoint_appears_where_events_cannot_be_brought_to_the_disk() {
    let folder = TrialFolder::new(&config());
    let pipe = folder.path("events");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let reader = thread::spawn(move || std::fs::read_to_string(pipe).unwrap());
    let mut attempt = folder.start("events");
    assert_eq!(attempt.wait().unwrap().code(), Some(1));
    let text = reader.join().unwrap();
    let events: Vec<Event> = text.lines().map(|line| Line::parse(line).unwrap().event).collect();
    assert!(matches!(&events[0], Event::Hello { .. }), "{text}");
    assert!(!events.iter().any(|event| matches!(event, Event::Checkpoint { .. })), "{text}");
    let Some(Event::Failed { class, message }) = events.last() else { panic!("{text}") };
    assert_eq!(class.as_str(), "infrastructure");
    assert!(message.contains("sync") && message.contains("events"), "{message}");
    assert!(folder.checkpoints().is_empty());
}

/// What a power cut could take away, as the system calls of a process leave it.
#[derive(Default)]
struct Disk {
    /// Files with contents, and folders with names, that are in memory alone.
    unsynced: BTreeSet<String>,
    /// Synced at least once.
    known: BTreeSet<String>,
}

impl Disk {
    fn is_safe(&self, path: &str) -> bool {
        self.known.contains(path) && !self.unsynced.contains(path)
    }
}

#[test]
#[expect(clippy::print_stderr, reason = "a check that was not made must be seen")]
fn the_system_is_asked_to_keep_events_before_checkpoints_and_files_before_their_events() {
    if !Command::new("strace").args(["-o", "/dev/null", "true"]).status().is_ok_and(|s| s.success())
    {
        eprintln!("skipped: strace cannot trace here, or is not installed (Debian: strace)");
        return;
    }
    let folder = TrialFolder::new(&config());
    let log = folder.path("strace");
    let mut strace = Command::new("strace");
    strace.args(["-f", "-y", "-s", "400", "-o", log.to_str().unwrap()]);
    strace.args(["-e", "trace=write,writev,pwrite64,fsync,fdatasync,rename,renameat,renameat2"]);
    let mut attempt = folder.start_below(strace, "events", &folder.path("cache"));
    assert_eq!(attempt.wait().unwrap().code(), Some(0));

    let events = folder.path("events").to_str().unwrap().to_owned();
    let (mut disk, mut checkpoints, mut artifacts) = (Disk::default(), 0, 0);
    for line in std::fs::read_to_string(&log).unwrap().lines() {
        let Some((call, arguments)) = line.split_once('(') else { continue };
        let call = call.rsplit(' ').next().unwrap();
        let file = arguments.split_once('<').and_then(|(_, rest)| rest.split_once('>'));
        match (call, file) {
            ("fsync" | "fdatasync", Some((path, _))) => {
                disk.unsynced.remove(path);
                disk.known.insert(path.to_owned());
            }
            ("rename" | "renameat" | "renameat2", _) => {
                let names: Vec<&str> = arguments.split('"').skip(1).step_by(2).collect();
                let [from, to] = names[..] else { panic!("{line}") };
                if to.ends_with(".safetensors") {
                    assert!(disk.is_safe(&events), "events before {line}");
                }
                assert!(disk.is_safe(from), "contents before the name: {line}");
                disk.known.insert(to.to_owned());
                disk.unsynced.insert(parent(to));
            }
            (_, Some((path, rest))) => {
                for (kind, count) in
                    [("checkpoint", &mut checkpoints), ("artifact", &mut artifacts)]
                {
                    let is_event =
                        path == events && rest.contains(&format!(r#"event\":\"{kind}\""#));
                    if let Some((_, after)) = rest.split_once(r#"\"path\":\""#).filter(|_| is_event)
                    {
                        let named = after.split('\\').next().unwrap();
                        let named = folder.path(named).to_str().unwrap().to_owned();
                        assert!(disk.is_safe(&named) && disk.is_safe(&parent(&named)), "{line}");
                        *count += 1;
                    }
                }
                disk.unsynced.insert(path.to_owned());
            }
            _ => {}
        }
    }
    assert_eq!((checkpoints, artifacts), (3, 6 + 3));
}

fn parent(path: &str) -> String {
    Path::new(path).parent().unwrap().to_str().unwrap().to_owned()
}
