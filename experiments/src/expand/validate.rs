//! What a file must satisfy beyond its types: names that make folders, seeds, and references from
//! one section to another.

use std::collections::BTreeSet;

use crate::expand::check_name;
use crate::schema::claim::Relation;
use crate::schema::executor::Slurm;
use crate::schema::file::{File, MAX_NAME, makes_folder};
use crate::schema::keep::KeepCheckpoints;
use crate::schema::report::{Figure, X};
use crate::yaml::pointer::escape;
use crate::yaml::source::{FileError, Source};

/// Checks a decoded file; all findings are reported at once.
pub(crate) fn file(source: &Source, file: &File) -> Result<(), FileError> {
    let mut findings = Vec::new();
    let mut wrong = |pointer: &str, message: String, hint: Option<String>| {
        findings.push(source.finding(pointer, message).hint(hint));
    };
    names(file, &mut wrong);
    seeds(file, &mut wrong);
    worker(file, &mut wrong);
    slurm(file, &mut wrong);
    costs(file, &mut wrong);
    keep(file, &mut wrong);
    references(file, &mut wrong);
    directions(file, &mut wrong);
    curves(file, &mut wrong);
    pictures(file, &mut wrong);
    if findings.is_empty() { Ok(()) } else { Err(FileError { findings }) }
}

/// A report has files of these names for what is no table.
const TAKEN: [&str; 2] = ["claims", "provenance"];

type Wrong<'a> = dyn FnMut(&str, String, Option<String>) + 'a;

fn names(file: &File, wrong: &mut Wrong) {
    let mut check = |pointer: String, what: &str, name: &str| {
        if name.len() > MAX_NAME {
            let message = format!("the name of {what} has {} letters", name.len());
            let hint = format!("names make folders: use {MAX_NAME} at most");
            wrong(&pointer, message, Some(hint));
        } else if !makes_folder(name) {
            let message = format!("`{}` cannot be the name of {what}", name.escape_debug());
            let hint = "names make folders: use letters, digits, `-` and `_`".to_owned();
            wrong(&pointer, message, Some(hint));
        }
    };
    check("/name".to_owned(), "an experiment", &file.name);
    for name in file.variants.keys() {
        check(format!("/variants/{}", escape(name)), "a variant", name);
    }
    for name in file.profiles.keys() {
        check(format!("/profiles/{}", escape(name)), "a profile", name);
    }
    for (at, name) in output_names(file) {
        check(at, "a table or figure", name);
    }
    if let Some(name) = file.report.table.as_ref().map(|table| table.name.as_str())
        && TAKEN.contains(&name)
    {
        let message = format!("`{name}` cannot be the name of a table");
        let hint = format!("`{name}.json` is another file of the report: use another name");
        wrong("/report/table", message, Some(hint));
    }
    if file.variants.is_empty() {
        let hint = "list them below `variants`, or their axes below `grid`".to_owned();
        wrong("/variants", "there are no variants".to_owned(), Some(hint));
    }
}

fn output_names(file: &File) -> impl Iterator<Item = (String, &str)> {
    let table = file.report.table.iter().map(|t| ("/report/table".to_owned(), t.name.as_str()));
    let figures = file
        .report
        .figures
        .iter()
        .enumerate()
        .map(|(i, figure)| (format!("/report/figures/{i}"), figure.name()));
    table.chain(figures)
}

fn seeds(file: &File, wrong: &mut Wrong) {
    let mut check = |pointer: String, seeds: &[u64]| {
        if seeds.is_empty() {
            wrong(&pointer, "there are no seeds".to_owned(), Some("write `[0]`".to_owned()));
        }
        let mut seen = BTreeSet::new();
        for (i, seed) in seeds.iter().enumerate() {
            if !seen.insert(seed) {
                wrong(&format!("{pointer}/{i}"), format!("seed {seed} is listed twice"), None);
            }
        }
    };
    check("/seeds".to_owned(), &file.seeds);
    for (name, variant) in &file.variants {
        if let Some(seeds) = &variant.seeds {
            check(format!("/variants/{}/seeds", escape(name)), seeds);
        }
    }
    for (name, profile) in &file.profiles {
        if let Some(seeds) = &profile.seeds {
            check(format!("/profiles/{}/seeds", escape(name)), seeds);
        }
    }
}

