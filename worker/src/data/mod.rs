//! Images for training and for validation, as pairs of high and low resolution.
//!
//! They come from folders (`folder`) or are synthetic (`faces`). The high image is the centre
//! square at the wanted size, the low one Pillow's bicubic reduction of it, so that the pair is
//! consistent by construction; folders that the unofficial SR3 prepared are taken as they are.

pub(crate) mod cache;
mod digest;
mod error;
mod files;
mod fingerprint;
#[cfg(test)]
mod fixtures;
mod pack;
mod pair;
mod prepare_context;
mod prepared;
mod select;
mod synthetic;

use crate::config::{Data, Image, Source};

pub(crate) use error::DataError;
pub use fingerprint::fingerprint;
pub(crate) use pack::Pack;
use pair::PREPARATION;
pub use pair::{Pair, Split};
pub use prepare_context::PrepareContext;

use files::Item;

/// Synthetic faces for training and for validation, where the config names no number.
const FACES: (usize, usize) = (2048, 64);

/// A fixed list of images, none of them read yet.
pub struct Dataset {
    images: Images,
    image: Image,
}

enum Images {
    Faces { seed: u64, count: usize },
    Files(Vec<Item>),
}

/// Lists one split of the data.
pub fn open(data: &Data, image: &Image, split: Split) -> Result<Dataset, DataError> {
    let (count, faces, seed) = match split {
        Split::Train => (data.train_count, FACES.0, 1),
        Split::Validation => (data.validation_count, FACES.1, 2),
    };
    let images = match data.source {
        Source::Faces => Images::Faces { seed, count: count.unwrap_or(faces) },
        Source::Folder => Images::Files(select::list(data, image, split)?),
    };
    Ok(Dataset { images, image: image.clone() })
}

impl Dataset {
    /// Number of images; never 0.
    pub(crate) fn len(&self) -> usize {
        match &self.images {
            Images::Faces { count, .. } => *count,
            Images::Files(items) => items.len(),
        }
    }

    /// A name for image `i` that stays the same from run to run.
    pub(crate) fn name(&self, i: usize) -> String {
        match &self.images {
            Images::Faces { .. } => format!("face-{i:05}"),
            Images::Files(items) => items[i].name.clone(),
        }
    }

    /// Keeps the first `most` images, at least 1.
    pub(crate) fn truncate(&mut self, most: usize) {
        match &mut self.images {
            Images::Faces { count, .. } => *count = most.min(*count),
            Images::Files(items) => items.truncate(most),
        }
    }

    /// All images, prepared; from the cache if they were before.
    pub fn pack(&self, context: &mut PrepareContext) -> Result<Pack, DataError> {
        match &self.images {
            Images::Faces { seed, count } => Pack::draw(*seed, *count, &self.image, context),
            Images::Files(items) => {
                let digests = digest::of(items, context)?;
                Pack::open(items, &digests, &self.image, context)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::fixtures::Fixtures;
    use super::*;
    use crate::image::bicubic;

    fn faces(train: usize, validation: usize) -> Data {
        Data { train_count: Some(train), validation_count: Some(validation), ..Data::default() }
    }

    fn pack(data: &Data, image: &Image, split: Split) -> Pack {
        let dataset = open(data, image, split).unwrap();
        Fixtures::new().work(|context| dataset.pack(context).unwrap())
    }

    #[test]
    fn pairs_have_the_sizes_asked_for_and_agree() {
        let image = Image { size: 24, low: 6 };
        let pack = pack(&faces(3, 2), &image, Split::Train);
        assert_eq!(pack.len(), 3);
        let pair = pack.pair(2);
        assert_eq!((pair.high.width, pair.high.height, pair.low.width), (24, 24, 6));
        assert_eq!(pair.high, synthetic::render(1, 2, 24));
        assert_eq!(bicubic::resize(&pair.high, 6, 6), pair.low);
        assert_eq!(bicubic::resize(&pair.low, 24, 24), pair.condition);
    }

    #[test]
    fn no_validation_face_is_trained_on() {
        let image = Image { size: 8, low: 2 };
        let [train, validation] =
            [Split::Train, Split::Validation].map(|split| pack(&faces(40, 40), &image, split));
        let seen: std::collections::HashSet<_> =
            (0..40).map(|i| train.pair(i).high.pixels).collect();
        assert_eq!(seen.len(), 40);
        assert!((0..40).all(|i| !seen.contains(&validation.pair(i).high.pixels)));
    }

    #[test]
    fn a_shorter_dataset_has_the_first_images() {
        let fixtures = Fixtures::new();
        (0..3).for_each(|i| fixtures.grey(&format!("train/{i}.png"), 8, i));
        for data in [faces(3, 1), fixtures.train()] {
            let mut dataset = Fixtures::open(&data, Split::Train).unwrap();
            let first = dataset.name(0);
            dataset.truncate(9);
            assert_eq!(dataset.len(), 3);
            dataset.truncate(1);
            assert_eq!((dataset.len(), dataset.name(0)), (1, first));
        }
    }
}
