//! The reason why a trial has to wait for slots, for people.

use std::fmt;
use std::mem::{Discriminant, discriminant};
use std::path::{Path, PathBuf};

use experiments::schema::resources::{Memory, Resources, Share};

use super::inventory::Inventory;
use super::placement::Rejection;

/// Resources that a trial waits for, and the obstacle.
#[derive(Debug, Clone, PartialEq)]
pub struct Unavailable {
    wanted: Resources,
    obstacle: Obstacle,
    mock: Option<PathBuf>,
}

#[derive(Debug, Clone, PartialEq)]
enum Obstacle {
    /// So few cores are free.
    Cpus { free: usize, all: u32 },
    /// So little is free on the disk of a folder.
    Disk { free: Memory, floor: Memory, folder: PathBuf },
    /// Every GPU of the machine.
    Gpus(Vec<GpuOffer>),
}

/// A GPU as it was found for the trial.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct GpuOffer {
    /// Short UUID.
    pub(super) gpu: String,
    /// `None` if the trial may have it, but needs more than one.
    pub(super) rejection: Option<Rejection>,
}

impl Unavailable {
    pub(super) fn of_cpus(wanted: &Resources, inventory: &Inventory, free: usize) -> Self {
        let obstacle = Obstacle::Cpus { free, all: inventory.cpus };
        Self { wanted: wanted.clone(), obstacle, mock: inventory.mock.clone() }
    }

    pub(super) fn of_gpus(
        wanted: &Resources,
        inventory: &Inventory,
        offers: Vec<GpuOffer>,
    ) -> Self {
        let obstacle = Obstacle::Gpus(offers);
        Self { wanted: wanted.clone(), obstacle, mock: inventory.mock.clone() }
    }

    /// Too little space is free on the file system of `folder`.
    pub(crate) fn of_disk(wanted: &Resources, free: Memory, folder: &Path) -> Self {
        let obstacle = Obstacle::Disk { free, floor: wanted.disk, folder: folder.to_owned() };
        Self { wanted: wanted.clone(), obstacle, mock: None }
    }

    /// True if the obstacle is a full disk.
    pub(crate) fn is_of_disk(&self) -> bool {
        matches!(self.obstacle, Obstacle::Disk { .. })
    }

    /// True if both differ at most in amounts and process ids, which change all the time.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        match (&self.obstacle, &other.obstacle) {
            (Obstacle::Cpus { .. }, Obstacle::Cpus { .. })
            | (Obstacle::Disk { .. }, Obstacle::Disk { .. }) => true,
            (Obstacle::Gpus(a), Obstacle::Gpus(b)) => {
                a.iter().map(GpuOffer::kind).eq(b.iter().map(GpuOffer::kind))
            }
            _ => false,
        }
    }
}

impl GpuOffer {
    fn kind(&self) -> (&str, Option<Discriminant<Rejection>>) {
        (&self.gpu, self.rejection.as_ref().map(discriminant))
    }
}

impl fmt::Display for GpuOffer {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match &self.rejection {
            Some(rejection) => write!(f, "{} {rejection}", self.gpu),
            None => write!(f, "{} is free", self.gpu),
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
        write!(f, "waits for {}: ", text(&self.wanted))?;
        match &self.obstacle {
            Obstacle::Cpus { free: 0, all } => write!(f, "all {all} are taken")?,
            Obstacle::Cpus { free, all } => write!(f, "{free} of {all} CPUs are free")?,
            Obstacle::Disk { .. } => {}
            Obstacle::Gpus(offers) => {
                let texts: Vec<_> = offers.iter().map(GpuOffer::to_string).collect();
                f.write_str(&texts.join(", "))?;
                let rejections = offers.iter().filter_map(|offer| offer.rejection.as_ref());
                if rejections.into_iter().any(Rejection::is_by_foreign_processes) {
                    f.write_str("; `orch run --allow-busy-gpus` uses busy ones too")?;
                }
            }
        }
        match &self.mock {
            Some(file) => write!(f, " (mock inventory `{}`)", file.display()),
            None => Ok(()),
        }
    }
}

/// For example `1/4 of 1 GPU and 2 CPUs`.
fn text(wanted: &Resources) -> String {
    let plural = |n: u32| if n == 1 { "" } else { "s" };
    let cpus = format!("{} CPU{}", wanted.cpus, plural(wanted.cpus));
    match (wanted.gpus, wanted.share) {
        (0, _) => cpus,
        (n, Share::WHOLE) => format!("{n} GPU{} and {cpus}", plural(n)),
        (n, share) => format!("{share} of {n} GPU{} and {cpus}", plural(n)),
    }
}
