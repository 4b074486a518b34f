"""What the trial asks of this program: its config, its seed and its folders."""

import copy
import json
import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Optional

from ._environment import attempt


class Config(dict[str, Any]):
    """A dict whose keys are attributes as well, at every level: `config.model.width`."""

    def __getattr__(self, key: str) -> Any:
        try:
            return self[key]
        except KeyError:
            raise AttributeError(f"the config has no key {key!r}, only {sorted(self)}") from None

    def __setattr__(self, key: str, value: Any) -> None:
        self[key] = value

    def __delattr__(self, key: str) -> None:
        try:
            del self[key]
        except KeyError:
            raise AttributeError(key) from None

    def __deepcopy__(self, memo: dict[int, Any]) -> "Config":
        return Config({key: copy.deepcopy(value, memo) for key, value in self.items()})


def config(defaults: Optional[Mapping[str, Any]] = None, /, **more: Any) -> Config:
    """The trial's config over the given defaults; without a trial, the defaults alone.

    Nested mappings are merged key by key. Every call returns a new copy.
    """
    merged = merge(merge({}, defaults or {}), more)
    return Config(with_attributes(merge(merged, _trial().get("config", {}))))


def seed(default: int = 0) -> int:
    """The trial's seed; `default` without a trial."""
    return int(_trial().get("seed", default))


def checkpoint_dir() -> str:
    """The folder for checkpoints, which outlives the attempt; `./checkpoints` without a trial."""
    current = attempt()
    return _made(current.checkpoints if current else Path("checkpoints"))


def artifact_dir() -> str:
    """The folder for images and other results; `./artifacts` without a trial."""
    current = attempt()
    return _made(current.artifacts if current else Path("artifacts"))


def merge(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """`below` with the values of `above`; where both have a mapping, the two are merged."""
    merged = dict(below)
    for key, value in above.items():
        under = merged.get(key)
        both = isinstance(value, Mapping) and isinstance(under, Mapping)
        merged[key] = merge(under, value) if both else value  # type: ignore[arg-type]
    return merged


def with_attributes(value: Any) -> Any:
    """A copy of `value` in which every mapping is a `Config`."""
    if isinstance(value, Mapping):
        return Config({key: with_attributes(item) for key, item in value.items()})
    if isinstance(value, (list, tuple)):
        return type(value)(map(with_attributes, value)) if type(value) in (list, tuple) else value
    return value


@cache
def _trial() -> Mapping[str, Any]:
    if attempt() is None:
        return {}
    with open(os.environ["ORCH_TRIAL"], encoding="utf-8") as file:
        return dict(json.load(file))


def _made(folder: Path) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    return str(folder)
