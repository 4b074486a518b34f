//! Faults of the machine.

use crate::attempt::{Attempt, Ownership};
use crate::simulation::Simulation;

const HOUR_MS: i64 = 3_600_000;

impl Simulation {
    /// A random fault, now or at one of the supervisor's next steps.
    pub(crate) fn fault(&mut self) {
        let what = match self.world.random.u8(0..12) {
            0..4 => {
                self.fuse = Some(self.world.random.u32(0..8));
                "the supervisor dies within its next decisions"
            }
            4..7 => {
                let Some((trial, number)) = self.world.any(Attempt::has_holder) else { return };
                let leaves = self.world.random.bool();
                let attempt = self.world.attempt(&trial, number);
                // Child processes of a worker may outlive it, until a supervisor ends them.
                attempt.orphans |= leaves && attempt.worker.is_some();
                attempt.lose_holder();
                "a holder is killed"
            }
            7 => {
                // As by a signal from a user: no cause is recorded.
                let running = self
                    .world
                    .any(|attempt| attempt.worker.is_some() && attempt.asked_ms.is_none());
                let Some((trial, number)) = running else { return };
                let now_ms = self.world.now_ms;
                self.world.attempt(&trial, number).asked_ms = Some(now_ms);
                "a holder is stopped manually"
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
                "no process gets to run for a while"
            }
        };
        self.world.count(what);
    }

    /// Ends all faults.
    pub(crate) fn calm_down(&mut self) {
        (self.world.is_calm, self.world.disk_is_full, self.fuse) = (true, false, None);
    }

    /// True if no attempt has a process or an owner.
    pub(crate) fn is_quiet(&self) -> bool {
        let mut attempts = self.world.attempts.values();
        attempts.all(|attempt| !attempt.has_processes() && attempt.ownership != Ownership::Held)
    }
}
