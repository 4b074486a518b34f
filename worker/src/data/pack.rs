//! The images of a split, prepared once and packed: every pair's truth, condition and
//! low-resolution image as planes of bytes, one record after the other, each with a checksum.
//!
//! Packs of files are kept in the cache, named by a hash of their sources, and are mapped: any number of
//! trials share one copy in memory, and images are read as they are needed. The condition is
//! packed too, for upsampling it costs more than all else that a batch needs
//! (`docs/benchmarks.md`). All checksums are compared when a pack is opened, at gigabytes a second, so
//! that batches need not be. Synthetic faces are drawn into memory.

use std::io::Write;

use memmap2::Mmap;
use sha2::{Digest as _, Sha256};

use super::digest::{self, Digest};
use super::files::Item;
use super::{DataError, PREPARATION, Pair, PrepareContext, cache, synthetic};
use crate::config::Image;
use crate::image::Rgb;
use crate::sha256;

/// Bytes of a record's CRC-32, little-endian, which follows its planes.
const CHECKSUM_BYTES: usize = size_of::<u32>();

/// Stands for the key of a pack of synthetic faces, which is not in the cache.
const FACES: &str = "faces";

/// The prepared images of a split.
pub struct Pack {
    bytes: Bytes,
    image: Image,
}

enum Bytes {
    Drawn(Vec<u8>),
    Mapped(Mmap),
}

impl Pack {
    /// Draws synthetic faces, the first `count` of the family `seed`.
    pub(super) fn draw(
        seed: u64,
        count: usize,
        image: &Image,
        context: &mut PrepareContext,
    ) -> Result<Self, DataError> {
        let mut bytes = Vec::with_capacity(count * record_bytes(image));
        let indices: Vec<u64> = (0..count as u64).collect();
        context.each(
            &indices,
            |&index| {
                let pair = Pair::of(synthetic::render(seed, index, image.size), image.low);
                Ok(record(&pair, FACES, index as usize))
            },
            |record| {
                bytes.extend(record);
                Ok(())
            },
        )?;
        Ok(Self::of(Bytes::Drawn(bytes), image))
    }

    /// Maps the pack of `items`, which have these `digests`; decodes and resizes them first unless
    /// the cache has it.
    pub(super) fn open(
        items: &[Item],
        digests: &[Vec<Digest>],
        image: &Image,
        context: &mut PrepareContext,
    ) -> Result<Self, DataError> {
        let key = &key(digests, image);
        let path = context.cache()?.join("images").join(key).with_extension("pack");
        let is_intact = |context: &mut PrepareContext, bytes: &[u8]| {
            Ok(bytes.len() == items.len() * record_bytes(image)
                && are_intact(bytes, key, image, context)?)
        };
        let sources: Vec<_> = items.iter().zip(digests).enumerate().collect();
        let mapped = cache::mapped(&path, context, is_intact, |context, file| {
            tracing::info!("preparing {} images, once, in `{}`", items.len(), path.display());
            context.each(
                &sources,
                |&(index, (item, digests))| {
                    let pair = item.pair(&digest::verified(item, digests)?, image)?;
                    Ok(record(&pair, key, index))
                },
                |record| {
                    file.write_all(&record)
                        .map_err(|source| DataError::Cache { path: path.clone(), source })
                },
            )
        })?;
        Ok(Self::of(Bytes::Mapped(mapped), image))
    }

    fn of(bytes: Bytes, image: &Image) -> Self {
        Self { bytes, image: image.clone() }
    }

    /// Number of images; never 0.
    pub fn len(&self) -> usize {
        self.bytes().len() / record_bytes(&self.image)
    }

    /// Image `i`'s truth and its condition, each as `[3, S, S]` bytes.
    pub(crate) fn truth_and_condition(&self, i: usize) -> [&[u8]; 2] {
        let [truth, condition, _] = self.record(i);
        [truth, condition]
    }

    /// Image `i` at all resolutions.
    pub fn pair(&self, i: usize) -> Pair {
        let Image { size, low } = self.image;
        let [truth, condition, small] = self.record(i);
        let (high, condition) = (interleaved(truth, size), interleaved(condition, size));
        Pair { high, low: interleaved(small, low), condition }
    }

