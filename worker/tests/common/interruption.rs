//! Stopping or killing a trial, on whatever it computes.

use experiments::protocol::events::Event;
use experiments::protocol::exit;
use serde_json::Value;

use crate::common::trial::{TrialFolder, points, terminate, visible, weights};

/// Fails unless a trial of `config`, a change of [`config`](crate::common::rows::config), that is killed and
/// then stopped says the same points as undisturbed, and ends in the same weights, bit for bit.
pub(crate) fn changes_nothing(row: &str, config: &Value) {
    let undisturbed = TrialFolder::new(config);
    let (code, whole) = undisturbed.finish("events");
    assert_eq!(code, exit::WORKER_DONE, "{row}");

    let disturbed = TrialFolder::new(config);
    let mut first = disturbed.start("first");
    disturbed.wait_for("first", |e| matches!(e, Event::Metrics { step: 12, .. }));
    first.kill().unwrap();
    first.wait().unwrap();

    let mut second = disturbed.start("second");
    disturbed.wait_for("second", |e| matches!(e, Event::Metrics { step: 16, .. }));
    terminate(&second);
    assert_eq!(second.wait().unwrap().code(), Some(exit::WORKER_STOPPED), "{row}");

    let (code, last) = disturbed.finish("third");
    assert_eq!(code, exit::WORKER_DONE, "{row}");
    let attempts = [disturbed.events("first"), disturbed.events("second"), last];
    assert!(matches!(&attempts[1][0], Event::Hello { resumed_from: Some(10), .. }), "{row}");
    assert_eq!(visible(&attempts), points(&whole), "{row}");
    let newest = |folder: &TrialFolder| weights(&folder.checkpoints()[0]);
    assert_eq!(newest(&disturbed), newest(&undisturbed), "{row}");
}