fn worker(file: &File, wrong: &mut Wrong) {
    if file.worker.command.is_empty() {
        wrong("/worker/command", "the worker's command is empty".to_owned(), None);
    }
    if file.worker.check.as_ref().is_some_and(Vec::is_empty) {
        wrong("/worker/check", "the worker's check command is empty".to_owned(), None);
    }
    let resources = std::iter::once(("/resources".to_owned(), Some(&file.resources)));
    let profiles = file.profiles.iter().map(|(name, profile)| {
        (format!("/profiles/{}/resources", escape(name)), profile.resources.as_ref())
    });
    for (at, resources) in resources.chain(profiles) {
        if resources.is_some_and(|r| r.cpus == 0) {
            wrong(&format!("{at}/cpus"), "a worker needs at least one CPU".to_owned(), None);
        }
        if resources.is_some_and(|r| r.per_gpu == Some(0)) {
            let hint = "leave it out for as many as the share allows".to_owned();
            wrong(&format!("{at}/per_gpu"), "no trial could ever have a GPU".into(), Some(hint));
        }
    }
    if file.retry.attempts == 0 {
        wrong("/retry/attempts", "a trial needs at least one attempt".to_owned(), None);
    }
}

fn slurm(file: &File, wrong: &mut Wrong) {
    let own = std::iter::once(("/slurm".to_owned(), Some(&file.slurm)));
    let profiles = file.profiles.iter().map(|(name, profile)| {
        (format!("/profiles/{}/slurm", escape(name)), profile.slurm.as_ref())
    });
    for (at, slurm) in own.chain(profiles) {
        for (key, message, hint) in slurm.map_or(Vec::new(), Slurm::problems) {
            wrong(&format!("{at}/{key}"), message, Some(hint));
        }
    }
}

/// What cannot be meant is refused: it would have checkpoints removed.
fn keep(file: &File, wrong: &mut Wrong) {
    let Some(keep) = &file.keep else { return };
    let KeepCheckpoints { last, every, best } = &keep.checkpoints;
    let mut check = |key: &str, message: &str, hint: &str| {
        wrong(&format!("/keep/checkpoints{key}"), message.to_owned(), Some(hint.to_owned()));
    };
    if (last, every, best) == (&None, &None, &None) {
        check("", "it is not said which are kept", "give `last`, `every` or `best`, or several");
    }
    if *every == Some(0) {
        check("/every", "no step is a multiple of 0", "write how many steps lie between them");
    }
    if best.as_ref().is_some_and(|best| best.count == 0) {
        check("/best/count", "the best 0 are none", "leave `best` out if none is meant");
    }
}

/// Costs are compared and multiplied.
fn costs(file: &File, wrong: &mut Wrong) {
    let own = file
        .variants
        .iter()
        .map(|(variant, own)| (format!("/variants/{}/cost", escape(variant)), own.cost));
    let of_profiles = file.profiles.iter().flat_map(|(name, profile)| {
        let at = format!("/profiles/{}/variants", escape(name));
        profile.variants.iter().filter_map(move |(variant, changed)| {
            Some((format!("{at}/{}/cost", escape(variant)), changed.cost?))
        })
    });
    for (at, cost) in own.chain(of_profiles) {
        if !(cost.is_finite() && cost > 0.0) {
            wrong(
                &at,
                format!("a cost of {cost} makes no sense"),
                Some("write a positive number".to_owned()),
            );
        }
    }
}

/// What is claimed to be the best needs a way in which to be better.
fn directions(file: &File, wrong: &mut Wrong) {
    for (i, claim) in file.report.claims.iter().enumerate() {
        let metric = &claim.compare.subject.metric;
        let mut columns = file.report.table.iter().flat_map(|table| &table.columns);
        let has_direction = columns.any(|c| c.metric == *metric && c.better.is_some());
        if claim.compare.relation == Relation::Best && !has_direction {
            let message = format!("`{metric}` has no `better`, so that none can be the best");
            let hint = "give the table a column of it with `better: higher` or `lower`".to_owned();
            wrong(&format!("/report/claims/{i}/compare"), message, Some(hint));
        }
    }
}

