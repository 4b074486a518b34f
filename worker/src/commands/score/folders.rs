//! Pairs the images of the folders by name and checks that they fit.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::problem::{Problem, Size};
use crate::image::metrics::WINDOW;
use crate::image::{Rgb, bicubic, files};

/// Default factor from the high-resolution to the low-resolution image.
const REDUCTION: usize = 8;

/// The folders to compare; each name must be in all of them.
#[derive(Debug)]
pub(super) struct Folders {
    pub(super) sr: PathBuf,
    pub(super) hr: PathBuf,
    pub(super) lr: Option<PathBuf>,
    /// Without `lr`: the shorter side to which the true images are reduced, if not an eighth.
    pub(super) low: Option<usize>,
}

/// The files of one name.
#[derive(Debug)]
pub(super) struct Group {
    /// The path inside the folders, without extension.
    pub(super) name: String,
    /// The files of this name in each folder; exactly one in each, or it is a problem.
    files: Vec<Vec<PathBuf>>,
}

/// A super-resolved image, the true one, and the low-resolution one, of sizes that fit.
#[derive(Debug)]
pub(super) struct Images {
    pub(super) sr: Rgb,
    pub(super) hr: Rgb,
    pub(super) low: Rgb,
}

impl Folders {
    fn paths(&self) -> Vec<&Path> {
        [Some(&self.sr), Some(&self.hr), self.lr.as_ref()]
            .into_iter()
            .flatten()
            .map(PathBuf::as_path)
            .collect()
    }

    /// Every name that is in any of the folders, sorted.
    pub(super) fn groups(&self) -> Result<Vec<Group>, Vec<Problem>> {
        let paths = self.paths();
        let mut names: BTreeMap<String, Vec<Vec<PathBuf>>> = BTreeMap::new();
        let mut problems = Vec::new();
        for (i, folder) in paths.iter().enumerate() {
            match files::find(folder) {
                Err(error) => problems.push(Problem::Folder(error)),
                Ok(files) if files.is_empty() => problems.push(Problem::Empty(folder.into())),
                Ok(files) => {
                    for (name, path) in files {
                        let stem = name.rsplit_once('.').map_or(name.as_str(), |(stem, _)| stem);
                        let group = names.entry(stem.to_owned());
                        group.or_insert_with(|| vec![Vec::new(); paths.len()])[i].push(path);
                    }
                }
            }
        }
        let groups = names.into_iter().map(|(name, files)| Group { name, files });
        if problems.is_empty() { Ok(groups.collect()) } else { Err(problems) }
    }

    /// Reads the images of a name, or returns every problem with them.
    pub(super) fn read(&self, group: &Group) -> Result<Images, Vec<Problem>> {
        let (mut images, mut problems) = (Vec::new(), Vec::new());
        for (folder, files) in self.paths().into_iter().zip(&group.files) {
            match group.load(folder, files) {
                Ok(image) => images.push(image),
                Err(problem) => problems.push(problem),
            }
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let mut images = images.into_iter();
        let (sr, hr) = images.next().zip(images.next()).expect("SR and HR are always read");
        self.fit(&group.name, sr, hr, images.next()).map_err(|problem| vec![problem])
    }

    fn fit(&self, name: &str, sr: Rgb, hr: Rgb, lr: Option<Rgb>) -> Result<Images, Problem> {
        let name = name.to_owned();
        let size = Size::of(&hr);
        if Size::of(&sr) != size {
            return Err(Problem::Sizes { name, sr: Size::of(&sr), hr: size });
        }
        if size.shorter() < WINDOW {
            return Err(Problem::TooSmall { name, size });
        }
        let side = self.low.unwrap_or(size.shorter() / REDUCTION).max(1);
        let low = lr.as_ref().map_or_else(|| size.scaled_to(side), Size::of);
        if !size.reduces_to(low) {
            return Err(Problem::NoReduction { name, low, hr: size });
        }
        let low = lr.unwrap_or_else(|| bicubic::resize(&hr, low.width, low.height));
        Ok(Images { sr, hr, low })
    }
}

impl Group {
    fn load(&self, folder: &Path, files: &[PathBuf]) -> Result<Rgb, Problem> {
        match files {
            [] => Err(Problem::Missing { name: self.name.clone(), folder: folder.into() }),
            [file] => Rgb::load(file).map_err(|error| Problem::Unreadable(error.into())),
            [one, other, ..] => Err(Problem::SameName(one.clone(), other.clone())),
        }
    }
}
