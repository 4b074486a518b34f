//! Shared by the tests on CPUs and on a GPU.

pub(crate) mod golden;
pub(crate) mod interruption;
pub(crate) mod rows;
pub(crate) mod section;
pub(crate) mod trial;
pub(crate) mod unet_small;
