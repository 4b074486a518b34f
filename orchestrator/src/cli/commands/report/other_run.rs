//! One of several runs whose rows stand together.

use std::collections::BTreeMap;
use std::path::Path;

use experiments::schema::report::Report;
use reports::records::{Records, Variant};
use serde_json::{Map, Value};

use super::explain;
use super::mixed_builds::Mixture;
use crate::cli::commands::report::records::{self, Heading};
use crate::run_dir::RunDir;
use crate::run_dir::snapshot::Resolved;
use crate::store::sync;

/// One of the runs.
pub(crate) struct Side {
    /// The run's name.
    pub(crate) name: String,
    /// Its records.
    pub(crate) records: Records,
    /// What its trials were made with, by their ids.
    pub(crate) trials: Map<String, Value>,
    /// What its results mix, as a sentence.
    mixture: Option<String>,
}

impl Side {
    /// What `report` draws of the run; `aside` is as [`records::collect`] has it.
    pub(crate) async fn read(run: &RunDir, report: &Report, aside: &Path) -> anyhow::Result<Self> {
        let resolved = Resolved::read(&run.experiment())?;
        let mut store = sync::for_reading(run).await?;
        let caption = resolved.with_set(&resolved.caption);
        let configs = resolved.trials.into_iter().map(|trial| (trial.id, trial.config));
        let heading = Heading {
            experiment: &resolved.experiment,
            profile: resolved.profile.as_deref(),
            caption: &caption,
            rows: &resolved.rows,
            configs: &configs.collect::<BTreeMap<_, _>>(),
        };
        let mixture = Mixture::of(&store.trials().await?).map(|mixture| mixture.note());
        let records = records::collect(&mut store, run, &heading, report, aside).await?;
        let trials = explain::trials(&mut store, run).await?;
        Ok(Self { name: run.name(), records, trials, mixture })
    }

    /// What is to be said of its rows.
    pub(crate) fn notes(&self) -> impl Iterator<Item = String> {
        let caption = Some(self.records.caption.trim()).filter(|caption| !caption.is_empty());
        let sentences = [caption, self.mixture.as_deref()].into_iter().flatten();
        sentences.map(|sentence| format!("{}: {sentence}", self.name))
    }

    /// Its row for `variant`, told from those of other runs.
    pub(crate) fn row(&self, variant: &Variant) -> Variant {
        let mut row = variant.clone();
        row.name = format!("{}/{}", self.name, variant.name);
        row.label = format!("{} ({})", variant.label, self.name);
        row
    }
}
