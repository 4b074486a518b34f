//! One round: the seeds to run now, by the verdicts on what has run.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use experiments::expand::ResolvedTrial;
use experiments::schema::report::Report;
use reports::claims::{self, Extension, JudgedClaim};
use reports::records::Records;
use serde_json::{Value, json};

use crate::cli::commands::damage::require_intact;
use crate::cli::commands::error::Result;
use crate::cli::commands::report::{self, Mixed, ReportRequest};
use crate::cli::commands::validated_run::ValidatedRun;
use crate::display::text::{duration, named};
use crate::run_dir::snapshot::RunSnapshot;
use crate::scheduler::State;
use crate::store::{Store, TrialRecord};

/// Every trial of the file, by row in the order of the looks.
pub(super) struct Seeds(Vec<(String, Vec<Arc<ResolvedTrial>>)>);

impl Seeds {
    pub(super) fn new(trials: Vec<Arc<ResolvedTrial>>) -> Self {
        let mut rows: Vec<(String, Vec<Arc<ResolvedTrial>>)> = Vec::new();
        for trial in trials {
            match rows.iter_mut().find(|(name, _)| *name == trial.variant) {
                Some((_, trials)) => trials.push(trial),
                None => rows.push((trial.variant.clone(), vec![trial])),
            }
        }
        Self(rows)
    }

    /// Takes the seeds in the order in which they were first planned, as looks do, and then in that of the file.
    fn order_by(&mut self, recorded: &BTreeMap<&str, &TrialRecord>) {
        for (_, trials) in &mut self.0 {
            trials.sort_by_key(|trial| {
                recorded.get(trial.key.as_str()).map_or(i64::MAX, |row| row.first_planned)
            });
        }
    }

    /// The first trials of each row, as many as `wanted` says.
    pub(super) fn trials<'a>(
        &'a self,
        wanted: &'a BTreeMap<String, usize>,
    ) -> impl Iterator<Item = &'a Arc<ResolvedTrial>> {
        self.0
            .iter()
            .flat_map(|(name, trials)| trials.iter().take(wanted.get(name).copied().unwrap_or(0)))
    }

    fn of(&self, row: &str) -> usize {
        let mut rows = self.0.iter().filter(|(name, _)| name == row);
        rows.next().map_or(0, |(_, trials)| trials.len())
    }
}

/// The seeds to run now.
pub(super) struct Round {
    /// Seeds of each row.
    pub(super) wanted: BTreeMap<String, usize>,
    /// True if one of them has not succeeded yet.
    pub(super) has_work: bool,
    /// Seconds that the attempts have taken so far.
    pub(super) spent: f64,
    /// The claims that stay open, and why.
    pub(super) reasons: Vec<OpenClaim>,
    judged: Vec<JudgedClaim>,
    /// Rows that get more seeds, with the number in all.
    extended: BTreeMap<String, usize>,
}

/// A claim that stays open.
pub(super) struct OpenClaim {
    index: usize,
    pub(super) verdict: &'static str,
    pub(super) text: String,
}

impl Round {
    /// The first round: every row up to the first look.
    pub(super) fn first(report: &Report, seeds: &Seeds) -> Self {
        let first = report.design.as_ref().and_then(|design| design.looks().first().copied());
        let first = first.unwrap_or(experiments::schema::design::FIRST_LOOK);
        let rows = seeds.0.iter();
        Self {
            wanted: rows.map(|(name, trials)| (name.clone(), first.min(trials.len()))).collect(),
            has_work: true,
            spent: 0.0,
            reasons: Vec::new(),
            judged: Vec::new(),
            extended: BTreeMap::new(),
        }
    }

    /// The round that follows from the records; an error if it follows from damaged ones, or from results of
    /// different builds. The first one has work in any case if the records do not have the trials that it wants as
    /// their plan, since verdicts are on the trials of the recorded plan, or if one is to be made: `needs_plan`.
    pub(super) async fn by_records(
        validated: &ValidatedRun,
        seeds: &mut Seeds,
        store: &mut Store,
        budget: Option<Duration>,
        is_first: bool,
        needs_plan: bool,
    ) -> Result<Self> {
        let report = &validated.run.config.report;
        let recorded = store.trials_without_origins().await?;
        let recorded: BTreeMap<&str, &TrialRecord> =
            recorded.iter().map(|trial| (trial.key.as_str(), trial)).collect();
        seeds.order_by(&recorded);
        let mut round = Self::first(report, seeds);
        let begun = |trial: &Arc<ResolvedTrial>| {
            recorded.get(trial.key.as_str()).is_some_and(|row| row.last_attempt.is_some())
        };
        for (name, trials) in &seeds.0 {
            let last_begun = trials.iter().rposition(begun).map_or(0, |last| last + 1);
            let wanted = round.wanted.entry(name.clone()).or_default();
            *wanted = last_begun.max(*wanted);
        }
        let succeeded = |trial: &Arc<ResolvedTrial>| {
            let row = recorded.get(trial.key.as_str());
            row.is_some_and(|row| matches!(row.state, State::Succeeded { .. }))
        };
        let planned: BTreeSet<&str> =
            recorded.values().filter(|row| !row.retired).map(|row| row.key.as_str()).collect();
        let wanted: BTreeSet<&str> =
            seeds.trials(&round.wanted).map(|trial| trial.key.as_str()).collect();
        let is_planned = !needs_plan && (!is_first || planned == wanted);
        round.has_work = !is_planned || !seeds.trials(&round.wanted).all(succeeded);
        if !round.has_work {
            require_intact(&validated.dir, store)?;
            let (dir, config) = (validated.dir.clone(), validated.run.config.clone());
            let resolved = RunSnapshot::read(&dir.resolved())?;
            let spool_folder = validated.dir.path();
            let mut request = ReportRequest::with(dir, config, resolved);
            let (records, _) =
                report::collect(&mut request, store, Mixed::Refused, spool_folder).await?;
            round.judged = claims::judge(&request.report, &records)?;
            round.extend(seeds, &records, budget);
        }
        Ok(round)
    }

