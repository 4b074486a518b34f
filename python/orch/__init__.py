"""The Python helper of `orch`: a trial's config, and its metrics, checkpoints and results as events.

Every call works without `orch` as well: it then prints a line, or does nothing. Nothing is raised into
a training loop, and no random generator is touched. docs/python.md has a page about it.
"""

from ._checkpoints import Checkpoint, checkpoint, deterministic, resume_from
from ._metrics import artifact, failed, log, progress, result
from ._stop import STOPPED, should_stop
from ._trial import Config, artifact_dir, checkpoint_dir, config, seed
from .records import Records, RecordsError, read

__all__ = [
    "STOPPED",
    "Checkpoint",
    "Config",
    "Records",
    "RecordsError",
    "artifact",
    "artifact_dir",
    "checkpoint",
    "checkpoint_dir",
    "config",
    "deterministic",
    "failed",
    "log",
    "progress",
    "read",
    "result",
    "resume_from",
    "seed",
    "should_stop",
]