    /// The planes of truth, condition and low-resolution image.
    fn record(&self, i: usize) -> [&[u8]; 3] {
        let (length, square) = (record_bytes(&self.image), square(self.image.size));
        let record = &self.bytes()[i * length..(i + 1) * length - CHECKSUM_BYTES];
        let (truth, rest) = record.split_at(square);
        let (condition, low) = rest.split_at(square);
        [truth, condition, low]
    }

    fn bytes(&self) -> &[u8] {
        match &self.bytes {
            Bytes::Drawn(bytes) => bytes,
            Bytes::Mapped(bytes) => bytes,
        }
    }
}

/// The bytes that are kept of the pair `index` of the pack `key`.
fn record(pair: &Pair, key: &str, index: usize) -> Vec<u8> {
    let planes = [&pair.high, &pair.condition, &pair.low].into_iter().flat_map(|image| {
        (0..3).flat_map(|channel| image.pixels.iter().skip(channel).step_by(3)).copied()
    });
    let mut record: Vec<u8> = planes.collect();
    record.extend(checksum(&record, key, index));
    record
}

/// The checksum of a record's planes, of its position, and of the pack that it belongs to.
fn checksum(planes: &[u8], key: &str, index: usize) -> [u8; CHECKSUM_BYTES] {
    let mut hash = crc32fast::Hasher::new();
    hash.update(key.as_bytes());
    hash.update(&(index as u64).to_le_bytes());
    hash.update(planes);
    hash.finalize().to_le_bytes()
}

/// True if every record of a pack has its checksum.
fn are_intact(
    bytes: &[u8],
    key: &str,
    image: &Image,
    context: &mut PrepareContext,
) -> Result<bool, DataError> {
    let records: Vec<_> = bytes.chunks_exact(record_bytes(image)).enumerate().collect();
    let mut are_intact = true;
    context.each(
        &records,
        |&(index, record)| {
            let (planes, stored) = record.split_at(record.len() - CHECKSUM_BYTES);
            Ok(checksum(planes, key, index) == stored)
        },
        |is_intact| {
            are_intact &= is_intact;
            Ok(())
        },
    )?;
    Ok(are_intact)
}

/// The image whose planes these are.
fn interleaved(planes: &[u8], side: usize) -> Rgb {
    let pixels = (0..planes.len()).map(|i| planes[i % 3 * side * side + i / 3]).collect();
    Rgb { width: side, height: side, pixels }
}

/// Bytes of a square RGB image.
fn square(side: usize) -> usize {
    3 * side * side
}

fn record_bytes(image: &Image) -> usize {
    2 * square(image.size) + square(image.low) + CHECKSUM_BYTES
}

