//! The differences between two runs: of one experiment by two teams, or before and after a change.

use std::collections::{BTreeMap, BTreeSet};

use experiments::protocol::exit;
use reports::claims;
use reports::records::{Records, Trial};
use serde_json::{Map, Value, json};

use super::text::{Row, differing, differing_values, joined, pairs, row, sections, short};
use crate::cli::commands::any_run::{AnyRun, OpenedRun};
use crate::cli::commands::error::Result;
use crate::cli::commands::output::{print, print_json};
use crate::cli::commands::report::{self, Mixed, ReportRequest};
use crate::cli::commands::show::{dotted, in_yaml};
use crate::display::text::difference;
use crate::run_dir::snapshot::RunSnapshot;

/// One of the two runs.
struct ComparedRun {
    name: String,
    /// Its command, commits, machines and progress, as text.
    facts: BTreeMap<&'static str, String>,
    /// The settings of the file by dotted key, without the configs of trials.
    settings: BTreeMap<String, String>,
    /// The config of each row, as `ROW: KEY`, where its seeds agree.
    configs: BTreeMap<String, String>,
    /// SHA-256 by path of the code that results were made with; several where it changed.
    code: BTreeMap<String, String>,
    /// The final values of each finished trial, by cell (`ROW.METRIC`) and seed.
    cells: BTreeMap<String, BTreeMap<u64, f64>>,
    /// The verdict on each claim, by its comparison.
    claims: BTreeMap<String, String>,
}

/// Prints the differences between the runs `a` and `b`.
pub(super) async fn compare(a: AnyRun, b: AnyRun, as_json: bool) -> Result<u8> {
    let (a, b) = (ComparedRun::read(a).await?, ComparedRun::read(b).await?);
    if as_json {
        print_json(&to_json(&a, &b))?;
    } else {
        print(&to_text(&a, &b))?;
    }
    Ok(exit::OK)
}

impl ComparedRun {
    async fn read(run: AnyRun) -> Result<Self> {
        let OpenedRun { dir, mut store, bundle: _bundle } = run.open().await?;
        let snapshot = RunSnapshot::read(&dir.resolved())?;
        let configs = row_configs(&snapshot);
        let settings = settings(&snapshot);
        let code = store.code_files().await?;
        let trials = store.trials().await?;
        let origins = || trials.iter().filter(|trial| !trial.retired).map(|trial| &trial.origins);
        let spool_folder = tempfile::tempdir()?;
        let mut request = ReportRequest::of_run(dir.clone())?;
        let (records, _) =
            report::collect(&mut request, &mut store, Mixed::Noted, spool_folder.path()).await?;
        let judged = claims::judge(&request.report, &records)?;
        let finished = all_trials(&records).filter(|trial| trial.is_finished()).count();
        let facts = BTreeMap::from([
            ("trials", format!("{finished} of {} done", all_trials(&records).count())),
            ("command", records.run.command.clone()),
            ("commit", records.run.commit.clone()),
            ("date", records.run.date.clone()),
            ("machine", records.run.machine.clone()),
            ("build", joined(&origins().flat_map(|origins| origins.builds.clone()).collect())),
            ("data", joined(&origins().flat_map(|origins| origins.data.clone()).collect())),
        ]);
        Ok(Self {
            name: dir.name(),
            facts,
            settings,
            configs,
            code: code.into_iter().map(|(path, hashes)| (path, joined(&hashes))).collect(),
            cells: cells(&records),
            claims: judged
                .iter()
                .map(|claim| (claim.comparison(), claim.verdict.words().to_owned()))
                .collect(),
        })
    }
}

fn all_trials(records: &Records) -> impl Iterator<Item = &Trial> {
    records.variants.iter().flat_map(|variant| &variant.trials)
}

/// The settings of the run, apart from where its file lies.
fn settings(snapshot: &RunSnapshot) -> BTreeMap<String, String> {
    let mut settings =
        serde_json::to_value(&snapshot.run).expect("a run's settings are plain data");
    let settings = settings.as_object_mut().map(std::mem::take).unwrap_or_default();
    let settings = dotted(settings).into_iter().filter(|(key, _)| key != "folder");
    settings.map(|(key, value)| (key, in_yaml(&value))).collect()
}

/// Seeds and config of each row; a value that differs between seeds is left out.
fn row_configs(snapshot: &RunSnapshot) -> BTreeMap<String, String> {
    let mut values = BTreeMap::<_, BTreeSet<_>>::new();
    let mut seeds = BTreeMap::<_, BTreeSet<_>>::new();
    for trial in &snapshot.trials {
        seeds.entry(trial.variant.clone()).or_default().insert(trial.seed);
        for (key, value) in dotted(trial.config.clone()) {
            let key = format!("{}: {key}", trial.variant);
            values.entry(key).or_default().insert(in_yaml(&value));
        }
    }
    let seeds = seeds.into_iter().map(|(variant, seeds)| {
        let seeds: Vec<_> = seeds.iter().map(u64::to_string).collect();
        (format!("{variant}: seeds"), seeds.join(", "))
    });
    let values = values.into_iter().filter(|(_, values)| values.len() == 1);
    values.map(|(key, values)| (key, joined(&values))).chain(seeds).collect()
}

