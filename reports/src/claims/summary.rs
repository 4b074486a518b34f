//! The design that claims are judged under, in words and for programs.

use std::collections::BTreeMap;

use experiments::schema::design::{Family, Method};
use serde::Serialize;

/// The design that a claim is judged under.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct DesignSummary {
    pub(crate) alpha: f64,
    pub(crate) method: Method,
    /// The numbers of seeds at the looks of a group-sequential design.
    pub(crate) looks: Vec<usize>,
    /// The level of each of its tests, for a claim that is alone.
    pub(crate) nominal_level: Option<f64>,
    pub(crate) family: Family,
    pub(crate) margin: BTreeMap<String, f64>,
    /// The same for readers.
    #[serde(skip)]
    pub(crate) margins: Vec<String>,
}

impl DesignSummary {
    /// The method, in sentences below `claims` claims.
    pub(super) fn method(&self, claims: usize) -> String {
        let alpha = percent(self.alpha);
        let looks = match self.method {
            Method::GroupSequential => {
                let looks: Vec<String> = self.looks.iter().map(usize::to_string).collect();
                let (last, others) = looks.split_last().expect("a design has a look");
                let others =
                    if others.is_empty() { String::new() } else { others.join(", ") + " and " };
                let level = self
                    .nominal_level
                    .map(|level| format!(", each at a nominal level of {level:.4}"));
                format!(
                    "Group-sequential design with looks after {others}{last} seeds{}",
                    level.unwrap_or_default()
                )
            }
            Method::Anytime => {
                "Anytime-valid design: an e-process, looked at after every seed".to_owned()
            }
        };
        let family = match (self.family, claims) {
            (_, 1) => format!("the chance of a false verdict is at most {alpha}, over all looks"),
            (Family::Claims, _) => format!(
                "by Holm's correction, the chance of even one false verdict among the {claims} claims is at most \
                 {alpha}, over all looks"
            ),
            (Family::Each, _) => format!(
                "the chance of a false verdict on each claim by itself is at most {alpha}, over all looks; it is \
                 higher for the list of {claims}"
            ),
        };
        let margin = if self.margins.is_empty() {
            String::new()
        } else {
            format!(" Equivalent: the difference is smaller than {}.", self.margins.join(", "))
        };
        format!(
            "{looks}: {family}. A verdict that is reached at a look stays. A row is the best if it is better than \
             each of the others (intersection-union).{margin} The intervals of all looks hold the true difference \
             together, with a probability of {} and each comparison by itself.",
            percent(1.0 - self.alpha)
        )
    }
}

fn percent(share: f64) -> String {
    format!("{} %", (share * 1e6).round() / 1e4)
}
