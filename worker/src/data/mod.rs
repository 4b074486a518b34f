//! Images to learn from and to be measured on, as pairs of high and low resolution.
//!
//! They come from folders (`folder`) or are made up (`faces`). The high image is the centre
//! square at the wanted size, the low one Pillow's bicubic reduction of it, so that the pair is
//! consistent by construction.

mod faces;
mod folder;

use std::path::PathBuf;

use sha2::{Digest, Sha256};

use crate::config::{Data, Image, Source};
use crate::image::{ImageError, Rgb, bicubic};

/// Raised whenever the pixels of a pair follow otherwise from the same file.
const PREPARATION: u32 = 1;
/// Made-up faces to learn from, and to measure on, where the config names no number.
const FACES: (usize, usize) = (2048, 64);

/// Which part of the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Split {
    /// Images to learn from.
    Train,
    /// Images that are only measured on.
    Validation,
}

/// One image at both resolutions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    /// The truth, `size` pixels a side.
    pub high: Rgb,
    /// The input, `low` pixels a side.
    pub low: Rgb,
}

/// Why there is no data.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// The config names no folder.
    #[error(
        "`data.{split}` names no folder, name one with PNG or JPEG images or use `source: faces`"
    )]
    NoFolder {
        /// Which part of the data.
        split: Split,
    },
    /// A folder is missing or cannot be listed.
    #[error("cannot list the folder `{}` of `data.{split}`", folder.display())]
    Unreadable {
        /// Which part of the data.
        split: Split,
        /// The folder.
        folder: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A folder holds no images, at any depth.
    #[error("the folder `{}` of `data.{split}` holds no PNG or JPEG image", folder.display())]
    Empty {
        /// Which part of the data.
        split: Split,
        /// The folder.
        folder: PathBuf,
    },
    /// Fewer images than the config asks for.
    #[error("`data.{split}_count` asks for {wanted} images, but the folders hold {found}")]
    TooFew {
        /// Which part of the data.
        split: Split,
        /// As the config says.
        wanted: usize,
        /// As there are.
        found: usize,
    },
    /// The same file is learnt from and measured on.
    #[error("`{}` is a training image and a validation image, keep the two apart", file.display())]
    Shared {
        /// The file.
        file: PathBuf,
    },
    /// An image cannot be decoded.
    #[error("the image `{}` is broken, repair or remove it", file.display())]
    Broken {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        source: ImageError,
    },
}

/// A fixed list of image pairs. Each is read or drawn when it is asked for, and not kept.
pub struct Dataset {
    images: Images,
    size: usize,
    low: usize,
}

enum Images {
    Faces { seed: u64, count: usize },
    Files(Vec<folder::File>),
}

/// Lists one split of the data.
pub fn open(data: &Data, image: &Image, split: Split) -> Result<Dataset, DataError> {
    Ok(Dataset { images: list(data, split)?, size: image.size, low: image.low })
}

/// A name for the data that changes with what the model gets to see: for faces their generator and
/// number, for folders the names and byte sizes of the files; and how images are prepared.
pub fn fingerprint(data: &Data, image: &Image) -> Result<String, DataError> {
    let train = list(data, Split::Train)?;
    let validation = list(data, Split::Validation)?;
    if let (Images::Files(train), Images::Files(validation)) = (&train, &validation) {
        folder::assure_disjoint(train, validation)?;
    }
    let mut hash = Sha256::new();
    hash.update(format!("preparation {PREPARATION}, {} from {}\n", image.size, image.low));
    train.describe(&mut hash);
    hash.update("validation\n");
    validation.describe(&mut hash);
    Ok(base16ct::lower::encode_string(&hash.finalize()[..8]))
}

impl Dataset {
    /// Number of images; never 0.
    #[expect(clippy::len_without_is_empty, reason = "a dataset is never empty")]
    pub fn len(&self) -> usize {
        self.images.len()
    }

