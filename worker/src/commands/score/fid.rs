//! FID between the folders, or the reason for its absence.

use std::fmt;

use super::folders::{Folders, Group};
use super::problem::Problem;
use crate::fid::frechet::{self, Moments};
use crate::fid::inception::FEATURES;
use crate::fid::{FEWEST_IMAGES, Inception};

/// Images that go through the network at once.
const BATCH: usize = 32;
/// Batches between two progress messages.
const REPORT_EVERY: usize = 16;

/// The row FID: a distance or the reason for its absence.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Fid {
    Distance(f64),
    NoWeights,
    TooFew { images: usize },
}

impl Fid {
    /// Between the SR and the HR images of `groups`.
    pub(super) fn measure(
        network: Option<&Inception>,
        folders: &Folders,
        groups: &[Group],
    ) -> Result<Self, Vec<Problem>> {
        let Some(network) = network else { return Ok(Self::NoWeights) };
        let images = groups.len();
        if images < FEWEST_IMAGES {
            return Ok(Self::TooFew { images });
        }
        let [mut made, mut real] = [Moments::new(FEATURES), Moments::new(FEATURES)];
        for (number, batch) in groups.chunks(BATCH).enumerate() {
            if number % REPORT_EVERY == 0 {
                tracing::info!("FID: {} of {images} images", number * BATCH);
            }
            let read = batch.iter().map(|group| folders.read(group));
            let batch = read.collect::<Result<Vec<_>, _>>()?;
            made.add(&network.features(batch.iter().map(|images| &images.sr)));
            real.add(&network.features(batch.iter().map(|images| &images.hr)));
        }
        Ok(Self::Distance(frechet::between(&made, &real)))
    }
}

impl fmt::Display for Fid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Distance(distance) => write!(f, "{distance:.3}"),
            Self::NoWeights => f.write_str("no weights"),
            Self::TooFew { images } => write!(
                f,
                "refused: {images} images, but covariances of {FEATURES} features take at least \
                 {FEWEST_IMAGES}"
            ),
        }
    }
}
