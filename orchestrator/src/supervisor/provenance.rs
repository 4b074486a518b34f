//! The provenance of an attempt, as its supervisor knows it: the worker's program, the GPUs. For people
//! who look for a difference; no decision depends on it. The holder records the code, the host and the
//! environment ([`crate::run_dir::attempt::Environment`]).

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use experiments::regular_file;

use crate::platform::file_stamp::FileStamp;
use crate::platform::hash::sha256_of;
use crate::run_dir::provenance::{GivenGpu, Program, Provenance, VERSION};
use crate::slots::Inventory;

/// Records provenance, and reads only once what is the same for all attempts.
#[derive(Debug, Default)]
pub(crate) struct Recorder {
    /// The hash of every program, with the state of its file at the time.
    programs: BTreeMap<PathBuf, (FileStamp, String)>,
}

impl Recorder {
    /// The provenance of an attempt of the worker `program` with the `granted` slots.
    pub(crate) fn record(&mut self, program: &Path, granted: &Inventory) -> Provenance {
        let gpus = granted.gpus.iter();
        Provenance {
            orch: VERSION.to_owned(),
            // A program that may be executed and not be read has no hash.
            worker: self.program(program).ok(),
            gpus: gpus.map(|g| GivenGpu { uuid: g.uuid.clone(), name: g.name.clone() }).collect(),
            driver: granted.driver.clone(),
            mock: granted.mock.clone(),
        }
    }

    /// The program, hashed again only if its file has changed.
    fn program(&mut self, path: &Path) -> io::Result<Program> {
        let file = regular_file::open(path)?;
        let stamp = FileStamp::from(&file.metadata()?);
        let known = self.programs.get(path).filter(|(then, _)| *then == stamp);
        let sha256 = match known {
            Some((_, sha256)) => sha256.clone(),
            None => sha256_of(file)?.1,
        };
        self.programs.insert(path.to_owned(), (stamp, sha256.clone()));
        Ok(Program { path: path.to_owned(), sha256 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_hashed_again_when_its_file_changes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("worker");
        let mut recorder = Recorder::default();
        let mut sha256 = |content: &str| {
            std::fs::write(&path, content).unwrap();
            let provenance = recorder.record(&path, &Inventory::default());
            provenance.worker.unwrap().sha256
        };
        // FIPS 180-2, appendix B.1.
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(sha256("abc"), abc);
        let longer = sha256("abcd");
        assert_ne!(longer, abc);
        assert_eq!(recorder.record(Path::new("/nowhere"), &Inventory::default()).worker, None);
    }
}
