"""A run: steps, values and the summary, with the semantics of wandb."""

import fnmatch
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Callable, Optional

from .. import _json, _metrics
from .._checkpoints import resume_from
from .._console import warn_once
from .._environment import attempt
from .._events import in_attempt
from .._trial import artifact_dir
from ._config import RunConfig
from ._image import Image
from ._unsupported import Unsupported

# Summaries by the value so far and the new one.
_SUMMARIES: dict[str, Callable[[float, float], float]] = {
    "min": min,
    "max": max,
    "first": lambda old, new: old,
    "last": lambda old, new: new,
}


class Summary(dict[str, Any]):
    """The final values: what was logged last, or what the script sets."""

    __setattr__ = dict.__setitem__

    def __getattr__(self, key: str) -> Any:
        try:
            return self[key]
        except KeyError:
            raise AttributeError(key) from None


class Run:
    """What `wandb.init` returns."""

    def __init__(self, config: RunConfig) -> None:
        self.config = config
        self.summary = Summary()
        current, resumed = attempt(), resume_from()
        self.id = self.name = current.trial.name if current else "local"
        self.project = os.environ.get("ORCH_EXPERIMENT", "local")
        self.url = None
        self.resumed = resumed is not None
        self._step = resumed.step if resumed else 0
        self._row: dict[str, Any] = {}
        self._defined: list[tuple[str, str]] = []
        self._finished = False

    @property
    def step(self) -> int:
        """The step of the next values that are logged without one."""
        return self._step

    @property
    def dir(self) -> str:
        """The trial's folder of artifacts."""
        return artifact_dir()

    def log(
        self,
        data: Mapping[str, Any],
        step: Optional[int] = None,
        commit: Optional[bool] = None,
        **_: Any,
    ) -> None:
        """Records numbers and images. Without a step, every call is a step of its own, unless
        `commit=False` adds to the next one; names of nested dicts are joined with `/`."""
        at = None if step is None else _json.step(step)
        if step is not None and at is None:
            return
        at = self._step if at is None else at
        if at > self._step:
            self._end_step(at)
        # In wandb steps only grow; here an earlier one is recorded where it belongs.
        numbers = {}
        for name, value in flat(data):
            if not self._log_media(name, value, at):
                numbers[name] = value
        _metrics.log(at, numbers)
        self._row.update(numbers)
        if commit or (step is None and commit is None):
            self._end_step(self._step + 1)

    def define_metric(
        self, name: str, step_metric: Any = None, summary: Optional[str] = None, **_: Any
    ) -> None:
        """With `summary` (`min`, `max`, `first`, `last`, `none`, or several with commas) the summary
        has `name.max` instead of the last value. A `step_metric` is not used: curves are over steps."""
        if step_metric is not None:
            warn_once("wandb.define_metric: step_metric is not used; curves are over steps")
        for kind in (summary or "").split(","):
            if kind in _SUMMARIES or kind == "none":
                self._defined.append((name, kind))
            elif kind:
                warn_once(f"wandb.define_metric: the summary {kind!r} is not computed")

    def finish(self, exit_code: Optional[int] = None, **_: Any) -> None:
        """Reports the summary as the trial's result."""
        if not self._finished and not exit_code:
            self._finished = True
            self._end_step(self._step)
            numbers = {key: value for key, value in flat(self.summary) if not _is_media(value)}
            if numbers:
                _metrics.result(numbers)

    def alert(self, title: str, text: str = "", **_: Any) -> None:
        """Prints the alert once."""
        warn_once(f"{title}: {text}")

    def __enter__(self) -> "Run":
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        self.finish(exit_code=0 if kind is None else 1)

    def __getattr__(self, name: str) -> Unsupported:
        if name.startswith("_"):
            raise AttributeError(name)
        return Unsupported(f"run.{name}")

    def _log_media(self, name: str, value: Any, step: int) -> bool:
        """True if the value is not a number: images become artifacts, other media are left out."""
        images = [value] if isinstance(value, Image) else value
        if isinstance(images, (list, tuple)) and images and isinstance(images[0], Image):
            for index, image in enumerate(images):
                item = image.caption if image.caption else index if len(images) > 1 else None
                self._save_image(name, image, step, index, item)
            return True
        return _is_media(value)

    def _save_image(self, name: str, image: Image, step: int, index: int, item: Any) -> None:
        if not in_attempt():
            return
        path = Path(artifact_dir(), f"{name.replace('/', '-')}-{step}-{index}.png")
        try:
            image.save(path)
        except Exception as error:
            warn_once(f"the image {name!r} is not recorded: {error}")
            return
        _metrics.artifact(path, name, kind="image", step=step, item=item)

    def _end_step(self, next_step: int) -> None:
        """The values of a step count for the summary once it is over: a later one replaces them."""
        for name, value in self._row.items():
            self._summarise(name, value)
        self._row.clear()
        self._step = next_step

    def _summarise(self, name: str, value: Any) -> None:
        kinds = [kind for pattern, kind in self._defined if fnmatch.fnmatchcase(name, pattern)]
        if not kinds:
            self.summary[name] = value
            return
        number = _json.number(name, value)
        for kind in kinds:
            if number is not None and kind != "none":
                key = f"{name}.{kind}"
                old = self.summary.get(key)
                self.summary[key] = number if old is None else _SUMMARIES[kind](old, number)


def flat(data: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The values of nested dicts, the names joined with `/`."""
    for name, value in data.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{prefix}{name}/")
        else:
            yield f"{prefix}{name}", value


def _is_media(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return any(map(_is_media, value))
    return isinstance(value, (Image, Unsupported))
