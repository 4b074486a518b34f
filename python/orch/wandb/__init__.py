"""The face of wandb over `orch`: `import orch.wandb as wandb`, and the script stays as it is.

Numbers, images, config and summary are recorded. What has no counterpart is accepted and warned about
once.
"""

import atexit
import sys
from collections.abc import Mapping
from typing import Any, Optional

from .. import _stop
from .._trial import config as _trial_config
from ._config import RunConfig, mapping
from ._image import Image
from ._run import Run
from ._unsupported import Unsupported

__all__ = [
    "Error",
    "Image",
    "Run",
    "define_metric",
    "finish",
    "init",
    "log",
    "login",
]

_run: Optional[Run] = None


class Error(Exception):
    """A call before `init`."""


CommError = UsageError = Error


def init(project: Optional[str] = None, config: Any = None, **_: Any) -> Run:
    """Starts the run, or returns the one that was started. The trial's config wins over `config`."""
    global _run
    if _run is None:
        _run = Run(RunConfig(_trial_config()))
        atexit.register(_finish_at_exit)
    if config is not None:
        _run.config.add(mapping(config))
    return _run


def log(
    data: Mapping[str, Any], step: Optional[int] = None, commit: Optional[bool] = None, **_: Any
) -> None:
    """See `Run.log`."""
    _started("log").log(data, step, commit)


def define_metric(name: str, *arguments: Any, **options: Any) -> None:
    """See `Run.define_metric`."""
    _started("define_metric").define_metric(name, *arguments, **options)


def finish(exit_code: Optional[int] = None, **_: Any) -> None:
    """Reports the summary as the trial's result, and ends the run."""
    global _run
    if _run is not None:
        _run.finish(exit_code)
        _run = None


def login(*_: Any, **__: Any) -> bool:
    """There is no account."""
    return True


def _started(name: str) -> Run:
    if _run is None:
        raise Error(f"call wandb.init() before wandb.{name}")
    return _run


def _finish_at_exit() -> None:
    # A script that failed, or was stopped, has no final values.
    failed = getattr(sys, "last_type", None) or getattr(sys, "last_exc", None)
    if not failed and not _stop.was_stopped():
        finish()


def __getattr__(name: str) -> Any:
    if name == "run":
        return _run
    if name in ("config", "summary"):
        return getattr(_started(name), name)
    if name.startswith("__"):
        raise AttributeError(name)
    return _run.alert if name == "alert" and _run else Unsupported(name)
