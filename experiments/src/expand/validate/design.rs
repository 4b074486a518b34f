//! The rules for `report.design`.

use std::collections::BTreeSet;

use crate::expand::findings::Findings;
use crate::expand::names::check_name;
use crate::schema::design::{Design, FIRST_LOOK, LAST_LOOK, Method};
use crate::schema::file::File;
use crate::yaml::pointer::escape;

const POINTER: &str = "/report/design";

pub(super) fn check(file: &File, findings: &mut Findings) {
    let Some(design) = &file.report.design else { return };
    if !(design.alpha > 0.0 && design.alpha < 1.0) {
        let message = format!("an error rate of {} is not between 0 and 1", design.alpha);
        findings.advise(&format!("{POINTER}/alpha"), message, "write `alpha: 0.05`");
    }
    if file.report.claims.is_empty() {
        let hint = "list what the paper says of its rows under `report.claims`";
        findings.advise(POINTER, "there are no claims to judge", hint);
    }
    looks(design, findings);
    margins(file, design, findings);
}

fn looks(design: &Design, findings: &mut Findings) {
    let (has_looks, span) = (!design.looks.is_empty(), design.seeds);
    match design.method {
        Method::Anytime if has_looks || span.is_some() => {
            let key = if has_looks { "looks" } else { "seeds" };
            let message = format!("`method: anytime` looks after every seed and takes no `{key}`");
            let hint = format!("leave out `{key}`, or `method` for a group-sequential design");
            findings.advise(&format!("{POINTER}/{key}"), message, hint);
        }
        Method::GroupSequential if has_looks && span.is_some() => {
            let message = "`looks` and `seeds` both say when to look";
            findings.advise(&format!("{POINTER}/seeds"), message, "leave out one of them");
        }
        Method::GroupSequential if !has_looks && span.is_none() => {
            let message = "a group-sequential design needs the numbers of seeds to look after";
            let hint = "write `seeds: {first: 3, most: 20}` or `looks: [3, 5, 8, 12, 20]`, or \
                        `method: anytime` for a design without a maximum";
            findings.advise(POINTER, message, hint);
        }
        Method::Anytime | Method::GroupSequential => {}
    }
    let least = format!("two trainings are too little evidence: use {FIRST_LOOK} or more");
    let most = format!("use {LAST_LOOK} seeds at most, or `method: anytime`");
    if let Some(span) = span {
        let pointer = format!("{POINTER}/seeds");
        if span.first < FIRST_LOOK {
            let message = format!("the first look is after {} seeds", span.first);
            findings.advise(&format!("{pointer}/first"), message, &least);
        } else if span.most < span.first {
            let message = format!("`most` is {}, below `first`, {}", span.most, span.first);
            findings.advise(&format!("{pointer}/most"), message, "use more seeds for `most`");
        } else if span.most > LAST_LOOK {
            let message = format!("the last look is after {} seeds", span.most);
            findings.advise(&format!("{pointer}/most"), message, &most);
        }
    }
    if let Some((i, last)) = design.looks.iter().enumerate().find(|(_, n)| **n > LAST_LOOK) {
        let message = format!("a look is after {last} seeds");
        findings.advise(&format!("{POINTER}/looks/{i}"), message, &most);
    }
    if design.looks.first().is_some_and(|first| *first < FIRST_LOOK) {
        let message = format!("the first look is after {} seeds", design.looks[0]);
        findings.advise(&format!("{POINTER}/looks/0"), message, &least);
    }
    if let Some(i) = design.looks.windows(2).position(|pair| pair[0] >= pair[1]) {
        let message = format!(
            "a look after {} seeds follows one after {}",
            design.looks[i + 1],
            design.looks[i]
        );
        findings.advise(
            &format!("{POINTER}/looks/{}", i + 1),
            message,
            "list them in rising order",
        );
    }
}

fn margins(file: &File, design: &Design, findings: &mut Findings) {
    let quantities = file.report.claims.iter().flat_map(|claim| claim.compare.quantities());
    let metrics: BTreeSet<&str> = quantities.map(|quantity| quantity.metric.as_str()).collect();
    for (metric, margin) in &design.margin {
        let pointer = format!("{POINTER}/margin/{}", escape(metric));
        let known = metrics.iter().copied();
        findings.check(&pointer, check_name("claimed metric", metric, known));
        if !(*margin > 0.0 && margin.is_finite()) {
            let message = format!("a margin of {margin} is not above zero");
            let hint = "write the smallest difference that matters, in the metric's own unit";
            findings.advise(&pointer, message, hint);
        }
    }
}
