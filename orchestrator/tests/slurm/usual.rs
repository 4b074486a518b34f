//! The usual experiment on a cluster that a test has for itself.

use crate::lab::{FILE, Lab};
use crate::place::Place;

impl Lab {
    /// A folder with the usual file, whose trials run at `place`.
    pub(crate) fn new_at(place: Place) -> Self {
        Self::at(place, FILE)
    }
}
