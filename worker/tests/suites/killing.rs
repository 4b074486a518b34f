//! Killing the program at any moment: whatever it was doing, it goes on from a checkpoint.

use std::thread;
use std::time::Duration;

use experiments::protocol::events::Event;
use experiments::protocol::exit;
use serde_json::json;
use worker::checkpoint::Checkpoint;
use worker::random::{Purpose, Stream};

use crate::common::rows::{config, with};
use crate::common::trial::{TrialFolder, terminate, wait_until};

const KILLS: u64 = 14;

#[test]
fn a_kill_at_any_moment_leaves_a_checkpoint_to_go_on_from() {
    // A checkpoint after every step, large enough for a kill to come while it is written.
    let changes = json!({
        "model": {"inner": 96, "multipliers": [1, 1]},
        "training": {"iterations": 100_000, "batch": 1, "checkpoint_every": 1, "log_every": 1},
        "evaluation": {"every": 100_000, "curve_images": 1, "ddim_steps": 1},
    });
    let folder = TrialFolder::new(&with(config(), &changes));
    let partial = folder.path("checkpoints/checkpoint.partial");
    let (mut newest, mut torn) = (None, 0);
    for kill in 0..KILLS {
        let attempt = format!("attempt-{kill}");
        let mut child = folder.start(&attempt);
        folder.wait_for(&attempt, |e| matches!(e, Event::Hello { .. }));
        let events = folder.events(&attempt);
        let Event::Hello { resumed_from, .. } = &events[0] else { panic!("{events:?}") };
        assert_eq!(*resumed_from, newest, "attempt {kill}");

        // Now at any time, now within milliseconds of the next write's beginning.
        let is_aimed = kill % 2 == 0;
        if is_aimed {
            folder.wait_for(&attempt, |e| matches!(e, Event::Checkpoint { .. }));
            wait_until(|| partial.exists());
        }
        let moment = Stream::new(kill, Purpose::Step, &[]).below(if is_aimed { 20 } else { 700 });
        thread::sleep(Duration::from_millis(moment as u64));
        child.kill().unwrap();
        child.wait().unwrap();
        torn += usize::from(partial.exists());

        let opened = folder.checkpoints().first().map(|path| Checkpoint::open(path).unwrap());
        let step = opened.map(|checkpoint| checkpoint.header.progress.step);
        assert!(step >= newest, "attempt {kill} lost steps");
        newest = step;
    }
    assert!(torn > 0, "no kill came while a checkpoint was written");

    let mut last = folder.start("last");
    folder.wait_for("last", |e| matches!(e, Event::Checkpoint { .. }));
    terminate(&last);
    assert_eq!(last.wait().unwrap().code(), Some(exit::WORKER_STOPPED));
    assert!(!partial.exists());
    assert_eq!(folder.checkpoints().len(), 2);
}
