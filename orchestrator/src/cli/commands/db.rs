//! `orch db check|rebuild [RUN]`: compares a run's database with its files, or rebuilds it from them.

use std::collections::BTreeSet;

use experiments::protocol::exit;

use super::damage::DamagedRecords;
use super::error::Result;
use super::output::{print, print_message};
use crate::cli::args::{self, Global};
use crate::run_dir::RunDir;
use crate::store::StoreError;
use crate::store::rebuild::{self, Checked, Shrinkage};
use crate::store::sync::OpenError;

/// Runs the verb.
pub(super) async fn run(arguments: &args::Db, global: &Global) -> Result<u8> {
    match &arguments.what {
        args::DbVerb::Check { run } => check(&RunDir::find(&global.runs, run.as_deref())?).await,
        args::DbVerb::Rebuild { run } => {
            let dir = RunDir::find(&global.runs, run.as_deref())?;
            rebuild::rebuild(&dir, &dir.lock_for_a_moment()?, Shrinkage::Refused).await?;
            if !global.quiet {
                print_message(&format!(
                    "`{}` was rebuilt from the files",
                    dir.database().display()
                ));
            }
            Ok(exit::OK)
        }
    }
}

async fn check(dir: &RunDir) -> Result<u8> {
    let database = dir.database();
    if !database.is_file() {
        print_message(&format!(
            "there is no `{}`; the next command makes it from the files",
            database.display()
        ));
        return Ok(exit::OK);
    }
    let Checked { problems, damage } = match rebuild::check(dir).await {
        Err(
            error @ OpenError::Store(
                StoreError::Sql { .. }
                | StoreError::Damaged { .. }
                | StoreError::DamagedValue { .. },
            ),
        ) => {
            let problems = vec![format!("{:#}", anyhow::Error::from(error))];
            Checked { problems, damage: BTreeSet::new() }
        }
        checked => checked?,
    };
    if !damage.is_empty() {
        return Err(DamagedRecords::new(dir, damage).into());
    }
    if problems.is_empty() {
        print(&format!("`{}` is intact and agrees with the files\n", database.display()))?;
        return Ok(exit::OK);
    }
    print(&(problems.join("\n") + "\n"))?;
    print_message(&format!(
        "`{}` does not agree with the files\n\nhint: `orch db rebuild {}` makes it again from them",
        database.display(),
        dir.name()
    ));
    Ok(exit::SOME_FAILED)
}
