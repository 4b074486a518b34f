//! `orch db check|rebuild [RUN]`: the index over a run's files, and making it again.

use experiments::protocol::exit;

use super::{print, say};
use crate::cli::args::{self, Global};
use crate::run_dir::RunDir;
use crate::store::StoreError;
use crate::store::rebuild;
use crate::store::sync::OpenError;

/// Runs the verb.
pub async fn run(arguments: &args::Db, global: &Global) -> anyhow::Result<u8> {
    match &arguments.what {
        args::DbVerb::Check { run } => check(&RunDir::find(&global.runs, run.as_deref())?).await,
        args::DbVerb::Rebuild { run } => {
            let dir = RunDir::find(&global.runs, run.as_deref())?;
            rebuild::rebuild(&dir, &dir.lock_for_a_moment()?).await?;
            if !global.quiet {
                say(&format!("`{}` is made again from the files", dir.database().display()));
            }
            Ok(exit::OK)
        }
    }
}

async fn check(dir: &RunDir) -> anyhow::Result<u8> {
    let database = dir.database();
    if !database.is_file() {
        say(&format!(
            "there is no `{}`; the next verb makes it from the files",
            database.display()
        ));
        return Ok(exit::OK);
    }
    let wrong = match rebuild::check(dir).await {
        Err(error @ OpenError::Store(StoreError::Sql { .. })) => {
            vec![format!("{:#}", anyhow::Error::from(error))]
        }
        checked => checked?,
    };
    if wrong.is_empty() {
        print(&format!("`{}` is sound and holds what the files say\n", database.display()))?;
        return Ok(exit::OK);
    }
    print(&(wrong.join("\n") + "\n"))?;
    say(&format!(
        "`{}` is not what the files say; `orch db rebuild {}` makes it again from them",
        database.display(),
        dir.name()
    ));
    Ok(exit::SOME_FAILED)
}
