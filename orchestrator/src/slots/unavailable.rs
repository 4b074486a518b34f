//! Why a trial has to wait for slots, in words.

use std::fmt;
use std::mem::discriminant;
use std::path::{Path, PathBuf};

use experiments::schema::resources::{Memory, Resources, Share};

use super::inventory::Inventory;
use super::placement::Rejection;

/// What a trial waits for, and what is in its way.
#[derive(Debug, Clone, PartialEq)]
pub struct Unavailable {
    wanted: Resources,
    obstacle: Obstacle,
    mock: Option<PathBuf>,
}

#[derive(Debug, Clone, PartialEq)]
enum Obstacle {
    /// So many cores are free, of so many.
    Cpus { free: usize, all: u32 },
    /// So much is free on the disk of a folder, and so much has to be.
    Disk { free: Memory, floor: Memory, folder: PathBuf },
    /// Every GPU by its short name; those without a rejection are free, but too few.
    Gpus(Vec<(String, Option<Rejection>)>),
}

impl Unavailable {
    pub(super) fn of_cpus(wanted: &Resources, inventory: &Inventory, free: usize) -> Self {
        let obstacle = Obstacle::Cpus { free, all: inventory.cpus };
        Self { wanted: wanted.clone(), obstacle, mock: inventory.mock.clone() }
    }

    pub(super) fn of_gpus(
        wanted: &Resources,
        inventory: &Inventory,
        gpus: Vec<(String, Option<Rejection>)>,
    ) -> Self {
        let obstacle = Obstacle::Gpus(gpus);
        Self { wanted: wanted.clone(), obstacle, mock: inventory.mock.clone() }
    }

    /// Too little is free on the file system of `folder`.
    pub fn of_disk(wanted: &Resources, free: Memory, folder: &Path) -> Self {
        let obstacle = Obstacle::Disk { free, floor: wanted.disk, folder: folder.to_owned() };
        Self { wanted: wanted.clone(), obstacle, mock: None }
    }

    /// Whether it is for want of room on a disk.
    pub fn is_of_disk(&self) -> bool {
        matches!(self.obstacle, Obstacle::Disk { .. })
    }

    /// Whether both say the same apart from amounts, which change all the time.
    pub fn is_like(&self, other: &Self) -> bool {
        match (&self.obstacle, &other.obstacle) {
            (Obstacle::Cpus { .. }, Obstacle::Cpus { .. })
            | (Obstacle::Disk { .. }, Obstacle::Disk { .. }) => true,
            (Obstacle::Gpus(a), Obstacle::Gpus(b)) => {
                let kind = |(uuid, rejection): &(String, Option<Rejection>)| {
                    (uuid.clone(), rejection.as_ref().map(discriminant))
                };
                a.iter().map(kind).eq(b.iter().map(kind))
            }
            _ => false,
        }
    }
}

impl fmt::Display for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        if let Obstacle::Disk { free, floor, folder } = &self.obstacle {
            return write!(
                f,
                "waits for room on the disk: {free} are free for `{}`, and nothing is started below \
                 {floor} (`resources.disk`)",
                folder.display()
            );
        }
        write!(f, "waits for {}: ", in_words(&self.wanted))?;
        match &self.obstacle {
            Obstacle::Cpus { free: 0, all } => write!(f, "all {all} are taken")?,
            Obstacle::Cpus { free, all } => write!(f, "{free} of {all} CPUs are free")?,
            Obstacle::Disk { .. } => {}
            Obstacle::Gpus(gpus) => {
                let said = gpus.iter().map(|(uuid, rejection)| match rejection {
                    Some(rejection) => format!("{uuid} {rejection}"),
                    None => format!("{uuid} is free"),
                });
                f.write_str(&said.collect::<Vec<_>>().join(", "))?;
                let busy = |h: &Rejection| {
                    matches!(h, Rejection::ForeignProcesses(_) | Rejection::InUse(_))
                };
                if gpus.iter().any(|(_, rejection)| rejection.as_ref().is_some_and(busy)) {
                    f.write_str("; `orch run --allow-busy-gpus` uses busy ones too")?;
                }
            }
        }
        match &self.mock {
            Some(file) => write!(f, " (as `{}` makes up)", file.display()),
            None => Ok(()),
        }
    }
}

/// `1/4 of 1 GPU and 2 CPUs`.
fn in_words(wanted: &Resources) -> String {
    let plural = |n: u32| if n == 1 { "" } else { "s" };
    let cpus = format!("{} CPU{}", wanted.cpus, plural(wanted.cpus));
    match (wanted.gpus, wanted.share) {
        (0, _) => cpus,
        (n, Share::WHOLE) => format!("{n} GPU{} and {cpus}", plural(n)),
        (n, share) => format!("{share} of {n} GPU{} and {cpus}", plural(n)),
    }
}
