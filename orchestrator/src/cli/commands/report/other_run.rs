//! One of several runs with rows in the same table.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use experiments::schema::report::Report;
use reports::records::{Records, Variant};
use serde_json::{Map, Value};

use super::explain;
use super::mixed_builds::{MixedBuilds, ReportOrigins};
use super::records::{self, Heading};
use crate::cli::commands::damage::open_intact;
use crate::cli::commands::error::Result;
use crate::display::text::named;
use crate::run_dir::RunDir;
use crate::run_dir::snapshot::RunSnapshot;
use crate::store::CodeFiles;

/// A run whose rows are shown with those of others.
pub(crate) struct OtherRun {
    /// The run's name, which its rows are marked with.
    pub(crate) name: String,
    /// Its records.
    pub(crate) records: Records,
    /// The provenance of its trials, as [`explain::trials`] returns it.
    pub(crate) trials: Map<String, Value>,
    /// The code that its results were made with.
    code: CodeFiles,
    /// Sentences about the origins of its results, as far as they are mixed or unknown.
    origins: Vec<String>,
}

impl OtherRun {
    /// Reads the records that `report` draws; `spool_folder` is as in [`records::collect`].
    pub(crate) async fn read(run: &RunDir, report: &Report, spool_folder: &Path) -> Result<Self> {
        let resolved = RunSnapshot::read(&run.resolved())?;
        let mut store = open_intact(run).await?;
        let caption = resolved.with_set(&resolved.run.caption);
        let trials = resolved.trials.into_iter().map(Arc::unwrap_or_clone);
        let configs = trials.map(|trial| (trial.id.0, trial.config));
        let heading = Heading {
            experiment: &resolved.run.experiment,
            profile: resolved.run.profile.as_deref(),
            caption: &caption,
            rows: &resolved.run.rows,
            configs: &configs.collect::<BTreeMap<_, _>>(),
        };
        let ReportOrigins { mixed, notes } = ReportOrigins::read(&mut store).await?;
        let origins = mixed.iter().map(MixedBuilds::note).chain(notes).collect();
        let records = records::collect(&mut store, run, &heading, report, spool_folder).await?;
        let trials = explain::trials(&mut store, run).await?;
        let code = store.code_files().await?;
        Ok(Self { name: run.name(), records, trials, code, origins })
    }

    /// Notes about its rows: the caption and the mixed builds.
    pub(crate) fn notes(&self) -> impl Iterator<Item = String> {
        let caption = Some(self.records.caption.trim()).filter(|caption| !caption.is_empty());
        let sentences = caption.into_iter().chain(self.origins.iter().map(String::as_str));
        sentences.map(|sentence| format!("{}: {sentence}", self.name))
    }

    /// Its name with the code that its results were made with.
    pub(crate) fn code(&self) -> (&str, &CodeFiles) {
        (&self.name, &self.code)
    }

    /// Its row for `variant`, with the run in name and label.
    pub(crate) fn row(&self, variant: &Variant) -> Variant {
        let mut row = variant.clone();
        row.name = format!("{}/{}", self.name, variant.name);
        row.label = format!("{} ({})", variant.label, self.name);
        row
    }
}

/// A sentence on the files of code that are not the same in all `runs` that have them; `None` if all are.
pub(crate) fn different_code(runs: &[(&str, &CodeFiles)]) -> Option<String> {
    let paths: BTreeSet<&String> = runs.iter().flat_map(|(_, code)| code.keys()).collect();
    let versions = |path: &String| {
        runs.iter().filter_map(|(_, code)| code.get(path)).collect::<BTreeSet<_>>().len()
    };
    let different = paths.into_iter().filter(|path| versions(path) > 1);
    let different: Vec<&str> = different.map(String::as_str).collect();
    (!different.is_empty()).then(|| {
        let names: Vec<&str> = runs.iter().map(|(name, _)| *name).collect();
        format!(
            "Different code made the results of {}: {} is not the same.",
            names.join(" and "),
            named(different.into_iter())
        )
    })
}
