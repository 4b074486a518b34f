"""Checkpoints: named once they are complete, found again by the next attempt."""

import hashlib
import json
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Optional, Union

from . import _json
from ._console import print_line, warn_once
from ._environment import Attempt, attempt
from ._events import events, in_attempt

PathLike = Union[str, "os.PathLike[str]"]


class Checkpoint(str):
    """The path of a checkpoint."""

    step: int
    """The step that it was named with."""


def checkpoint(path: PathLike, step: int, *, hash: bool = True) -> None:
    """Says that the file or folder `path`, below `checkpoint_dir()`, is complete.

    It is brought to the disk first, with all events so far. With its hash, the next attempt can tell a
    file that was replaced or damaged since; without, it is trusted (and need not be read).
    """
    current = attempt()
    if current is None:
        print_line(f"checkpoint of step {step}: {os.fspath(path)}")
        return
    if not in_attempt():
        return
    at = _json.step(step)
    real = Path(path).resolve()
    if at is None:
        return
    if current.checkpoints not in real.parents:
        warn_once(f"the checkpoint `{path}` is not recorded: it is not below orch.checkpoint_dir()")
        return
    try:
        save_to_disk(real, current.checkpoints)
        digest = digest_of(real) if hash else ""
    except OSError as error:
        warn_once(f"the checkpoint `{path}` is not recorded: {error}")
        return
    fields = f'"event":"checkpoint","step":{at},"path":{path_in_trial(current, real)}'
    events.sync()
    events.append(fields + (f',"hash":"{digest}"' if digest else ""))
    events.sync()


def deterministic() -> None:
    """Says that this training computes the same bits again from the same checkpoint, with the same packages
    on the same device: `orch verify --execute` may then train parts of it again, and compares every bit.
    """
    if in_attempt():
        events.deterministic()


@cache
def resume_from() -> Optional[Checkpoint]:
    """The newest checkpoint of the trial's earlier attempts that is intact; None to start anew.

    Call it before the first `log`: what earlier attempts logged beyond its step is hidden from now on.
    """
    current = attempt()
    if current is None:
        return None
    for path, step, digest in _named_before(current):
        found = Path(os.path.realpath(current.trial / path))  # of a loop of links it raises nothing
        if current.checkpoints not in found.parents:
            continue
        try:
            found.stat()
            problem = "was changed since" if digest and digest_of(found) != digest else ""
        except FileNotFoundError:
            problem = "is missing"
        except OSError as error:
            problem = f"cannot be read ({error})"
        if problem:
            warn_once(f"the checkpoint `{found}` of step {step} {problem}: not resumed from")
            continue
        if in_attempt():
            events.resumed_from(step)
        resumed = Checkpoint(found)
        resumed.step = step
        return resumed
    return None


def path_in_trial(current: Attempt, path: Path) -> str:
    """The JSON of the path of a file, relative to the trial's folder."""
    return json.dumps(_json.clean(path.relative_to(current.trial).as_posix()))


def save_to_disk(path: Path, below: Path) -> None:
    """Brings a file or folder to the disk, and the names that lead to it from the folder `below`."""
    for file in [path] if path.is_file() else _files(path):
        with open(file, "rb") as opened:
            os.fsync(opened.fileno())
    above = [folder for folder in path.parents if folder == below or below in folder.parents]
    for folder in above if path.is_file() else [*_folders(path), path, *above]:
        opened_folder = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(opened_folder)
        finally:
            os.close(opened_folder)


def digest_of(path: Path) -> str:
    """SHA-256 of a file, or of the list of a folder's files with theirs."""
    if path.is_file():
        return "sha256:" + sha256(path)
    lines = (f"{file.relative_to(path).as_posix()}\0{sha256(file)}\n" for file in _files(path))
    return "folder-sha256:" + hashlib.sha256("".join(lines).encode("utf-8", "replace")).hexdigest()


def sha256(path: Path) -> str:
    """SHA-256 of a file, as hexadecimal digits."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _files(folder: Path) -> Iterator[Path]:
    return iter(sorted(path for path in folder.rglob("*") if path.is_file()))


def _folders(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_dir())


def _named_before(current: Attempt) -> Iterator[tuple[str, int, str]]:
    """Path, step and hash of the checkpoints of earlier attempts, the last one first."""
    for number in range(current.number - 1, 0, -1):
        try:
            file = open(current.trial / f"attempt-{number}" / "events.jsonl", "rb")
        except OSError:
            continue
        with file:
            lines = [line for line in file if b'"checkpoint"' in line]
        for line in reversed(lines):
            try:
                event = json.loads(line)
                if event["event"] == "checkpoint":
                    yield event["path"], int(event["step"]), event.get("hash") or ""
            except (ValueError, KeyError, TypeError):
                continue
