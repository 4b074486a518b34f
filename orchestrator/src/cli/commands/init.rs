//! `orch init [DIR]`: writes an experiment file and its script, which run as they are.

use std::fs;
use std::path::{self, Path, PathBuf};

use experiments::protocol::exit;
use experiments::schema::file::is_file_name;
use experiments::schema::json_schema::json_schema;
use experiments::yaml::parse;

use super::error::Result;
use super::output::print_message;
use crate::cli::args::{self, Global};
use crate::platform::atomic_file::{self, FileError, TemporaryFile};
use crate::platform::shell::quoted;

/// The experiment file's name.
const EXPERIMENT: &str = "experiment.yaml";

/// The schema that it names, by which editors complete and check it.
const SCHEMA: &str = "experiment.schema.json";

/// A file to write: its name and its text.
type Template = (&'static str, &'static str);

const PYTHON: [Template; 2] = [
    (EXPERIMENT, include_str!("../../../templates/python/experiment.yaml")),
    ("train.py", include_str!("../../../templates/python/train.py")),
];

const PYTORCH: [Template; 2] = [
    (EXPERIMENT, include_str!("../../../templates/pytorch/experiment.yaml")),
    ("train.py", include_str!("../../../templates/pytorch/train.py")),
];

const SHELL: [Template; 2] = [
    (EXPERIMENT, include_str!("../../../templates/shell/experiment.yaml")),
    ("train.sh", include_str!("../../../templates/shell/train.sh")),
];

/// A file that is to be written is there.
#[derive(Debug, thiserror::Error)]
#[error("there is a `{}` already\n\nhint: name another folder: `orch init DIR`", path.display())]
pub(crate) struct FileExists {
    /// The file.
    pub(crate) path: PathBuf,
}

/// Runs the verb.
pub(super) fn run(arguments: &args::Init, global: &Global) -> Result<u8> {
    let templates = match &arguments.script {
        script if script.pytorch => PYTORCH,
        script if script.shell => SHELL,
        _ => PYTHON,
    };
    let folder = &arguments.folder;
    let schema = atomic_file::to_json(&json_schema());
    let texts = templates.map(|(file, text)| (file, named(text, folder)));
    let files = texts.iter().map(|(file, text)| (*file, text.as_bytes()));
    let files = files.chain([(SCHEMA, schema.as_slice())]);
    // Of all files before any: a part of a template would not run.
    for (name, _) in files.clone() {
        let path = folder.join(name);
        if path.symlink_metadata().is_ok() {
            return Err(FileExists { path }.into());
        }
    }
    fs::create_dir_all(folder)
        .map_err(|source| FileError::Write { path: folder.clone(), source })?;
    for (name, bytes) in files {
        let path = folder.join(name);
        let mut file = TemporaryFile::create(&path)?;
        file.append(bytes)?;
        if file.link()?.is_none() {
            return Err(FileExists { path }.into());
        }
    }
    if !global.quiet {
        let names = templates.map(|(name, _)| format!("`{name}`"));
        let names = names.join(" and ");
        print_message(&format!("wrote {names}, and `{SCHEMA}` for editors; next:\n"));
        if folder != Path::new(".") {
            print_message(&format!("  cd {}", quoted(&folder.to_string_lossy())));
        }
        print_message("  orch run experiment.yaml    trains two variants with three seeds each");
        print_message("  orch report                 draws their table and figure");
    }
    Ok(exit::OK)
}

/// The template with the folder's name as the experiment's, so that runs of several folders are told apart.
fn named(template: &str, folder: &Path) -> String {
    let folder = path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    let name = name.replace(|c| !is_name(c), "-");
    let name = Some(name.trim_matches('-')).filter(|name| is_file_name(name));
    let name = parse::to_string(&name.unwrap_or("experiment"));
    template.replacen("name: experiment\n", &format!("name: {name}"), 1)
}
