//! Folders as the unofficial SR3 prepares them: `hr_128/`, `lr_16/` and `sr_16_128/` hold the same
//! images at high resolution, at low, and the latter upsampled again. A folder with any such
//! subfolder is read this way, its images used as they are.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;

use super::files::{self, File, Files, Item};
use super::{DataError, Split};
use crate::config::Image;

/// A subfolder's role and sizes, parsed from its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Subfolder {
    High(usize),
    Low(usize),
    Condition { low: usize, high: usize },
}

impl Subfolder {
    /// The three that make pairs of these sizes.
    fn of(image: &Image) -> [Self; 3] {
        let (high, low) = (image.size, image.low);
        [Self::High(high), Self::Low(low), Self::Condition { low, high }]
    }

    fn parse(name: &str) -> Option<Self> {
        let number = |text: &str| text.parse().ok();
        let parsed = match name.split_once('_')? {
            ("hr", side) => Self::High(number(side)?),
            ("lr", side) => Self::Low(number(side)?),
            ("sr", sides) => {
                let (low, high) = sides.split_once('_')?;
                Self::Condition { low: number(low)?, high: number(high)? }
            }
            _ => return None,
        };
        (parsed.to_string() == name).then_some(parsed)
    }
}

impl fmt::Display for Subfolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::High(side) => write!(f, "hr_{side}"),
            Self::Low(side) => write!(f, "lr_{side}"),
            Self::Condition { low, high } => write!(f, "sr_{low}_{high}"),
        }
    }
}

/// The prepared subfolders of `folder`; none if it is not laid out this way.
pub(super) fn subfolders(folder: &Path) -> io::Result<Vec<Subfolder>> {
    let mut found = Vec::new();
    for entry in fs_err::read_dir(folder)? {
        let entry = entry?;
        if let Some(subfolder) = entry.file_name().to_str().and_then(Subfolder::parse)
            && fs_err::metadata(entry.path())?.is_dir()
        {
            found.push(subfolder);
        }
    }
    found.sort();
    Ok(found)
}

/// The images of the prepared folder `root`, which has the subfolders `found`, sorted by name.
pub(super) fn items(
    root: &Arc<Path>,
    found: &[Subfolder],
    image: &Image,
    split: Split,
) -> Result<Vec<Item>, DataError> {
    let wanted = Subfolder::of(image);
    if wanted.iter().any(|subfolder| !found.contains(subfolder)) {
        let folder = root.to_path_buf();
        return Err(DataError::Sizes { folder, found: joined(found), wanted: joined(&wanted) });
    }
    let mut by_name: BTreeMap<String, [Option<File>; 3]> = BTreeMap::new();
    for (place, subfolder) in wanted.iter().enumerate() {
        let within = subfolder.to_string();
        let files = files::images(root, &within).map_err(|source| DataError::Unreadable {
            split,
            folder: root.join(&within),
            source,
        })?;
        for file in files {
            let name = file.name[within.len() + 1..].to_owned();
            by_name.entry(name).or_default()[place] = Some(file);
        }
    }
    let mut missing = Vec::new();
    let mut items = Vec::with_capacity(by_name.len());
    for (name, files) in by_name {
        match files {
            [Some(high), Some(low), Some(condition)] => {
                items.push(Item { name, files: Files::Prepared([high, low, condition]) });
            }
            files => missing.extend(
                (wanted.iter().zip(&files).filter(|(_, file)| file.is_none()))
                    .map(|(subfolder, _)| format!("{subfolder}/{name}")),
            ),
        }
    }
    if missing.is_empty() {
        Ok(items)
    } else {
        Err(DataError::Unpaired { folder: root.to_path_buf(), missing })
    }
}

fn joined(subfolders: &[Subfolder]) -> String {
    let names: Vec<String> = subfolders.iter().map(|subfolder| format!("`{subfolder}`")).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::data::fixtures::{Fixtures, grey};

    /// A folder with the images of `names`, prepared for 8 px from 2 px.
    fn prepared(names: &[&str]) -> Fixtures {
        let fixtures = Fixtures::new();
        for name in names {
            fixtures.grey(&format!("train/hr_8/{name}"), 8, 10);
            fixtures.grey(&format!("train/lr_2/{name}"), 2, 20);
            fixtures.grey(&format!("train/sr_2_8/{name}"), 8, 30);
        }
        fixtures
    }

    #[test]
    fn images_are_used_as_they_are() {
        let fixtures = prepared(&["00001.png", "00000.png"]);
        fixtures.grey("train/hr_64/other.png", 64, 0);
        assert_eq!(Fixtures::names(&fixtures.train(), Split::Train), ["00000.png", "00001.png"]);
        // Neither follows from the other here, unlike in a pair of our own making.
        let pair = fixtures.pack(&fixtures.train(), Split::Train).unwrap().pair(1);
        assert_eq!((pair.high, pair.low, pair.condition), (grey(8, 10), grey(2, 20), grey(8, 30)));
    }

    #[test]
    fn other_sizes_are_named() {
        let fixtures = prepared(&["a.png"]);
        fs::rename(fixtures.path("train/lr_2"), fixtures.path("train/lr_4")).unwrap();
        let problem = Fixtures::problem(&fixtures.train(), Split::Train);
        assert!(problem.contains("holds `hr_8`, `lr_4`, `sr_2_8`"), "{problem}");
        assert!(problem.contains("need `hr_8`, `lr_2`, `sr_2_8`"), "{problem}");
    }

    #[test]
    fn missing_partners_are_listed() {
        let fixtures = prepared(&["a.png", "b.png", "c.png"]);
        fs::remove_file(fixtures.path("train/sr_2_8/b.png")).unwrap();
        fs::remove_file(fixtures.path("train/hr_8/c.png")).unwrap();
        let problem = Fixtures::problem(&fixtures.train(), Split::Train);
        assert!(problem.ends_with("lacks `sr_2_8/b.png`, `hr_8/c.png`"), "{problem}");
    }

    #[test]
    fn an_image_of_another_size_than_its_folder_says_is_an_error() {
        let fixtures = prepared(&["a.png"]);
        fixtures.grey("train/lr_2/a.png", 3, 20);
        let error = fixtures.pack(&fixtures.train(), Split::Train).err().unwrap().to_string();
        assert!(error.contains("lr_2/a.png` is 3×3 pixels, not 2×2"), "{error}");
    }

    #[test]
    fn only_the_exact_names_are_prepared_folders() {
        assert_eq!(Subfolder::parse("hr_128"), Some(Subfolder::High(128)));
        assert_eq!(
            Subfolder::parse("sr_16_128"),
            Some(Subfolder::Condition { low: 16, high: 128 })
        );
        for other in ["hr", "hr_", "hr_128_old", "lr_x", "sr_16", "hr_0128", "faces"] {
            assert_eq!(Subfolder::parse(other), None, "{other}");
        }
    }
}
