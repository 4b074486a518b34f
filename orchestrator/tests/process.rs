//! Holder, ownership of attempts, executor and slots with real processes: started, stopped and
//! killed.

#![expect(clippy::unwrap_used, reason = "a test's helpers fail the test")]

/// The shared helpers, as far as this program uses them.
mod common {
    pub(crate) mod signals;
    pub(crate) mod wait;
}

mod attempts {
    mod exits;
    mod fixture;
    mod ownership;
    mod slots;
    mod stops;
}
