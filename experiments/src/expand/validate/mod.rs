//! The rules for a file beyond its types: names, values out of range, and references from one
//! section to another.

mod design;
mod report;
mod settings;
mod worker;

pub(super) use self::settings::resources as check_resources;

use super::findings::Findings;
use crate::schema::file::{File, MAX_NAME, is_file_name};
use crate::yaml::pointer::escape;
use crate::yaml::source::{FileError, Source};

/// Checks a decoded file; all findings are reported at once.
pub(super) fn file(source: &Source, file: &File) -> Result<(), FileError> {
    let mut findings = Findings::new(source);
    names(file, &mut findings);
    worker::check(&file.worker, &mut findings);
    settings::check(file, &mut findings);
    report::check(file, &mut findings);
    design::check(file, &mut findings);
    findings.into_result()
}

fn names(file: &File, findings: &mut Findings) {
    check_file_name("/name", "an experiment", &file.name, findings);
    for name in file.variants.keys() {
        check_file_name(&format!("/variants/{}", escape(name)), "a variant", name, findings);
    }
    for name in file.profiles.keys() {
        check_file_name(&format!("/profiles/{}", escape(name)), "a profile", name, findings);
    }
    for (pointer, name) in report::outputs(file) {
        check_file_name(&pointer, "a table or figure", name, findings);
    }
    for (i, _) in file.notify.iter().enumerate().filter(|(_, notify)| notify.command.is_empty()) {
        findings.add(&format!("/notify/{i}/command"), "the command is empty");
    }
    if file.variants.is_empty() {
        let hint = "list them below `variants`, or their axes below `grid`";
        findings.advise("/variants", "there are no variants", hint);
    }
}

fn check_file_name(pointer: &str, owner: &str, name: &str, findings: &mut Findings) {
    if name.len() > MAX_NAME {
        let message = format!("the name of {owner} has {} letters", name.len());
        findings.advise(
            pointer,
            message,
            format!("names become file names: use {MAX_NAME} at most"),
        );
    } else if !is_file_name(name) {
        let message = format!("`{}` cannot be the name of {owner}", name.escape_debug());
        let hint = "names become file names: use letters, digits, `-` and `_`";
        findings.advise(pointer, message, hint);
    }
}
