//! Folders of small images for the tests of this module, with a cache of their own.

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::{DataError, Dataset, Pack, PrepareContext, Split};
use crate::config::{Data, Image, Source};
use crate::image::Rgb;

/// Sizes of the pairs.
pub(super) const IMAGE: Image = Image { size: 8, low: 2 };

pub(super) struct Fixtures(TempDir);

impl Fixtures {
    pub(super) fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes an image of `side` pixels, every one of the grey `value`.
    pub(super) fn grey(&self, name: &str, side: usize, value: u8) {
        self.image(name, &grey(side, value));
    }

    pub(super) fn image(&self, name: &str, image: &Rgb) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        image.save_png(&path).unwrap();
    }

    /// Data in the folders `train` and `validation`.
    pub(super) fn folders(&self) -> Data {
        Data { validation: vec![self.path("validation")], ..self.train() }
    }

    /// Data in the folder `train`, with no validation images yet.
    pub(super) fn train(&self) -> Data {
        Data { source: Source::Folder, train: vec![self.path("train")], ..Data::default() }
    }

    pub(super) fn open(data: &Data, split: Split) -> Result<Dataset, DataError> {
        super::open(data, &IMAGE, split)
    }

    /// The names of a split's images.
    pub(super) fn names(data: &Data, split: Split) -> Vec<String> {
        let dataset = Self::open(data, split).unwrap();
        (0..dataset.len()).map(|i| dataset.name(i)).collect()
    }

    /// The message of the data's error.
    pub(super) fn problem(data: &Data, split: Split) -> String {
        match Self::open(data, split) {
            Ok(_) => panic!("{data:?} has {split} images"),
            Err(error) => error.to_string(),
        }
    }

    pub(super) fn pack(&self, data: &Data, split: Split) -> Result<Pack, DataError> {
        self.work(|context| Self::open(data, split)?.pack(context))
    }

    pub(super) fn fingerprint(&self, data: &Data) -> Result<String, DataError> {
        self.work(|context| super::fingerprint(data, &IMAGE, context))
    }

    /// Runs `work` uninterrupted, with the cache of these fixtures.
    pub(super) fn work<T>(&self, work: impl FnOnce(&mut PrepareContext) -> T) -> T {
        work(&mut PrepareContext::new(Some(self.path("cache")), 2, &mut |_, _| {
            ControlFlow::Continue(())
        }))
    }
}

pub(super) fn grey(side: usize, value: u8) -> Rgb {
    Rgb { width: side, height: side, pixels: vec![value; side * side * 3] }
}

/// The files of `folder` whose names end in `ending`.
pub(super) fn ending_in(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.extension().is_some_and(|found| found == ending)).collect()
}