    /// Adds the seeds that the open claims need for their next looks, as far as file and budget allow.
    fn extend(&mut self, seeds: &Seeds, records: &Records, budget: Option<Duration>) {
        let trials = records.variants.iter().flat_map(|variant| &variant.trials);
        self.spent = trials.filter_map(|trial| trial.seconds).sum();
        let mut stopped = BTreeMap::new();
        for Extension { claim, rows, .. } in claims::extensions(&self.judged, records) {
            let exhausted: Vec<&str> = rows
                .iter()
                .filter(|(row, seeds_in_all)| seeds.of(row) < **seeds_in_all)
                .map(|(row, _)| row.as_str())
                .collect();
            if !exhausted.is_empty() {
                let rows = named(exhausted.into_iter());
                stopped.insert(claim, format!(" The file has no more seeds of {rows}."));
                continue;
            }
            let mut extended = self.extended.clone();
            for (row, seeds_in_all) in rows.into_iter().filter(|(r, n)| self.wanted[r] < *n) {
                let most = extended.entry(row).or_default();
                *most = seeds_in_all.max(*most);
            }
            let seconds = claims::seconds_until(&extended, records).unwrap_or(0.0);
            match budget.map(|budget| budget.as_secs_f64() - self.spent) {
                Some(left) if seconds > left => {
                    let left = duration(Duration::from_secs_f64(left.max(0.0)));
                    stopped.insert(claim, format!(" Of the budget {left} are left."));
                }
                _ => self.extended = extended,
            }
        }
        self.has_work = !self.extended.is_empty();
        self.wanted.extend(self.extended.clone());
        let open = self.judged.iter().enumerate().filter(|(_, claim)| !claim.verdict.is_final());
        let reasons = open.map(|(index, claim)| OpenClaim {
            index,
            verdict: claim.verdict.words(),
            text: claim.text().to_owned()
                + " "
                + &claim.needs_text()
                + stopped.get(&index).map_or("", String::as_str),
        });
        self.reasons = reasons.collect();
    }

    /// The claims that have a verdict, with it.
    pub(super) fn resolved(&self) -> impl Iterator<Item = (&str, &str)> {
        let resolved = self.judged.iter().filter(|claim| claim.verdict.is_final());
        resolved.map(|claim| (claim.text(), claim.verdict.words()))
    }

    /// `11 claims: 6 supported, 1 refuted, 4 open`.
    pub(super) fn verdicts(&self) -> String {
        let mut counts = BTreeMap::<&str, usize>::new();
        for judged in &self.judged {
            *counts.entry(judged.verdict.words()).or_default() += 1;
        }
        let counts: Vec<String> =
            counts.iter().map(|(words, count)| format!("{count} {words}")).collect();
        let noun = if self.judged.len() == 1 { "claim" } else { "claims" };
        format!("{} {noun}: {}", self.judged.len(), counts.join(", "))
    }

    /// The round in a line, before it runs.
    pub(super) fn text(&self, validated: &ValidatedRun) -> String {
        let name = validated.run.name();
        if self.judged.is_empty() {
            let seeds: BTreeSet<usize> = self.wanted.values().copied().collect();
            let most = seeds.last().copied().unwrap_or(0);
            return format!("{name}: until the claims are resolved, now {most} seeds");
        }
        let rows: Vec<String> =
            self.extended.iter().map(|(row, seeds)| format!("{row} to {seeds}")).collect();
        let next = if rows.is_empty() {
            "no seeds to add".to_owned()
        } else {
            format!("more seeds of {}", rows.join(", "))
        };
        format!("{name}: {}; {next}", self.verdicts())
    }

    /// Every claim with its verdict, and the reason why it stays open.
    pub(super) fn json(&self) -> Value {
        let claim = |(index, judged): (usize, &JudgedClaim)| {
            let reason = self.reasons.iter().find(|reason| reason.index == index);
            json!({
                "claim": judged.text(),
                "verdict": judged.verdict,
                "seeds": judged.course.as_ref().and_then(|course| course.stopped_at),
                "open_because": reason.map(|reason| &reason.text),
            })
        };
        self.judged.iter().enumerate().map(claim).collect()
    }
}
