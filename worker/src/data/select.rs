//! The images of a split: those of its folders, or a share of the training folders, or those
//! that a list names; always in a stated order, and the first so many of them.

use std::collections::{HashMap, HashSet};
use std::io;
use std::path::Path;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::files::{self, Files, Item};
use super::{DataError, Split, prepared};
use crate::config::{Data, Image};
use crate::filesystem;

/// The images of `split`, read from folders.
pub(super) fn list(data: &Data, image: &Image, split: Split) -> Result<Vec<Item>, DataError> {
    let (folders, count) = match (split, data.validation_share) {
        (Split::Train, _) => (&data.train, data.train_count),
        (Split::Validation, Some(_)) => (&data.train, data.validation_count),
        (Split::Validation, None) => (&data.validation, data.validation_count),
    };
    let mut items = Vec::new();
    for folder in folders {
        items.extend(folder_items(folder, image, split)?);
    }
    if let Some(share) = data.validation_share {
        items = part(items, share, split)?;
    }
    if split == Split::Validation {
        if let Some(list) = &data.validation_list {
            items = named(items, list)?;
        }
        assure_names_differ(&items)?;
    }
    if let Some(wanted) = count {
        if wanted > items.len() {
            return Err(DataError::TooFew { split, wanted, found: items.len() });
        }
        items.truncate(wanted);
    }
    Ok(items)
}

/// The images of one folder, sorted by name.
fn folder_items(folder: &Path, image: &Image, split: Split) -> Result<Vec<Item>, DataError> {
    let unreadable = |source| DataError::Unreadable { split, folder: folder.to_owned(), source };
    let root: Arc<Path> = folder.into();
    let items = match prepared::subfolders(folder).map_err(unreadable)?.as_slice() {
        [] => {
            let found = files::images(&root, "").map_err(unreadable)?.into_iter();
            found
                .map(|file| Item { name: file.name.clone(), files: Files::Original(file) })
                .collect()
        }
        subfolders => prepared::items(&root, subfolders, image, split)?,
    };
    if items.is_empty() {
        return Err(DataError::Empty { split, folder: folder.to_owned() });
    }
    Ok(items)
}

/// The part of the images that `split` gets. An image's name alone decides, so that it stays on its
/// side when others are added.
fn part(items: Vec<Item>, share: f64, split: Split) -> Result<Vec<Item>, DataError> {
    let images = items.len();
    let part: Vec<Item> = items
        .into_iter()
        .filter(|item| (position(&item.name) < share) == (split == Split::Validation))
        .collect();
    if part.is_empty() {
        return Err(DataError::Share { share, split, images });
    }
    Ok(part)
}

/// A hash of the name from 0 to 1: the first 8 bytes of its SHA-256 as a fraction.
fn position(name: &str) -> f64 {
    let hash = Sha256::digest(name);
    let first = hash.first_chunk().expect("a SHA-256 has 32 bytes");
    u64::from_be_bytes(*first) as f64 / 2.0_f64.powi(64)
}

/// The images that the file `list` names, in its order. It has one name a line, with or without its
/// extension; empty lines and those that begin with `#` are skipped.
fn named(items: Vec<Item>, list: &Path) -> Result<Vec<Item>, DataError> {
    let text = filesystem::read(list)
        .and_then(|bytes| String::from_utf8(bytes).map_err(io::Error::other))
        .map_err(|source| DataError::List { file: list.to_owned(), source })?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let names: Vec<&str> = lines.filter(|line| !line.starts_with('#')).collect();
    if names.is_empty() {
        return Err(DataError::EmptyList { file: list.to_owned() });
    }
    let mut positions: HashMap<String, Vec<usize>> = HashMap::new();
    for (position, item) in items.iter().enumerate() {
        let stem = Path::new(&item.name).with_extension("").to_string_lossy().into_owned();
        positions.entry(stem).or_default().push(position);
        positions.entry(item.name.clone()).or_default().push(position);
    }
    let mut items: Vec<Option<Item>> = items.into_iter().map(Some).collect();
    let (mut chosen, mut missing, mut unclear) = (Vec::new(), Vec::new(), Vec::new());
    for name in names {
        let item = match positions.get(name).map(Vec::as_slice) {
            None => Err(&mut missing),
            Some([position]) => items[*position].take().ok_or(&mut unclear),
            Some(_) => Err(&mut unclear),
        };
        match item {
            Ok(item) => chosen.push(item),
            Err(problems) => problems.push(name.to_owned()),
        }
    }
    let file = list.to_owned();
    if !missing.is_empty() {
        return Err(DataError::Missing { file, names: missing });
    }
    if !unclear.is_empty() {
        return Err(DataError::Unclear { file, names: unclear });
    }
    Ok(chosen)
}

