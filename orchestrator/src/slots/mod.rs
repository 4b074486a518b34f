//! Slots: shares of this machine's GPUs and CPU cores as locks that the kernel frees.
//!
//! One lock file per core and several per GPU, in the user's state folder, are never removed. Who
//! holds one is a matter of open descriptors, which holder and worker inherit: a slot is free
//! exactly when nobody who could use it is left, however they ended, and all runs of this user on
//! this machine see the same ones. What the machine has is read by [`Machine`], and which GPU a
//! trial may have is for `rules` to say.

mod inventory;
mod lease;
mod machine;
mod mock_inventory;
mod nvml;
mod occupancy;
mod placement;
mod unavailable;
mod visible_devices;

pub use inventory::{Gpu, GpuProcess, Infeasible, Inventory};
pub use lease::{Lease, SlotError, Slots};
pub use machine::{ENV_INVENTORY, Machine};
pub use occupancy::Occupancy;
pub use placement::{ForeignProcesses, Rejection, Request, rejection};
pub use unavailable::Unavailable;
