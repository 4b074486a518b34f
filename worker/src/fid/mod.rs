//! FID, the Fréchet Inception distance (Heusel et al. 2017): how far apart two sets of images are in
//! the eyes of one fixed network. Its weights are given by path; nothing here downloads anything.

mod blocks;
pub(crate) mod frechet;
pub(crate) mod inception;
mod layers;

pub(crate) use inception::Inception;

/// With fewer images than features the covariances lack rank, and the distance is meaningless.
pub(crate) const FEWEST_IMAGES: usize = inception::FEATURES as usize;