/// Every variant that another section names must exist, and every output needs its own name.
fn references(file: &File, wrong: &mut Wrong) {
    let mut seen = BTreeSet::new();
    for (at, name) in output_names(file) {
        if !seen.insert(name) {
            wrong(&at, format!("two outputs are called `{name}`"), None);
        }
    }
    let mut check = |pointer: String, variant: &str| {
        let known = file.variants.keys().map(String::as_str);
        if let Err((message, hint)) = check_name("variant", variant, known) {
            wrong(&pointer, message, hint);
        }
    };
    for (name, profile) in &file.profiles {
        for variant in profile.variants.keys() {
            check(format!("/profiles/{}/variants/{}", escape(name), escape(variant)), variant);
        }
    }
    if let Some(table) = &file.report.table {
        if let Some(baseline) = &table.baseline {
            check("/report/table/baseline".to_owned(), baseline);
        }
        for variant in table.paper.keys() {
            check(format!("/report/table/paper/{}", escape(variant)), variant);
        }
    }
    for (i, claim) in file.report.claims.iter().enumerate() {
        for quantity in claim.compare.quantities() {
            check(format!("/report/claims/{i}/compare"), &quantity.variant);
        }
    }
    for (i, figure) in file.report.figures.iter().enumerate() {
        let kind = match figure {
            Figure::Curve(curve) => {
                if let Some(reference) = &curve.reference {
                    check(format!("/report/figures/{i}/curve/reference"), &reference.variant);
                }
                "curve"
            }
            Figure::Images(_) => "images",
            Figure::Bars(_) => "bars",
            Figure::Scatter(_) => "scatter",
            Figure::Table(_) => "table",
        };
        for (j, variant) in figure.variants().iter().enumerate() {
            check(format!("/report/figures/{i}/{kind}/variants/{j}"), variant);
        }
    }
}

/// A picture of a table needs one, with the columns that it shows.
fn pictures(file: &File, wrong: &mut Wrong) {
    for (i, figure) in file.report.figures.iter().enumerate() {
        let Figure::Table(picture) = figure else { continue };
        let at = format!("/report/figures/{i}/table");
        let Some(table) = &file.report.table else {
            let hint = "say under `report.table` what it shows".to_owned();
            wrong(&at, "there is no table to draw".to_owned(), Some(hint));
            continue;
        };
        for (j, metric) in picture.columns.iter().enumerate() {
            let known = table.columns.iter().map(|column| column.metric.as_str());
            if let Err((message, hint)) = check_name("column", metric, known) {
                wrong(&format!("{at}/columns/{j}"), message, hint);
            }
        }
    }
}

/// What the keys of a curve must be to each other.
fn curves(file: &File, wrong: &mut Wrong) {
    for (i, figure) in file.report.figures.iter().enumerate() {
        let Figure::Curve(curve) = figure else { continue };
        let at = format!("/report/figures/{i}/curve");
        if curve.smooth.is_some_and(|points| points < 3 || points % 2 == 0) {
            let message = "a centred mean is over an odd number of points, 3 or more".to_owned();
            wrong(&format!("{at}/smooth"), message, Some("write `smooth: 9`".to_owned()));
        }
        match (curve.x, &curve.images_per_step) {
            (X::Images, None) => {
                let message = "`x: images` needs to know how many images a step sees".to_owned();
                let hint = "name the setting that says so: `images_per_step: training.batch`";
                wrong(&format!("{at}/x"), message, Some(hint.to_owned()));
            }
            (X::Step | X::Share | X::Seconds, Some(_)) => {
                let message = "`images_per_step` is for `x: images`".to_owned();
                wrong(&format!("{at}/images_per_step"), message, None);
            }
            (X::Images, Some(_)) | (_, None) => {}
        }
    }
}
