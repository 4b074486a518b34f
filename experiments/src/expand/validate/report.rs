//! The rules for the `report` section, and references to variants and columns.

use std::collections::BTreeSet;

use crate::expand::findings::Findings;
use crate::expand::names::{UnknownName, check_name};
use crate::schema::claim::Relation;
use crate::schema::file::File;
use crate::schema::report::{
    Column, Curve, Figure, FigureSize, Limits, Scale, Scatter, Sequence, Table, TablePicture, X,
};
use crate::yaml::pointer::escape;

/// Names of other files of a report.
const RESERVED: [&str; 2] = ["claims", "provenance"];

pub(super) fn check(file: &File, findings: &mut Findings) {
    output_names(file, findings);
    profiles(file, findings);
    table(file, findings);
    claims(file, findings);
    for (i, figure) in file.report.figures.iter().enumerate() {
        let pointer = format!("/report/figures/{i}/{}", figure.kind());
        for (j, variant) in figure.variants().iter().enumerate() {
            findings.check(&format!("{pointer}/variants/{j}"), check_variant(file, variant));
        }
        match figure {
            Figure::Curve(curve) => check_curve(file, &pointer, curve, findings),
            Figure::Table(picture) => check_picture(file, &pointer, picture, findings),
            Figure::Sequence(sequence) => check_sequence(file, &pointer, sequence, findings),
            Figure::Scatter(scatter) => {
                let Scatter { x_limits, x_scale, y_limits, y_scale, .. } = scatter;
                limits(&format!("{pointer}/x_limits"), *x_limits, *x_scale, findings);
                limits(&format!("{pointer}/y_limits"), *y_limits, *y_scale, findings);
            }
            Figure::Images(images) => {
                if images.items == 0 {
                    findings
                        .add(&format!("{pointer}/items"), "a sheet has 1 item or more".to_owned());
                }
                check_proportions(&pointer, images.size, findings);
            }
            Figure::Bars(_) => {}
        }
    }
}

/// The name of every table and figure, with the pointer to it.
pub(super) fn outputs(file: &File) -> Vec<(String, &str)> {
    let mut outputs = Vec::new();
    if let Some(table) = &file.report.table {
        outputs.push(("/report/table".to_owned(), table.name.as_str()));
    }
    for (i, figure) in file.report.figures.iter().enumerate() {
        outputs.push((format!("/report/figures/{i}"), figure.name()));
    }
    outputs
}

fn output_names(file: &File, findings: &mut Findings) {
    if let Some(name) = file.report.table.as_ref().map(|table| table.name.as_str())
        && RESERVED.contains(&name)
    {
        let message = format!("`{name}` cannot be the name of a table");
        let hint = format!("`{name}.json` is another file of the report: use another name");
        findings.advise("/report/table", message, hint);
    }
    let mut seen = BTreeSet::new();
    for (pointer, name) in outputs(file) {
        if !seen.insert(name) {
            findings.add(&pointer, format!("two outputs are called `{name}`"));
        }
    }
}

fn check_variant(file: &File, name: &str) -> Result<(), UnknownName> {
    check_name("variant", name, file.variants.keys().map(String::as_str))
}

fn profiles(file: &File, findings: &mut Findings) {
    for (name, profile) in &file.profiles {
        for variant in profile.variants.keys() {
            let pointer = format!("/profiles/{}/variants/{}", escape(name), escape(variant));
            findings.check(&pointer, check_variant(file, variant));
        }
    }
}

fn table(file: &File, findings: &mut Findings) {
    let Some(table) = &file.report.table else { return };
    if let Some(baseline) = &table.baseline {
        findings.check("/report/table/baseline", check_variant(file, baseline));
    }
    for variant in table.paper.keys() {
        let pointer = format!("/report/table/paper/{}", escape(variant));
        findings.check(&pointer, check_variant(file, variant));
    }
    for (i, Column { scale, .. }) in table.columns.iter().enumerate() {
        if *scale <= 0.0 {
            let pointer = format!("/report/table/columns/{i}/scale");
            findings.add(&pointer, format!("{scale} is not a factor: it must be above 0"));
        }
    }
    columns(table, "/report/table/latex", &table.latex.columns, findings);
}

