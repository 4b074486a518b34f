//! Slots: shares of this machine's GPUs and CPU cores, as locks that the kernel frees.
//!
//! Lock files, one per core and several per GPU, lie in the user's state folder and are never
//! removed. A lock belongs to the open descriptors that holder and worker inherit: a slot is free
//! exactly when no process is left that could use it, however the processes ended, and all runs of
//! this user on this machine share the locks. [`Machine`] reads what the machine has; the rules for
//! which GPU a trial may get are in `placement`.

mod holders;
mod inventory;
mod lease;
mod lock_files;
mod machine;
mod mock_inventory;
mod nvml;
mod occupancy;
mod placement;
mod unavailable;
mod visible_devices;

pub(crate) use self::holders::holders;
pub use self::inventory::{Gpu, Inventory};
pub(crate) use self::inventory::{Infeasible, short_uuid};
pub use self::lease::Lease;
pub(crate) use self::lease::PARTS_PER_GPU;
pub use self::lock_files::{SlotError, Slots};
pub use self::machine::{ENV_INVENTORY, Machine};
pub use self::occupancy::Occupancy;
pub use self::placement::{ForeignProcesses, Request, rejection};
pub use self::unavailable::Unavailable;
