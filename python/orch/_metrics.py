"""Numbers, progress and files of an attempt, as events. Without `orch`, as lines for a person."""

import atexit
import json
import os
import shutil
import time
from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import Any, Optional

from . import _code, _json
from ._checkpoints import PathLike, path_in_trial, save_to_disk
from ._console import print_line, warn_once
from ._environment import attempt, is_first_rank
from ._events import events, in_attempt

# So many names of 256 bytes are safely below the longest line.
_MOST_PER_LINE = 500
_PROGRESS_INTERVAL = 0.1

_result: dict[str, Any] = {}
_progress_at = 0.0
_progress_waiting = ""


def log(
    step: int,
    values: Optional[Mapping[str, Any]] = None,
    /,
    *,
    item: Optional[object] = None,
    **named: Any,
) -> None:
    """Records values of metrics at a step: `log(step, loss=0.5)` or `log(step, {"val/psnr": 20.1})`.

    A value is a number or a scalar of NumPy, PyTorch, …; with `item` it belongs to one element of a
    set, for example a validation image.
    """
    if values is None:
        values = named
    elif named:
        values = {**values, **named}
    if not in_attempt():
        if attempt() is None and is_first_rank():
            print_line(f"step {step}: {_readable(values)}")
        return
    at = step if type(step) is int and 0 <= step <= _json.LAST_STEP else _json.step(step)
    if at is None:
        return
    fields = f'"event":"metrics","step":{at},'
    if item is not None:
        name = _json.name("item", item)
        if name is None:
            return
        fields += f'"item":{name},'
    if len(values) <= _MOST_PER_LINE:
        _append_values(fields, values)
        return
    rest = iter(values.items())
    while part := dict(islice(rest, _MOST_PER_LINE)):
        _append_values(fields, part)


def result(values: Optional[Mapping[str, Any]] = None, /, **named: Any) -> None:
    """The trial's final values, the numbers of its table. Several calls add up."""
    _result.update(values or {}, **named)
    if in_attempt():
        _append_last_progress()
        _code.report()
        events.append(f'"event":"result","values":{{{_json.values(_result)}}}')
        events.sync()
    elif attempt() is None and is_first_rank():
        print_line(f"result: {_readable(_result)}")


def progress(step: int, of: int, phase: str = "train") -> None:
    """Says how far the phase is. Written ten times a second at most, and when the process ends."""
    global _progress_at, _progress_waiting
    if not in_attempt():
        return
    at, end, name = _json.step(step), _json.step(of), _json.name("phase", phase)
    if at is None or end is None or name is None:
        return
    now = time.monotonic()
    event = f'"event":"progress","phase":{name},"step":{at},"of":{end}'
    if now - _progress_at < _PROGRESS_INTERVAL:
        _progress_waiting = event
        return
    _progress_at, _progress_waiting = now, ""
    events.append(event)


def artifact(
    path: PathLike,
    name: Optional[str] = None,
    *,
    kind: Optional[str] = None,
    step: int = 0,
    item: Optional[object] = None,
) -> None:
    """Records a complete file. Figures show those of the kind `image`, which PNG files have by default.

    A file outside of `artifact_dir()` is copied into it. `name` says what it shows, by default the
    file's name without its extension.
    """
    current = attempt()
    real = Path(path).resolve()
    if current is None:
        print_line(f"artifact of step {step}: {os.fspath(path)}")
        return
    names = [_json.name("artifact", name or real.stem)]
    names.append(_json.name("kind", kind or ("image" if real.suffix == ".png" else "file")))
    at = _json.step(step)
    if not in_attempt() or at is None or None in names:
        return
    try:
        if current.trial not in real.parents:
            real = Path(shutil.copy(real, current.artifacts / real.name))
        save_to_disk(real, current.trial)
    except OSError as error:
        warn_once(f"the artifact `{path}` is not recorded: {error}")
        return
    fields = f'"event":"artifact","name":{names[0]},"kind":{names[1]},"step":{at}'
    if item is not None:
        fields += f',"item":{_json.name("item", item)}'
    events.append(f'{fields},"path":{path_in_trial(current, real)}')


def failed(failure: str, message: str) -> None:
    """Says why this attempt cannot continue; exit with a code other than 0 right after.

    `failure` is a class of docs/events.md: `config`, `data` and `diverged` are not tried again.
    """
    if attempt() is None:
        print_line(f"failed ({failure}): {message}")
    elif in_attempt():
        name = _json.name("class", failure)
        if name:
            events.append(
                f'"event":"failed","class":{name},"message":{json.dumps(_json.clean(message))}'
            )
            events.sync()


def _append_values(fields: str, values: Mapping[str, Any]) -> None:
    members = _json.values(values)
    if members:
        events.append(f'{fields}"values":{{{members}}}')


def _readable(values: Mapping[str, Any]) -> str:
    numbers = {name: _json.number(name, value) for name, value in values.items()}
    return ", ".join(f"{name} {number:.6g}" for name, number in numbers.items() if number is not None)


@atexit.register
def _append_last_progress() -> None:
    global _progress_waiting
    if _progress_waiting and in_attempt():
        events.append(_progress_waiting)
        _progress_waiting = ""