    /// A name for image `i` that stays the same from run to run.
    pub fn name(&self, i: usize) -> String {
        match &self.images {
            Images::Faces { .. } => format!("face-{i:05}"),
            Images::Files(files) => files[i].name.clone(),
        }
    }

    /// Image `i` at both resolutions.
    pub fn pair(&self, i: usize) -> Result<Pair, DataError> {
        let high = match &self.images {
            Images::Faces { seed, .. } => faces::render(*seed, i as u64, self.size),
            Images::Files(files) => {
                let file = &files[i].path;
                let broken = |source| DataError::Broken { file: file.clone(), source };
                let image = Rgb::load(file).map_err(broken)?;
                bicubic::resize(&image.centre_square(), self.size, self.size)
            }
        };
        let low = bicubic::resize(&high, self.low, self.low);
        Ok(Pair { high, low })
    }
}

impl Images {
    fn len(&self) -> usize {
        match self {
            Self::Faces { count, .. } => *count,
            Self::Files(files) => files.len(),
        }
    }

    fn describe(&self, hash: &mut Sha256) {
        match self {
            Self::Faces { seed, count } => {
                hash.update(format!("faces {} {seed} {count}\n", faces::VERSION));
            }
            Self::Files(files) => files
                .iter()
                .for_each(|file| hash.update(format!("{}\0{}\n", file.name, file.bytes))),
        }
    }
}

fn list(data: &Data, split: Split) -> Result<Images, DataError> {
    let (folders, count) = match split {
        Split::Train => (&data.train, data.train_count),
        Split::Validation => (&data.validation, data.validation_count),
    };
    match data.source {
        Source::Faces => Ok(match split {
            Split::Train => Images::Faces { seed: 1, count: count.unwrap_or(FACES.0) },
            Split::Validation => Images::Faces { seed: 2, count: count.unwrap_or(FACES.1) },
        }),
        Source::Folder => Ok(Images::Files(folder::list(folders, count, split)?)),
    }
}

impl std::fmt::Display for Split {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Train => "train",
            Self::Validation => "validation",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faces(train: usize, validation: usize) -> Data {
        Data { train_count: Some(train), validation_count: Some(validation), ..Data::default() }
    }

    #[test]
    fn pairs_have_the_sizes_asked_for_and_agree() {
        let image = Image { size: 24, low: 6 };
        let dataset = open(&faces(3, 2), &image, Split::Train).unwrap();
        assert_eq!((dataset.len(), dataset.name(2).as_str()), (3, "face-00002"));
        let pair = dataset.pair(2).unwrap();
        assert_eq!((pair.high.width, pair.high.height, pair.low.width), (24, 24, 6));
        assert_eq!(bicubic::resize(&pair.high, 6, 6), pair.low);
        assert_eq!(dataset.pair(2).unwrap(), pair);
    }

    #[test]
    fn no_validation_face_is_trained_on() {
        let image = Image { size: 8, low: 2 };
        let [train, validation] = [Split::Train, Split::Validation]
            .map(|split| open(&faces(40, 40), &image, split).unwrap());
        let seen: std::collections::HashSet<_> =
            (0..40).map(|i| train.pair(i).unwrap().high.pixels).collect();
        assert_eq!(seen.len(), 40);
        assert!((0..40).all(|i| !seen.contains(&validation.pair(i).unwrap().high.pixels)));
    }

    #[test]
    fn the_fingerprint_follows_the_data() {
        let image = Image { size: 32, low: 8 };
        let print = |data: &Data, image: &Image| fingerprint(data, image).unwrap();
        let base = print(&faces(3, 2), &image);
        assert_eq!(base, print(&faces(3, 2), &image));
        assert_ne!(base, print(&faces(3, 3), &image));
        assert_ne!(base, print(&faces(2, 2), &image));
        assert_ne!(base, print(&faces(3, 2), &Image { size: 32, low: 16 }));
        assert_eq!(print(&Data::default(), &image), print(&faces(2048, 64), &image));
    }
}
