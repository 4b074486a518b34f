//! What goes wrong with the machine.

use crate::attempt::{Attempt, Holder, Ownership};
use crate::simulation::Simulation;

const HOUR_MS: i64 = 3_600_000;

impl Simulation {
    /// Something goes wrong, now or at one of the next things that the supervisor does.
    pub(crate) fn fault(&mut self) {
        let holds = |a: &Attempt| matches!(a.holder, Holder::Coming | Holder::Holding);
        let what = match self.world.random.u8(0..12) {
            0..4 => {
                self.fuse = Some(self.world.random.u32(0..8));
                "the supervisor dies within its next decisions"
            }
            4..7 => {
                let Some((trial, number)) = self.world.any(holds) else { return };
                let leaves = self.world.random.bool();
                let attempt = self.world.attempt(&trial, number);
                // What a worker has started may outlive it, until somebody ends that.
                attempt.orphans |= leaves && attempt.worker.is_some();
                attempt.lose_holder();
                "a holder is killed"
            }
            7 => {
                // As a signal by hand: nobody has written down why.
                let running = |a: &Attempt| a.worker.is_some() && a.asked_ms.is_none();
                let Some((trial, number)) = self.world.any(running) else { return };
                let now_ms = self.world.now_ms;
                self.world.attempt(&trial, number).asked_ms = Some(now_ms);
                "a holder is asked to stop by hand"
            }
            8 => {
                self.supervisor = None;
                for attempt in self.world.attempts.values_mut().filter(|a| a.has_processes()) {
                    attempt.lose_holder();
                    attempt.orphans = false;
                }
                "the machine goes down"
            }
            9 => {
                self.world.disk_is_full = true;
                "the disk is full for a while"
            }
            10 => {
                let hours = self.world.random.i64(-10_000..10_000);
                self.world.wall_ahead_ms += hours * HOUR_MS;
                "the wall clock is stepped"
            }
            _ => {
                let ms = self.world.random.i64(0..120_000);
                self.idle_ms(ms);
                "nobody gets to run for a while"
            }
        };
        self.world.count(what);
    }

    /// From now on nothing goes wrong any more.
    pub(crate) fn calm_down(&mut self) {
        (self.world.is_calm, self.world.disk_is_full, self.fuse) = (true, false, None);
    }

    /// Whether nothing of any attempt is left that lives.
    pub(crate) fn is_quiet(&self) -> bool {
        let quiet = |a: &Attempt| !a.has_processes() && a.claim != Ownership::Held;
        self.world.attempts.values().all(quiet)
    }
}