/// The name of the pack that files of these digests make.
fn key(digests: &[Vec<Digest>], image: &Image) -> String {
    let mut hash = Sha256::new();
    hash.update(format!("preparation {PREPARATION}, {} from {}\n", image.size, image.low));
    for digests in digests {
        hash.update(digest::joined(digests) + "\n");
    }
    sha256::hex(hash)[..32].to_owned()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::MetadataExt;

    use super::*;
    use crate::data::Split;
    use crate::data::fixtures::{Fixtures, ending_in, grey};
    use crate::image::bicubic;

    #[test]
    fn a_large_image_is_cropped_then_reduced() {
        let fixtures = Fixtures::new();
        let pixels = (0..40 * 30 * 3).map(|i| (i * 7 % 251) as u8).collect();
        let image = Rgb { width: 40, height: 30, pixels };
        fixtures.image("train/wide.png", &image);
        let pair = fixtures.pack(&fixtures.train(), Split::Train).unwrap().pair(0);
        assert_eq!(pair.high, bicubic::resize(&image.centre_square(), 8, 8));
        assert_eq!(pair.low, bicubic::resize(&pair.high, 2, 2));
        assert_eq!(pair.condition, bicubic::resize(&pair.low, 8, 8));
    }

    #[test]
    fn packed_images_are_decoded_once() {
        let fixtures = Fixtures::new();
        (0..40).for_each(|i| fixtures.grey(&format!("train/{i:02}.png"), 9, i));
        let packed = |fixtures: &Fixtures| ending_in(&fixtures.path("cache/images"), "pack");
        let pack = fixtures.pack(&fixtures.train(), Split::Train).unwrap();
        assert!((0..40).all(|i| pack.pair(i.into()).high == grey(8, i)));
        assert_eq!(packed(&fixtures).len(), 1);

        // Not made again: the file is the same one.
        let inode = || fs::metadata(&packed(&fixtures)[0]).unwrap().ino();
        let first = inode();
        let pack = fixtures.pack(&fixtures.train(), Split::Train).unwrap();
        assert_eq!((pack.len(), pack.pair(39).high, inode()), (40, grey(8, 39), first));

        fixtures.grey("train/07.png", 9, 200);
        let pack = fixtures.pack(&fixtures.train(), Split::Train).unwrap();
        assert_eq!((pack.pair(7).high, pack.pair(8).high), (grey(8, 200), grey(8, 8)));
        assert_eq!(packed(&fixtures).len(), 2);
    }

    #[test]
    fn a_damaged_pack_is_never_used_but_prepared_again() {
        let fixtures = Fixtures::new();
        (0..40).for_each(|i| fixtures.grey(&format!("train/{i:02}.png"), 9, i + 1));
        fixtures.pack(&fixtures.train(), Split::Train).unwrap();
        let path = &ending_in(&fixtures.path("cache/images"), "pack")[0];
        let whole = fs::read(path).unwrap();
        let record = whole.len() / 40;
        let flipped = |at: usize| {
            let mut bytes = whole.clone();
            bytes[at] ^= 1;
            bytes
        };
        let mut hole = whole.clone();
        hole[4096..8192].fill(0);
        let mut exchanged = whole.clone();
        exchanged[..2 * record].rotate_left(record);
        // Every byte of some record: of its three images and of its checksum.
        let flips = (7 * record..8 * record).map(flipped);
        let whole_images = [vec![], whole[..record].to_vec(), whole[..whole.len() - 1].to_vec()];
        let grown = [&whole[..], &whole[..record]].concat();
        for damaged in flips.chain([hole, exchanged, grown]).chain(whole_images) {
            fs::write(path, damaged).unwrap();
            let pack = fixtures.pack(&fixtures.train(), Split::Train).unwrap();
            assert!((0..40).all(|i| pack.pair(i).high == grey(8, i as u8 + 1)));
            assert_eq!(fs::read(path).unwrap(), whole);
        }
    }

    #[test]
    fn the_pack_of_other_images_is_not_taken_for_this_one() {
        let fixtures = Fixtures::new();
        (0..3).for_each(|i| fixtures.grey(&format!("train/{i}.png"), 9, i));
        fixtures.pack(&fixtures.train(), Split::Train).unwrap();
        let [other] = &ending_in(&fixtures.path("cache/images"), "pack")[..] else { panic!() };
        let other = fs::read(other).unwrap();
        (0..3).for_each(|i| fixtures.grey(&format!("train/{i}.png"), 9, i + 100));
        fixtures.pack(&fixtures.train(), Split::Train).unwrap();
        for path in ending_in(&fixtures.path("cache/images"), "pack") {
            fs::write(path, &other).unwrap();
        }
        let pack = fixtures.pack(&fixtures.train(), Split::Train).unwrap();
        assert_eq!(pack.pair(1).high, grey(8, 101));
    }

    #[test]
    fn a_broken_image_is_named_and_nothing_is_kept() {
        let fixtures = Fixtures::new();
        fixtures.grey("train/good.png", 8, 1);
        let half = fs::read(fixtures.path("train/good.png")).unwrap()[..40].to_vec();
        fs::write(fixtures.path("train/torn.png"), half).unwrap();
        let error = fixtures.pack(&fixtures.train(), Split::Train).err().unwrap().to_string();
        assert!(error.contains("torn.png"), "{error}");
        let images = fixtures.path("cache/images");
        assert!(ending_in(&images, "pack").is_empty() && ending_in(&images, "partial").is_empty());
    }
}
