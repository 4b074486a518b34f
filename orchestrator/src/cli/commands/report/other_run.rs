//! One of several runs whose rows stand together.

use std::collections::BTreeMap;
use std::path::Path;

use experiments::schema::report::Report;
use reports::records::{Records, Variant};
use serde_json::{Map, Value};

use super::explain;
use super::mixed_builds::MixedBuilds;
use crate::cli::commands::report::records::{self, Heading};
use crate::run_dir::RunDir;
use crate::run_dir::snapshot::RunSnapshot;
use crate::store::sync;

/// One of the runs.
pub(crate) struct OtherRun {
    /// The run's name.
    pub(crate) name: String,
    /// Its records.
    pub(crate) records: Records,
    /// What its trials were made with, by their ids.
    pub(crate) trials: Map<String, Value>,
    /// What its results mix, as a sentence.
    mixed_builds: Option<String>,
}

impl OtherRun {
    /// What `report` draws of the run; `aside` is as [`records::collect`] has it.
    pub(crate) async fn read(run: &RunDir, report: &Report, aside: &Path) -> anyhow::Result<Self> {
        let resolved = RunSnapshot::read(&run.experiment())?;
        let mut store = sync::for_reading(run).await?;
        let caption = resolved.with_set(&resolved.run.caption);
        let configs = resolved.trials.into_iter().map(|trial| (trial.id.0, trial.config));
        let heading = Heading {
            experiment: &resolved.run.experiment,
            profile: resolved.run.profile.as_deref(),
            caption: &caption,
            rows: &resolved.run.rows,
            configs: &configs.collect::<BTreeMap<_, _>>(),
        };
        let mixed_builds =
            MixedBuilds::of(&store.trials().await?).map(|mixed_builds| mixed_builds.note());
        let records = records::collect(&mut store, run, &heading, report, aside).await?;
        let trials = explain::trials(&mut store, run).await?;
        Ok(Self { name: run.name(), records, trials, mixed_builds })
    }

    /// What is to be said of its rows.
    pub(crate) fn notes(&self) -> impl Iterator<Item = String> {
        let caption = Some(self.records.caption.trim()).filter(|caption| !caption.is_empty());
        let sentences = [caption, self.mixed_builds.as_deref()].into_iter().flatten();
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
