//! Images on disk: one file of any size, or the three files that the unofficial SR3
//! prepares; and what pair they make.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{DataError, Pair};
use crate::config::Image;
use crate::image::{Rgb, bicubic, files};

/// One file of a folder that the config names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct File {
    pub(super) path: PathBuf,
    /// The folder that the config names.
    pub(super) root: Arc<Path>,
    /// The path inside that one, with `/` between the parts.
    pub(super) name: String,
    pub(super) stamp: Stamp,
}

/// Size and time, which change whenever a file's contents do. The time is that of the inode's last change, which
/// no program can set back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct Stamp {
    pub(super) bytes: u64,
    pub(super) changed_ns: i64,
}

/// One image of a split, not read yet.
#[derive(Debug)]
pub(super) struct Item {
    /// The path inside its folder, with `/` between the parts.
    pub(super) name: String,
    pub(super) files: Files,
}

#[derive(Debug)]
pub(super) enum Files {
    /// An image of any size.
    Original(File),
    /// High resolution, low resolution, and the latter upsampled, to be used as they are.
    Prepared([File; 3]),
}

impl Item {
    /// The files that the pair is made of; the first one holds the truth.
    pub(super) fn files(&self) -> &[File] {
        match &self.files {
            Files::Original(file) => std::slice::from_ref(file),
            Files::Prepared(files) => files,
        }
    }

    /// The pair that the files' `contents` make.
    pub(super) fn pair(&self, contents: &[Vec<u8>], image: &Image) -> Result<Pair, DataError> {
        let decode = |file: &File, bytes: &[u8]| {
            Rgb::decode(bytes, &file.path)
                .map_err(|source| DataError::Broken { file: file.path.clone(), source })
        };
        match &self.files {
            Files::Original(file) => {
                let square = decode(file, &contents[0])?.centre_square();
                Ok(Pair::of(bicubic::resize(&square, image.size, image.size), image.low))
            }
            Files::Prepared(files) => {
                let exact = |i: usize, side: usize| {
                    let Rgb { width, height, pixels } = decode(&files[i], &contents[i])?;
                    let file = files[i].path.clone();
                    if (width, height) == (side, side) {
                        Ok(Rgb { width, height, pixels })
                    } else {
                        Err(DataError::WrongSize { file, width, height, side })
                    }
                };
                let (high, low) = (exact(0, image.size)?, exact(1, image.low)?);
                Ok(Pair { high, low, condition: exact(2, image.size)? })
            }
        }
    }
}

/// The images at and below the folder `within` of `root`, sorted by name.
pub(super) fn images(root: &Arc<Path>, within: &str) -> io::Result<Vec<File>> {
    let prefix = if within.is_empty() { String::new() } else { format!("{within}/") };
    let mut images = Vec::new();
    for (name, path) in files::find(&root.join(within))? {
        let metadata = fs_err::metadata(&path)?;
        let changed_ns = metadata.ctime() * 1_000_000_000 + metadata.ctime_nsec();
        let stamp = Stamp { bytes: metadata.len(), changed_ns };
        let name = format!("{prefix}{name}");
        images.push(File { path, root: Arc::clone(root), name, stamp });
    }
    Ok(images)
}
