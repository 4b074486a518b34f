//! The data's fingerprint, which distinguishes results on different data.

use std::collections::HashMap;
use std::path::Path;

use sha2::{Digest as _, Sha256};

use super::digest::{self, Digest};
use super::files::Item;
use super::{DataError, Images, PREPARATION, PrepareContext, Split, synthetic};
use crate::config::{Data, Image};
use crate::sha256;

/// A name for the data that changes with what the model gets to see: for faces their generator and
/// number, for folders the names and contents of the files; and how images are prepared.
///
/// Contents are read once and then remembered. A picture in both splits is an error.
pub fn fingerprint(
    data: &Data,
    image: &Image,
    context: &mut PrepareContext,
) -> Result<String, DataError> {
    let mut hash = Sha256::new();
    hash.update(format!("preparation {PREPARATION}, {} from {}\n", image.size, image.low));
    let train = super::open(data, image, Split::Train)?.images;
    let learnt = describe(&train, &mut hash, context)?;
    hash.update("validation\n");
    let validation = super::open(data, image, Split::Validation)?.images;
    let measured = describe(&validation, &mut hash, context)?;
    if let (Images::Files(train), Images::Files(validation)) = (&train, &validation) {
        assure_disjoint(truths(train, &learnt), truths(validation, &measured))?;
    }
    Ok(sha256::hex(hash)[..16].to_owned())
}

/// Puts what the images are into `hash`; returns the digests of their files.
fn describe(
    images: &Images,
    hash: &mut Sha256,
    context: &mut PrepareContext,
) -> Result<Vec<Vec<Digest>>, DataError> {
    match images {
        Images::Faces { seed, count } => {
            hash.update(format!("faces {} {seed} {count}\n", synthetic::VERSION));
            Ok(Vec::new())
        }
        Images::Files(items) => {
            let digests = digest::of(items, context)?;
            for (item, digests) in items.iter().zip(&digests) {
                hash.update(format!("{}\0{}\n", item.name, digest::joined(digests)));
            }
            Ok(digests)
        }
    }
}

/// The file of each truth, and its contents' digest.
fn truths<'a>(
    items: &'a [Item],
    digests: &'a [Vec<Digest>],
) -> impl Iterator<Item = (&'a Digest, &'a Path)> {
    items.iter().zip(digests).map(|(item, digests)| (&digests[0], item.files()[0].path.as_path()))
}

/// Refuses a truth that is in both splits, by whatever name.
fn assure_disjoint<'a>(
    train: impl Iterator<Item = (&'a Digest, &'a Path)>,
    mut validation: impl Iterator<Item = (&'a Digest, &'a Path)>,
) -> Result<(), DataError> {
    let train: HashMap<&Digest, &Path> = train.collect();
    let shared = validation.find_map(|(digest, path)| Some((*train.get(digest)?, path)));
    match shared {
        Some((train, validation)) => {
            Err(DataError::Shared { train: train.to_owned(), validation: validation.to_owned() })
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::data::fixtures::Fixtures;

    #[test]
    fn the_fingerprint_follows_the_faces() {
        let image = Image { size: 32, low: 8 };
        let faces = |train, validation| Data {
            train_count: Some(train),
            validation_count: Some(validation),
            ..Data::default()
        };
        let print = |data: &Data, image: &Image| {
            Fixtures::new().work(|context| fingerprint(data, image, context).unwrap())
        };
        let base = print(&faces(3, 2), &image);
        assert_eq!(base, print(&faces(3, 2), &image));
        assert_ne!(base, print(&faces(3, 3), &image));
        assert_ne!(base, print(&faces(2, 2), &image));
        assert_ne!(base, print(&faces(3, 2), &Image { size: 32, low: 16 }));
        assert_eq!(print(&Data::default(), &image), print(&faces(2048, 64), &image));
    }

    #[test]
    fn the_fingerprint_follows_contents_and_names() {
        let fixtures = Fixtures::new();
        fixtures.grey("train/a.png", 8, 1);
        fixtures.grey("validation/b.png", 8, 2);
        let before = fixtures.fingerprint(&fixtures.folders()).unwrap();
        assert_eq!(fixtures.fingerprint(&fixtures.folders()).unwrap(), before);

        let path = fixtures.path("train/a.png");
        let contents = fs::read(&path).unwrap();
        let mut others = contents.clone();
        others[60] ^= 1;
        fs::write(&path, others).unwrap();
        let changed = fixtures.fingerprint(&fixtures.folders()).unwrap();
        assert_ne!(changed, before);
        fs::write(&path, contents).unwrap();
        assert_eq!(fixtures.fingerprint(&fixtures.folders()).unwrap(), before);
        fs::rename(&path, fixtures.path("train/c.png")).unwrap();
        assert_ne!(fixtures.fingerprint(&fixtures.folders()).unwrap(), before);
    }

    #[test]
    fn a_picture_in_both_splits_is_refused_under_any_name() {
        let fixtures = Fixtures::new();
        fixtures.grey("train/a.png", 8, 1);
        fixtures.grey("train/copy.png", 8, 2);
        fixtures.grey("validation/b.png", 8, 2);
        let error = fixtures.fingerprint(&fixtures.folders()).unwrap_err().to_string();
        assert!(
            error.contains("train/copy.png") && error.contains("b.png` are the same"),
            "{error}"
        );
    }
}
