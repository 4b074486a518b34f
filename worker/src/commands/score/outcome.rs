//! The scores of two folders, and their JSON.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::fid::Fid;
use super::folders::Folders;
use super::problem::Size;
use crate::evaluate::Scores;

/// The scores of all images.
pub(super) struct Outcome {
    pub(super) images: Vec<(String, Scores)>,
    /// Sizes of the low-resolution images.
    pub(super) lows: BTreeSet<Size>,
    pub(super) fid: Fid,
}

impl Outcome {
    pub(super) fn mean(&self) -> Scores {
        let scores: Vec<Scores> = self.images.iter().map(|(_, scores)| *scores).collect();
        Scores::mean(&scores)
    }

    pub(super) fn to_json(&self, folders: &Folders) -> Value {
        let fields = |scores: Scores| -> Map<String, Value> {
            scores.named("").into_iter().map(|(name, value)| (name, json!(value))).collect()
        };
        let image = |(name, scores): &(String, Scores)| {
            let mut image = Map::from_iter([("name".to_owned(), json!(name))]);
            image.extend(fields(*scores));
            image
        };
        let fid = match self.fid {
            Fid::Distance(distance) => json!({"value": distance}),
            reason => json!({"value": null, "reason": reason.to_string()}),
        };
        let sizes: Vec<[usize; 2]> = self.lows.iter().map(|s| [s.width, s.height]).collect();
        json!({
            "n": self.images.len(),
            "mean": fields(self.mean()),
            "fid": fid,
            "low": {"from": if folders.lr.is_some() { "lr" } else { "hr" }, "sizes": sizes},
            "images": self.images.iter().map(image).collect::<Vec<_>>(),
        })
    }
}
