//! Images in folders: PNG and JPEG of any size, found at any depth.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::{DataError, Split};

/// What the names of images end in, in lower case.
const EXTENSIONS: [&str; 3] = ["png", "jpg", "jpeg"];

/// One image file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct File {
    pub(super) path: PathBuf,
    /// The path inside its folder, with `/` between the parts on every system.
    pub(super) name: String,
    pub(super) bytes: u64,
}

/// The images of the folders, each sorted by name, one folder after the other; the first `count` of
/// them if a number is given.
pub(super) fn list(
    folders: &[PathBuf],
    count: Option<usize>,
    split: Split,
) -> Result<Vec<File>, DataError> {
    if folders.is_empty() {
        return Err(DataError::NoFolder { split });
    }
    let mut files = Vec::new();
    for folder in folders {
        let mut found = Vec::new();
        let unreadable = |source| DataError::Unreadable { split, folder: folder.clone(), source };
        collect(folder, "", &mut found).map_err(unreadable)?;
        if found.is_empty() {
            return Err(DataError::Empty { split, folder: folder.clone() });
        }
        found.sort_by(|a, b| a.name.cmp(&b.name));
        files.append(&mut found);
    }
    if let Some(wanted) = count {
        if wanted > files.len() {
            return Err(DataError::TooFew { split, wanted, found: files.len() });
        }
        files.truncate(wanted);
    }
    Ok(files)
}

/// Refuses a file that is in both lists, by whatever path it was reached.
pub(super) fn assure_disjoint(train: &[File], validation: &[File]) -> Result<(), DataError> {
    let real = |file: &File| file.path.canonicalize().unwrap_or_else(|_| file.path.clone());
    let train: HashSet<PathBuf> = train.iter().map(real).collect();
    match validation.iter().find(|file| train.contains(&real(file))) {
        Some(file) => Err(DataError::Shared { file: file.path.clone() }),
        None => Ok(()),
    }
}

/// Adds the images at and below `folder`, whose path inside the root is `prefix`.
fn collect(folder: &Path, prefix: &str, files: &mut Vec<File>) -> std::io::Result<()> {
    for entry in fs_err::read_dir(folder)? {
        let path = entry?.path();
        let Some(last) = path.file_name().map(|name| name.to_string_lossy().into_owned()) else {
            continue;
        };
        let name = format!("{prefix}{last}");
        // Follows links, so that a dataset may be put together from them.
        let metadata = fs_err::metadata(&path)?;
        if metadata.is_dir() {
            collect(&path, &format!("{name}/"), files)?;
        } else if is_image(&path) {
            files.push(File { path, name, bytes: metadata.len() });
        }
    }
    Ok(())
}

