//! The path of a run's database: in the run's folder, unless that is on a network file system, where
//! SQLite's write-ahead log, which is shared memory, does not work, or its path is longer than SQLite
//! can open. The database is an index over the run's files, so every machine may have one of its own.

use std::io;
use std::path::{Path, PathBuf};

use crate::platform::filesystem::{self, Kind};
use crate::platform::hash;
use crate::platform::host::Host;
use crate::platform::state_dir::{path_in, state_dir};

/// Environment variable that names a folder for all databases.
const ENV_DB_DIR: &str = "ORCH_DB_DIR";

/// Name of the database in a run's folder.
const NAME: &str = "orch.db";

/// Longest path that SQLite can open, in bytes: the buffer of its VFS for Unix has 512, of which it
/// keeps 8 for an ending such as `-journal`.
const MAX_PATH: usize = 504;

/// The database of the run in `run`.
pub(crate) fn of_run(run: &Path) -> PathBuf {
    match folder(run) {
        Some(folder) => path_below(&folder, run),
        None => run.join(NAME),
    }
}

/// The lock file beside a database that lies elsewhere, whose folder is made; `None` for one in the
/// run's folder, where the supervisor's lock is enough.
pub(crate) fn lock(run: &Path) -> io::Result<Option<PathBuf>> {
    let Some(folder) = folder(run) else { return Ok(None) };
    let lock = path_below(&folder, run).with_extension("lock");
    fs_err::create_dir_all(lock.parent().unwrap_or(&folder))?;
    Ok(Some(lock))
}

/// The database's path and the reason for it, for people; `None` if it is in the run's folder.
pub(crate) fn note(run: &Path) -> Option<String> {
    let folder = folder(run)?;
    let database = path_below(&folder, run);
    let reason = match (path_in(ENV_DB_DIR), filesystem::network(run)) {
        (Some(_), _) => format!("as set by `{ENV_DB_DIR}`"),
        (None, Some(kind)) => {
            format!("since `{}` is on {kind}, where it could break", run.display())
        }
        (None, None) => "since the path of the run's folder is too long for SQLite".to_owned(),
    };
    let advice =
        match database.ancestors().find(|above| above.exists()).and_then(filesystem::network) {
            Some(kind) => {
                format!("; that is on {kind} too: set `{ENV_DB_DIR}` to a folder of this machine")
            }
            None => String::new(),
        };
    Some(format!("the database is `{}`, {reason}{advice}", database.display()))
}

/// The folder for databases that `run`'s has to lie in; `None` if it may lie in the run's own.
fn folder(run: &Path) -> Option<PathBuf> {
    path_in(ENV_DB_DIR).or_else(|| folder_for(filesystem::kind(run).ok()?, &real(run)))
}

fn folder_for(kind: Kind, run: &Path) -> Option<PathBuf> {
    let is_too_long = run.join(NAME).as_os_str().len() > MAX_PATH;
    let is_elsewhere = is_too_long || matches!(kind, Kind::Network(_));
    is_elsewhere.then(state_dir)?.map(|state| state.join("databases"))
}

/// The path of `run` by which all ways to it are the same.
fn real(run: &Path) -> PathBuf {
    let real = run.canonicalize().or_else(|_| std::path::absolute(run));
    real.unwrap_or_else(|_| run.to_owned())
}

/// The path names the machine, since a home is often shared; the run's name, for people; and its real
/// path, so that all ways to it lead to one database.
fn path_below(folder: &Path, run: &Path) -> PathBuf {
    let real = real(run);
    let hash = hash::sha256(real.as_os_str().as_encoded_bytes());
    let name = real.file_name().unwrap_or_default().to_string_lossy().into_owned();
    folder.join(Host::this().id()).join(format!("{name}-{}.db", &hash[..16]))
}

#[cfg(test)]
mod tests {
    use sqlx::ConnectOptions;
    use sqlx::sqlite::SqliteConnectOptions;

    use super::*;

    #[test]
    fn only_a_run_on_a_network_file_system_or_of_a_long_path_has_its_database_elsewhere() {
        let run = Path::new("/runs/trip");
        for here in [Kind::Local("ext4"), Kind::Memory("tmpfs")] {
            assert_eq!(folder_for(here, run), None);
        }
        let elsewhere = state_dir().map(|state| state.join("databases"));
        assert_eq!(folder_for(Kind::Network("NFS"), run), elsewhere);
        let long = run.join("d".repeat(600));
        assert_eq!(folder_for(Kind::Local("ext4"), &long), elsewhere);
    }

    #[tokio::test]
    async fn sqlite_opens_a_path_of_the_longest_length_and_none_that_is_longer() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path().canonicalize().unwrap();
        for (length, opens) in [(MAX_PATH, true), (MAX_PATH + 1, false)] {
            let rest = length - root.as_os_str().len() - "//".len() - NAME.len();
            let run = root.join("d".repeat(rest / 2 - 1)).join("e".repeat(rest - rest / 2));
            std::fs::create_dir_all(&run).unwrap();
            assert_eq!(run.join(NAME).as_os_str().len(), length);
            let options = SqliteConnectOptions::new().filename(run.join(NAME));
            let opened = options.create_if_missing(true).connect().await;
            assert_eq!(opened.is_ok(), opens, "{length}");
        }
    }

    #[test]
    fn every_way_to_a_run_leads_to_its_database() {
        let root = tempfile::tempdir().unwrap();
        let run = root.path().join("trip.demo");
        std::fs::create_dir(&run).unwrap();
        std::os::unix::fs::symlink(root.path(), root.path().join("way")).unwrap();
        let database = path_below(Path::new("/state"), &run);
        assert_eq!(path_below(Path::new("/state"), &root.path().join("way/trip.demo")), database);
        assert_eq!(path_below(Path::new("/state"), &run.join("../trip.demo")), database);
        assert_ne!(path_below(Path::new("/state"), &root.path().join("trip.small")), database);
        assert!(database.starts_with(Path::new("/state").join(Host::this().id())));
        let name = database.file_name().unwrap().to_str().unwrap();
        assert!(name.starts_with("trip.demo-"), "{name}");
        assert_eq!(database.extension().unwrap(), "db");
    }
}
