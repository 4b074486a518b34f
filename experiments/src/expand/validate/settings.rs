//! The rules for the sections that say how trials run.

use std::collections::BTreeSet;

use crate::expand::findings::Findings;
use crate::schema::executor::Slurm;
use crate::schema::file::File;
use crate::schema::keep::KeepCheckpoints;
use crate::schema::resources::Resources;
use crate::yaml::pointer::escape;

pub(super) fn check(file: &File, findings: &mut Findings) {
    if file.retry.attempts == 0 {
        findings.add("/retry/attempts", "a trial needs at least one attempt");
    }
    seeds("/seeds", &file.seeds, findings);
    resources("/resources", &file.resources, findings);
    slurm("/slurm", &file.slurm, findings);
    keep(file, findings);
    variants(file, findings);
    profiles(file, findings);
}

fn variants(file: &File, findings: &mut Findings) {
    for (name, variant) in &file.variants {
        let pointer = format!("/variants/{}", escape(name));
        cost(&pointer, variant.cost, findings);
        if let Some(own) = &variant.seeds {
            seeds(&format!("{pointer}/seeds"), own, findings);
            if variant.deterministic {
                let hint = "leave out `seeds`: it runs with the first seed of the others";
                let message = "a deterministic variant has no seeds of its own";
                findings.advise(&format!("{pointer}/seeds"), message, hint);
            }
        }
    }
}

fn profiles(file: &File, findings: &mut Findings) {
    for (name, profile) in &file.profiles {
        let pointer = format!("/profiles/{}", escape(name));
        if let Some(own) = &profile.seeds {
            seeds(&format!("{pointer}/seeds"), own, findings);
        }
        if let Some(own) = &profile.resources {
            resources(&format!("{pointer}/resources"), own, findings);
        }
        if let Some(own) = &profile.slurm {
            slurm(&format!("{pointer}/slurm"), own, findings);
        }
        for (variant, overrides) in &profile.variants {
            if let Some(own) = overrides.cost {
                cost(&format!("{pointer}/variants/{}", escape(variant)), own, findings);
            }
        }
    }
}

fn seeds(pointer: &str, seeds: &[u64], findings: &mut Findings) {
    if seeds.is_empty() {
        findings.advise(pointer, "there are no seeds", "write `[0]`");
    }
    let mut seen = BTreeSet::new();
    for (i, seed) in seeds.iter().enumerate() {
        if !seen.insert(seed) {
            findings.add(&format!("{pointer}/{i}"), format!("seed {seed} is listed twice"));
        }
    }
}

pub(in crate::expand) fn resources(pointer: &str, resources: &Resources, findings: &mut Findings) {
    if resources.cpus == 0 {
        findings.add(&format!("{pointer}/cpus"), "a worker needs at least one CPU");
    }
    if resources.per_gpu == Some(0) {
        let hint = "leave it out for as many as the share allows";
        findings.advise(&format!("{pointer}/per_gpu"), "no trial could ever have a GPU", hint);
    }
}

fn slurm(pointer: &str, slurm: &Slurm, findings: &mut Findings) {
    for problem in slurm.problems() {
        findings.advise(&format!("{pointer}/{}", problem.key), problem.message, problem.hint);
    }
}

/// An empty or contradictory policy is refused: it would remove checkpoints.
fn keep(file: &File, findings: &mut Findings) {
    let Some(keep) = &file.keep else { return };
    let pointer = "/keep/checkpoints";
    let KeepCheckpoints { last, every, best } = &keep.checkpoints;
    if last.is_none() && every.is_none() && best.is_none() {
        let hint = "give `last`, `every` or `best`, or several";
        findings.advise(pointer, "no checkpoints are selected", hint);
    }
    if *every == Some(0) {
        let hint = "write the number of steps between them";
        findings.advise(&format!("{pointer}/every"), "no step is a multiple of 0", hint);
    }
    if best.as_ref().is_some_and(|best| best.count == 0) {
        let hint = "leave `best` out to keep none";
        findings.advise(&format!("{pointer}/best/count"), "0 checkpoints cannot be the best", hint);
    }
}

/// Costs are compared and multiplied.
fn cost(pointer: &str, cost: f64, findings: &mut Findings) {
    if !(cost.is_finite() && cost > 0.0) {
        let message = format!("a cost of {cost} is not positive");
        findings.advise(&format!("{pointer}/cost"), message, "write a positive number");
    }
}