fn cells(records: &Records) -> BTreeMap<String, BTreeMap<u64, f64>> {
    let mut cells = BTreeMap::<_, BTreeMap<_, _>>::new();
    for variant in &records.variants {
        for trial in variant.trials.iter().filter(|trial| trial.is_finished()) {
            for (metric, value) in &trial.results {
                let cell = cells.entry(format!("{}.{metric}", variant.name)).or_default();
                cell.insert(trial.seed, *value);
            }
        }
    }
    cells
}

fn mean(values: &BTreeMap<u64, f64>) -> f64 {
    values.values().sum::<f64>() / values.len() as f64
}

/// The seeds that both cells have, and how many of them have the same value, bit for bit.
fn shared_seeds(a: &BTreeMap<u64, f64>, b: &BTreeMap<u64, f64>) -> [usize; 2] {
    let both = a.iter().filter_map(|(seed, a)| b.get(seed).map(|b| (a, b)));
    let same = both.clone().filter(|(a, b)| a.to_bits() == b.to_bits());
    [both.count(), same.count()]
}

/// A line of final values: the means over seeds, and how many seeds agree bit for bit, or else the
/// difference.
fn cell_row(cell: &str, a: Option<&BTreeMap<u64, f64>>, b: Option<&BTreeMap<u64, f64>>) -> Row {
    let [shown_a, shown_b] = [a, b].map(|values| values.map(mean));
    let [key, shown_a, shown_b, _] = row(cell, shown_a.as_ref(), shown_b.as_ref());
    let remark = a.zip(b).map_or(String::new(), |(a, b)| {
        let [both, same] = shared_seeds(a, b);
        if same == a.len() && same == b.len() {
            return "identical".to_owned();
        }
        let shared = if both == 0 {
            "no seed in common".to_owned()
        } else {
            format!("{same} of {both} common seeds identical")
        };
        format!("{} ({shared})", difference(mean(a), mean(b)))
    });
    [key, shown_a, shown_b, remark]
}

fn to_text(a: &ComparedRun, b: &ComparedRun) -> String {
    let is_known = |fact: Option<&String>| fact.is_some_and(|fact| !fact.is_empty());
    let facts = pairs(&a.facts, &b.facts).filter(|(_, a, b)| is_known(*a) || is_known(*b));
    let cells = pairs(&a.cells, &b.cells).map(|(cell, a, b)| cell_row(cell, a, b));
    let claims = pairs(&a.claims, &b.claims).map(|(claim, a, b)| {
        let [key, shown_a, shown_b, _] = row(claim, a, b);
        let remark = if a == b { "" } else { "differs" };
        [key, shown_a, shown_b, remark.to_owned()]
    });
    sections(
        [a.name.clone(), b.name.clone()],
        [
            ("made with", facts.map(|(key, a, b)| row(key, a, b)).collect()),
            ("the file, where it differs", differing(&a.settings, &b.settings)),
            ("rows, where they differ", differing(&a.configs, &b.configs)),
            ("code, where it differs", differing(&short(&a.code), &short(&b.code))),
            ("final values, means of seeds, and the second minus the first", cells.collect()),
            ("claims", claims.collect()),
        ],
    )
}

fn to_json(a: &ComparedRun, b: &ComparedRun) -> Value {
    let facts = pairs(&a.facts, &b.facts).map(|(key, a, b)| ((*key).to_owned(), json!([a, b])));
    let cells = pairs(&a.cells, &b.cells).map(|(cell, a, b)| {
        let [both, same] = a.zip(b).map_or([0, 0], |(a, b)| shared_seeds(a, b));
        let means = [a.map(mean), b.map(mean)];
        let cell_json = json!({"means": means, "common_seeds": both, "identical_seeds": same});
        (cell.clone(), cell_json)
    });
    let claims = pairs(&a.claims, &b.claims).map(|(claim, a, b)| (claim.clone(), json!([a, b])));
    json!({
        "schema": 1,
        "runs": [a.name, b.name],
        "provenance": facts.collect::<Map<_, _>>(),
        "settings": differing_values(&a.settings, &b.settings),
        "rows": differing_values(&a.configs, &b.configs),
        "code": differing_values(&a.code, &b.code),
        "results": cells.collect::<Map<_, _>>(),
        "claims": claims.collect::<Map<_, _>>(),
    })
}