/// Results name images: two with the same name could not be distinguished.
fn assure_names_differ(items: &[Item]) -> Result<(), DataError> {
    let mut seen = HashSet::new();
    let repeated = items.iter().filter(|item| !seen.insert(&item.name));
    let names: Vec<String> = repeated.map(|item| item.name.clone()).collect();
    if names.is_empty() { Ok(()) } else { Err(DataError::SameName { names }) }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::data::fixtures::{Fixtures, grey};

    #[test]
    fn images_are_found_at_any_depth_in_the_order_of_their_names() {
        let fixtures = Fixtures::new();
        fixtures.grey("train/b/2.PNG", 20, 30);
        fixtures.grey("train/b/10.png", 3, 20);
        fixtures.grey("train/a.jpeg", 8, 10);
        fs::write(fixtures.path("train/notes.txt"), "no image").unwrap();
        assert_eq!(
            Fixtures::names(&fixtures.train(), Split::Train),
            ["a.jpeg", "b/10.png", "b/2.PNG"]
        );
        let pack = fixtures.pack(&fixtures.train(), Split::Train).unwrap();
        for (i, value) in [10, 20, 30].into_iter().enumerate() {
            let pair = pack.pair(i);
            assert_eq!((pair.high, pair.low), (grey(8, value), grey(2, value)));
        }
        let two = Data { train_count: Some(2), ..fixtures.train() };
        assert_eq!(Fixtures::names(&two, Split::Train), ["a.jpeg", "b/10.png"]);
    }

    #[test]
    fn a_share_is_split_off_by_name_and_stays_when_images_are_added() {
        let fixtures = Fixtures::new();
        (0..200).for_each(|i| fixtures.grey(&format!("train/{i}.png"), 1, 0));
        let data = Data { validation_share: Some(0.2), ..fixtures.train() };
        let split = || [Split::Train, Split::Validation].map(|split| Fixtures::names(&data, split));
        let [train, validation] = split();
        assert_eq!(train.len() + validation.len(), 200);
        assert!(train.iter().all(|name| !validation.contains(name)));
        // Six standard deviations of a binomial with p = 0.2.
        assert!(validation.len().abs_diff(40) < 34, "{}", validation.len());

        (200..250).for_each(|i| fixtures.grey(&format!("train/{i}.png"), 1, 0));
        let [more_train, more_validation] = split();
        assert!(train.iter().all(|name| more_train.contains(name)));
        assert!(validation.iter().all(|name| more_validation.contains(name)));
    }

    #[test]
    fn the_position_of_a_name_is_its_sha256s() {
        // printf 00000.png | sha256sum
        let expected = f64::from(0x40b8_7d47_u32) / 2.0_f64.powi(32);
        assert!((position("00000.png") - expected).abs() < 2.0_f64.powi(-32));
    }

    #[test]
    fn a_list_names_images_and_their_order() {
        let fixtures = Fixtures::new();
        (0..4).for_each(|i| fixtures.grey(&format!("validation/0000{i}.png"), 8, i));
        let listed = |text: &str| {
            fs::write(fixtures.path("list.txt"), text).unwrap();
            Data { validation_list: Some(fixtures.path("list.txt")), ..fixtures.folders() }
        };
        let data = listed("# of three,\n00002\r\n\n00000.png\n00003\n");
        assert_eq!(
            Fixtures::names(&data, Split::Validation),
            ["00002.png", "00000.png", "00003.png"]
        );
        let data = Data { validation_count: Some(1), ..data };
        assert_eq!(Fixtures::names(&data, Split::Validation), ["00002.png"]);

        let missing = Fixtures::problem(&listed("00001\n00007\n00009.png\n"), Split::Validation);
        assert!(missing.contains("list.txt` names `00007`, `00009.png`, not in"), "{missing}");
        let twice = Fixtures::problem(&listed("00001\n00001.png\n"), Split::Validation);
        assert!(twice.contains("names `00001.png` twice"), "{twice}");
        let empty = Fixtures::problem(&listed("# none\n"), Split::Validation);
        assert!(empty.contains("names no image"), "{empty}");
        fixtures.grey("validation/00001.jpg", 8, 9);
        let unclear = Fixtures::problem(&listed("00001\n"), Split::Validation);
        assert!(unclear.contains("`00001` twice, or for several"), "{unclear}");
        assert_eq!(Fixtures::names(&listed("00001.jpg\n"), Split::Validation), ["00001.jpg"]);
    }

    #[test]
    fn the_papers_test_images_are_the_first_500_by_number() {
        let fixtures = Fixtures::new();
        let name = |i: usize| format!("{i:05}.jpg");
        (0..510).for_each(|i| fixtures.grey(&format!("validation/{}", name(i)), 1, 0));
        let list = concat!(env!("CARGO_MANIFEST_DIR"), "/../experiments/celebahq-test.txt");
        let data = Data { validation_list: Some(list.into()), ..fixtures.folders() };
        let expected: Vec<String> = (0..500).map(name).collect();
        assert_eq!(Fixtures::names(&data, Split::Validation), expected);
    }

    #[test]
    fn errors_name_the_folder_the_setting_or_the_image() {
        let fixtures = Fixtures::new();
        fixtures.grey("train/a.png", 8, 1);
        fs::create_dir(fixtures.path("empty")).unwrap();
        let validation = |folders: &[&str]| Data {
            validation: folders.iter().map(|folder| fixtures.path(folder)).collect(),
            ..fixtures.train()
        };
        let problem = |data: Data| Fixtures::problem(&data, Split::Validation);
        assert!(problem(validation(&["gone"])).contains("gone"));
        let no_image = problem(validation(&["empty"]));
        assert!(no_image.contains("empty") && no_image.contains("data.validation"), "{no_image}");
        let many = Data { validation_count: Some(3), ..validation(&["train"]) };
        assert!(problem(many).contains("requires 3 images, but there are 1"));
        let same = problem(validation(&["train", "train"]));
        assert!(same.contains("several images called `a.png`"), "{same}");
        let nothing_left = Data { validation_share: Some(1e-9), ..fixtures.train() };
        assert!(problem(nothing_left).contains("leaves no validation image among 1"));
    }
}
