//! Digests of files' contents, cached so that each file is read only once.
//!
//! An entry is valid as long as a file's size and time of last change are the same. A file that
//! changed moments ago is not cached: it could change again within the clock's tick.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::files::{File, Item, Stamp};
use super::{DataError, PrepareContext, cache};
use crate::filesystem;
use crate::sha256::sha256;

/// Least age of a file's last change for its digest to be cached; longer than the tick of any
/// file system's clock.
const SETTLED: Duration = Duration::from_secs(2);

/// The SHA-256 of a file's contents, in hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) struct Digest(String);

impl Digest {
    pub(super) fn of(bytes: &[u8]) -> Self {
        Self(sha256(bytes))
    }
}

/// An item's digests in one line.
pub(super) fn joined(digests: &[Digest]) -> String {
    let texts: Vec<&str> = digests.iter().map(|digest| digest.0.as_str()).collect();
    texts.join(" ")
}

/// The digests of each item's files.
pub(super) fn of(
    items: &[Item],
    context: &mut PrepareContext,
) -> Result<Vec<Vec<Digest>>, DataError> {
    let files: Vec<&File> = items.iter().flat_map(Item::files).collect();
    let mut caches: HashMap<&Path, DigestCache> = HashMap::new();
    for file in &files {
        if !caches.contains_key(&*file.root) {
            caches.insert(&file.root, DigestCache::load(context.cache()?, &file.root));
        }
    }
    let mut unknown = files;
    unknown.retain(|file| caches[&*file.root].get(file).is_none());
    let mut read_so_far = unknown.iter();
    let outcome = context.each(
        &unknown,
        |file| Ok(Digest::of(&contents(file)?)),
        |digest| {
            let file = read_so_far.next().expect("each file has one digest");
            caches.get_mut(&*file.root).expect("loaded above").insert(file, digest);
            Ok(())
        },
    );
    // Also what was read before a stop or an error need not be read again.
    caches.values().try_for_each(DigestCache::save)?;
    outcome?;
    let mut digests = Vec::with_capacity(items.len());
    for item in items {
        let known = item.files().iter().map(|file| caches[&*file.root].get(file));
        digests.push(known.map(|digest| digest.expect("read above").clone()).collect());
    }
    Ok(digests)
}

/// The contents of each file of an item, which must have these digests.
pub(super) fn verified(item: &Item, digests: &[Digest]) -> Result<Vec<Vec<u8>>, DataError> {
    let mut all = Vec::with_capacity(digests.len());
    for (file, digest) in item.files().iter().zip(digests) {
        let contents = contents(file)?;
        if Digest::of(&contents) != *digest {
            return Err(DataError::Changed { file: file.path.clone() });
        }
        all.push(contents);
    }
    Ok(all)
}

fn contents(file: &File) -> Result<Vec<u8>, DataError> {
    filesystem::read(&file.path)
        .map_err(|source| DataError::File { file: file.path.clone(), source })
}

/// The digests of the files of one folder, by their names in it.
struct DigestCache {
    path: PathBuf,
    known: BTreeMap<String, (Stamp, Digest)>,
    is_changed: bool,
}

impl DigestCache {
    /// The digests that `cache` has of the folder `root`; none if they are damaged.
    fn load(cache: &Path, root: &Path) -> Self {
        let real = root.canonicalize().unwrap_or_else(|_| root.to_owned());
        let name = Digest::of(real.as_os_str().as_encoded_bytes());
        let path = cache.join("digests").join(name.0).with_extension("json");
        let text = cache::get(&path).unwrap_or_default();
        Self { path, known: serde_json::from_str(&text).unwrap_or_default(), is_changed: false }
    }

    fn get(&self, file: &File) -> Option<&Digest> {
        let (stamp, digest) = self.known.get(&file.name)?;
        (*stamp == file.stamp).then_some(digest)
    }

    fn insert(&mut self, file: &File, digest: Digest) {
        self.known.insert(file.name.clone(), (file.stamp, digest));
        self.is_changed = true;
    }

    fn save(&self) -> Result<(), DataError> {
        if !self.is_changed {
            return Ok(());
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let settled = now.saturating_sub(SETTLED).as_nanos() as i64;
        let lasting: BTreeMap<_, _> =
            self.known.iter().filter(|(_, (stamp, _))| stamp.changed_ns < settled).collect();
        let text = serde_json::to_string(&lasting).expect("names and numbers can be written");
        cache::put(&self.path, &text)
    }
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;
    use std::sync::Arc;

    use fs_err as fs;

    use super::*;
    use crate::data::files::Files;

    /// The digest of a file in `folder` that is said to have the `stamp`.
    fn digest(folder: &Path, stamp: Stamp) -> Digest {
        let root: Arc<Path> = folder.into();
        let file = File { path: folder.join("a.png"), root, name: "a.png".to_owned(), stamp };
        let item = Item { name: "a.png".to_owned(), files: Files::Original(file) };
        let tick = &mut |_, _| ControlFlow::Continue(());
        let mut context = PrepareContext::new(Some(folder.join("cache")), 2, tick);
        of(&[item], &mut context).unwrap().remove(0).remove(0)
    }

    #[test]
    fn contents_are_read_again_only_when_the_stamp_differs() {
        let folder = tempfile::tempdir().unwrap();
        let old = Stamp { bytes: 3, changed_ns: 1_700_000_000_000_000_000 };
        fs::write(folder.path().join("a.png"), "one").unwrap();
        assert_eq!(digest(folder.path(), old), Digest::of(b"one"));
        fs::write(folder.path().join("a.png"), "two").unwrap();
        assert_eq!(digest(folder.path(), old), Digest::of(b"one"));
        let later = Stamp { changed_ns: old.changed_ns + 1, ..old };
        assert_eq!(digest(folder.path(), later), Digest::of(b"two"));
    }

    #[test]
    fn a_file_that_has_just_changed_is_not_cached() {
        let folder = tempfile::tempdir().unwrap();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as i64;
        let young = Stamp { bytes: 3, changed_ns: now };
        for text in ["one", "two"] {
            fs::write(folder.path().join("a.png"), text).unwrap();
            assert_eq!(digest(folder.path(), young), Digest::of(text.as_bytes()));
        }
    }
}