/// The metrics that `pointer/columns` names are columns of the table.
fn columns(table: &Table, pointer: &str, metrics: &[String], findings: &mut Findings) {
    let known = table.columns.iter().map(|column| column.metric.as_str());
    for (i, metric) in metrics.iter().enumerate() {
        let pointer = format!("{pointer}/columns/{i}");
        findings.check(&pointer, check_name("column", metric, known.clone()));
    }
}

fn claims(file: &File, findings: &mut Findings) {
    for (i, claim) in file.report.claims.iter().enumerate() {
        let pointer = format!("/report/claims/{i}/compare");
        for quantity in claim.compare.quantities() {
            findings.check(&pointer, check_variant(file, &quantity.variant));
        }
        let metric = &claim.compare.subject.metric;
        let mut columns = file.report.table.iter().flat_map(|table| &table.columns);
        if claim.compare.relation == Relation::Best
            && !columns.any(|column| column.metric == *metric && column.better.is_some())
        {
            let message = format!("`{metric}` has no `better`, so that none can be the best");
            let hint = "give the table a column of it with `better: higher` or `lower`";
            findings.advise(&pointer, message, hint);
        }
    }
}

/// Pictures whose proportions are given take no height.
fn check_proportions(pointer: &str, size: Option<FigureSize>, findings: &mut Findings) {
    if size.and_then(FigureSize::height).is_some() {
        let message = "this figure keeps its proportions, and takes no height";
        findings.advise(&format!("{pointer}/size"), message, "give its width alone");
    }
}

fn limits(pointer: &str, limits: Limits, scale: Scale, findings: &mut Findings) {
    if !limits.are_valid(scale == Scale::Log) {
        let message = "the limits of an axis rise, and are above zero on a logarithmic one";
        findings.advise(pointer, message, "write `[18, 24]`, with `null` for an end by the data");
    }
}

fn check_curve(file: &File, pointer: &str, curve: &Curve, findings: &mut Findings) {
    limits(&format!("{pointer}/x_limits"), curve.x_limits, curve.x_scale, findings);
    limits(&format!("{pointer}/y_limits"), curve.y_limits, curve.y_scale, findings);
    if let Some(reference) = &curve.reference {
        findings.check(&format!("{pointer}/reference"), check_variant(file, &reference.variant));
    }
    if curve.smooth.is_some_and(|points| points < 3 || points % 2 == 0) {
        let message = "a centred mean needs an odd number of points, 3 or more";
        findings.advise(&format!("{pointer}/smooth"), message, "write `smooth: 9`");
    }
    match (curve.x, &curve.images_per_step) {
        (X::Images, None) => {
            let message = "`x: images` needs the number of images per step";
            let hint = "name the setting that has it: `images_per_step: training.batch`";
            findings.advise(&format!("{pointer}/x"), message, hint);
        }
        (X::Step | X::Share | X::Seconds, Some(_)) => {
            findings
                .add(&format!("{pointer}/images_per_step"), "`images_per_step` is for `x: images`");
        }
        (X::Images, Some(_)) | (_, None) => {}
    }
}

/// A picture of a table needs one, with the columns that it shows.
fn check_picture(file: &File, pointer: &str, picture: &TablePicture, findings: &mut Findings) {
    let Some(table) = &file.report.table else {
        findings.advise(pointer, "there is no table to draw", "describe it under `report.table`");
        return;
    };
    columns(table, pointer, &picture.columns, findings);
    check_proportions(pointer, picture.size, findings);
}

/// A sequence needs a design, and a claim that is judged under it.
fn check_sequence(file: &File, pointer: &str, sequence: &Sequence, findings: &mut Findings) {
    if file.report.design.is_none() {
        let message = "there is no design, and so no sequence of looks";
        findings.advise(pointer, message, "say when the claims are judged in `report.design`");
    }
    let claims: Vec<String> =
        file.report.claims.iter().map(|claim| claim.compare.to_string()).collect();
    let known = claims.iter().map(String::as_str);
    findings.check(&format!("{pointer}/claim"), check_name("claim", &sequence.claim, known));
}
