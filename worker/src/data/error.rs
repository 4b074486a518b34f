//! Errors in finding and preparing images; each names the folder, file or setting, and the remedy.

use std::io;
use std::path::PathBuf;

use super::Split;
use crate::image::ImageError;

/// Most names listed in one message; the rest are counted.
const LISTED: usize = 10;

/// Images cannot be found, prepared or cached.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// A folder is missing or cannot be listed.
    #[error("cannot list the folder `{}` of `data.{split}`", folder.display())]
    Unreadable { split: Split, folder: PathBuf, source: io::Error },
    /// A folder holds no images, at any depth.
    #[error("the folder `{}` of `data.{split}` holds no PNG or JPEG image", folder.display())]
    Empty { split: Split, folder: PathBuf },
    /// A prepared folder has other sizes, or is incomplete.
    #[error(
        "the folder `{}` holds {found}, as prepared for the unofficial SR3; `image.size` and \
         `image.low` need {wanted}",
        folder.display()
    )]
    Sizes {
        folder: PathBuf,
        /// Its subfolders of prepared images.
        found: String,
        /// The subfolders that there should be.
        wanted: String,
    },
    /// Prepared images without their partners.
    #[error("the prepared folder `{}` lacks {}", folder.display(), listed(missing))]
    Unpaired {
        folder: PathBuf,
        /// Paths that there should be, inside the folder.
        missing: Vec<String>,
    },
    /// A prepared image differs in size from its folder's name.
    #[error("the prepared image `{}` is {width}×{height} pixels, not {side}×{side}", file.display())]
    WrongSize { file: PathBuf, width: usize, height: usize, side: usize },
    /// The split leaves one of its parts empty.
    #[error(
        "`data.validation_share` of {share} leaves no {split} image among {images}; set another \
         share or name a folder for `data.validation`"
    )]
    Share {
        share: f64,
        /// The part that is empty.
        split: Split,
        images: usize,
    },
    /// The list of validation images cannot be read.
    #[error("cannot read `data.validation_list`, `{}`", file.display())]
    List { file: PathBuf, source: io::Error },
    /// The list of validation images names none.
    #[error("`data.validation_list`, `{}`, names no image", file.display())]
    EmptyList { file: PathBuf },
    /// The list names images that do not exist.
    #[error("`{}` names {}, not in the folders of `data.validation`", file.display(), listed(names))]
    Missing { file: PathBuf, names: Vec<String> },
    /// The list names images twice, or by a name that several have.
    #[error("`{}` names {} twice, or for several images", file.display(), listed(names))]
    Unclear { file: PathBuf, names: Vec<String> },
    /// Validation images of the same name, which results could not distinguish.
    #[error("`data.validation` holds several images called {}; rename them", listed(names))]
    SameName { names: Vec<String> },
    /// Fewer images than the config requires.
    #[error("`data.{split}_count` requires {wanted} images, but there are {found}")]
    TooFew { split: Split, wanted: usize, found: usize },
    /// The same picture is in both splits.
    #[error(
        "`{}` and `{}` are the same picture, one in training and one in validation; keep only one",
        train.display(),
        validation.display()
    )]
    Shared { train: PathBuf, validation: PathBuf },
    /// A file that was listed cannot be read.
    #[error("cannot read the image `{}`", file.display())]
    File { file: PathBuf, source: io::Error },
    /// A file changed between being listed and being used.
    #[error("the image `{}` is being changed; start again when it is not", file.display())]
    Changed { file: PathBuf },
    /// An image cannot be decoded, or is too large.
    #[error("the image `{}` cannot be used; repair or remove it", file.display())]
    Broken { file: PathBuf, source: ImageError },
    /// The environment names no folder for prepared images.
    #[error("no folder for prepared images: set ORCH_CACHE, XDG_CACHE_HOME or HOME")]
    NoCache,
    /// The cache of prepared images cannot be used.
    #[error(
        "cannot keep prepared images in `{}`; set ORCH_CACHE to a folder with free space",
        path.display()
    )]
    Cache { path: PathBuf, source: io::Error },
    /// A cached file that was just made is not what was written.
    #[error(
        "the file of prepared images `{}` was damaged as soon as it was written; set ORCH_CACHE to a \
         folder on another disk",
        path.display()
    )]
    Damaged { path: PathBuf },
    /// A stop was requested before the preparation was finished.
    #[error("stopped while preparing images")]
    Stopped,
}

/// The first of the names, and how many more there are.
fn listed(names: &[String]) -> String {
    let shown: Vec<String> = names.iter().take(LISTED).map(|name| format!("`{name}`")).collect();
    let rest = names.len().saturating_sub(LISTED);
    let rest = if rest > 0 { format!(" and {rest} more") } else { String::new() };
    shown.join(", ") + &rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lists_are_cut() {
        let names: Vec<String> = (0..12).map(|i| i.to_string()).collect();
        assert_eq!(listed(&names[..2]), "`0`, `1`");
        assert!(listed(&names).ends_with("`9` and 2 more"));
    }
}
