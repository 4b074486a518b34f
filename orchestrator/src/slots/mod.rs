//! Slots: shares of this machine's GPUs and CPU cores as locks that the kernel frees.
//!
//! One lock file per core and twelve per GPU, in the user's state folder, are never removed. Who
//! holds one is a matter of open descriptors, which holder and worker inherit: a slot is free
//! exactly when nobody who could use it is left, however they ended, and all runs of this user on
//! this machine see the same ones.

mod inventory;
mod lease;
mod mask;

pub use inventory::{Gpu, Infeasible, Inventory};
pub use lease::{Lease, SlotError, Slots};