fn is_image(path: &Path) -> bool {
    let extension = path.extension().map(|extension| extension.to_string_lossy().to_lowercase());
    extension.is_some_and(|extension| EXTENSIONS.contains(&extension.as_str()))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::config::{Data, Image, Source};
    use crate::data;
    use crate::image::{Rgb, bicubic};

    /// An image whose every pixel is the given grey.
    fn grey(path: &Path, width: usize, height: usize, value: u8) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        Rgb { width, height, pixels: vec![value; width * height * 3] }.save_png(path).unwrap();
    }

    fn folders(train: &Path, validation: &Path) -> Data {
        Data {
            source: Source::Folder,
            train: vec![train.to_owned()],
            validation: vec![validation.to_owned()],
            ..Data::default()
        }
    }

    const IMAGE: Image = Image { size: 8, low: 2 };

    #[test]
    fn images_are_found_at_any_depth_in_the_order_of_their_names() {
        let root = tempfile::tempdir().unwrap();
        grey(&root.path().join("b/2.PNG"), 20, 9, 30);
        grey(&root.path().join("b/10.png"), 3, 3, 20);
        grey(&root.path().join("a.jpeg"), 8, 8, 10);
        fs::write(root.path().join("notes.txt"), "no image").unwrap();
        let data = folders(root.path(), root.path());
        let dataset = data::open(&data, &IMAGE, Split::Train).unwrap();
        let names: Vec<_> = (0..dataset.len()).map(|i| dataset.name(i)).collect();
        assert_eq!(names, ["a.jpeg", "b/10.png", "b/2.PNG"]);
        for (i, value) in [10, 20, 30].into_iter().enumerate() {
            let pair = dataset.pair(i).unwrap();
            assert_eq!(pair.high, Rgb { width: 8, height: 8, pixels: vec![value; 192] });
            assert_eq!(pair.low.pixels, [value; 12]);
        }
        let two = Data { train_count: Some(2), ..data };
        assert_eq!(data::open(&two, &IMAGE, Split::Train).unwrap().len(), 2);
    }

    #[test]
    fn a_large_image_is_cropped_then_reduced() {
        let root = tempfile::tempdir().unwrap();
        let pixels = (0..40 * 30 * 3).map(|i| (i * 7 % 251) as u8).collect();
        let image = Rgb { width: 40, height: 30, pixels };
        image.save_png(&root.path().join("wide.png")).unwrap();
        let dataset = data::open(&folders(root.path(), root.path()), &IMAGE, Split::Train).unwrap();
        let expected = bicubic::resize(&image.centre_square(), 8, 8);
        assert_eq!(dataset.pair(0).unwrap().high, expected);
    }

    #[test]
    fn errors_name_the_folder_or_file() {
        let root = tempfile::tempdir().unwrap();
        let (empty, full) = (root.path().join("empty"), root.path().join("full"));
        fs::create_dir(&empty).unwrap();
        grey(&full.join("good.png"), 8, 8, 1);
        fs::write(full.join("torn.png"), &fs::read(full.join("good.png")).unwrap()[..40]).unwrap();

        let message = |data: Data| match data::open(&data, &IMAGE, Split::Validation) {
            Ok(_) => panic!("{data:?} has no validation images"),
            Err(error) => error.to_string(),
        };
        assert!(message(folders(&full, &root.path().join("gone"))).contains("gone"));
        let no_image = message(folders(&full, &empty));
        assert!(no_image.contains("empty") && no_image.contains("data.validation"), "{no_image}");
        let unnamed = Data { validation: Vec::new(), ..folders(&full, &full) };
        assert!(message(unnamed).contains("names no folder"));
        let many = Data { validation_count: Some(3), ..folders(&full, &full) };
        assert!(message(many).contains("asks for 3 images, but the folders hold 2"));

        let dataset = data::open(&folders(&full, &full), &IMAGE, Split::Validation).unwrap();
        assert!(dataset.pair(0).is_ok());
        assert!(dataset.pair(1).unwrap_err().to_string().contains("torn.png"));
    }

    #[test]
    fn the_fingerprint_sees_files_and_refuses_shared_ones() {
        let root = tempfile::tempdir().unwrap();
        let (train, validation) = (root.path().join("train"), root.path().join("validation"));
        grey(&train.join("a.png"), 8, 8, 1);
        grey(&validation.join("b.png"), 8, 8, 1);
        let data = folders(&train, &validation);
        let before = data::fingerprint(&data, &IMAGE).unwrap();
        assert_eq!(data::fingerprint(&data, &IMAGE).unwrap(), before);

        fs::rename(train.join("a.png"), train.join("c.png")).unwrap();
        let renamed = data::fingerprint(&data, &IMAGE).unwrap();
        assert_ne!(renamed, before);
        grey(&train.join("c.png"), 64, 8, 1);
        assert_ne!(data::fingerprint(&data, &IMAGE).unwrap(), renamed);

        let inside = folders(root.path(), &validation);
        let error = data::fingerprint(&inside, &IMAGE).unwrap_err().to_string();
        assert!(error.contains("b.png"), "{error}");
    }
}
