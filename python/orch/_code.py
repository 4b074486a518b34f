"""The source files that this program really imported, as an event: of its code, these count."""

import atexit
import json
import os
import sys
import sysconfig
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Optional

from ._checkpoints import sha256
from ._events import events, in_attempt
from ._json import clean

# Folders of installed packages, also those of a user or a system.
_PACKAGES = {"site-packages", "dist-packages"}

# By file; the hash of when it was first seen, since a file may be edited while its program runs.
_seen: dict[Path, str] = {}
_reported = 0
_process = os.getpid()


@events.before_the_first
def see() -> None:
    """Hashes the files of modules that were imported since the last call."""
    folder = _project()
    if folder is None:
        return
    for path in _files():
        if path not in _seen and folder in path.parents:
            try:
                _seen[path] = sha256(path)
            except OSError:
                continue  # it is gone


@atexit.register
def report() -> None:
    """Appends the event, if there are files that no event has had."""
    global _reported
    if not in_attempt() or os.getpid() != _process:
        return
    see()
    folder = _project()
    if folder is None or len(_seen) == _reported:
        return
    files = {clean(path.as_posix()): digest for path, digest in _seen.items()}
    events.append(f'"event":"imports","files":{json.dumps(dict(sorted(files.items())))}')
    _reported = len(_seen)


@cache
def _project() -> Optional[Path]:
    """The folder of the program; of the package's parent with `python -m package.module`.

    Remembered, since Python forgets the program's file before the process ends.
    """
    main = sys.modules.get("__main__")
    file = getattr(main, "__file__", None)
    if not file:
        return None  # an interactive session, or `python -c`
    folder = Path(file).resolve().parent
    spec = getattr(main, "__spec__", None)
    return folder.parents[spec.name.count(".") - 1] if spec and "." in spec.name else folder


def _files() -> Iterator[Path]:
    """The source files of all modules, without those of Python and of installed packages."""
    paths = sysconfig.get_paths()
    installed = {Path(paths[name]).resolve() for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    for module in list(sys.modules.values()):
        file = getattr(module, "__dict__", {}).get("__file__")
        if isinstance(file, str) and file.endswith(".py"):
            path = Path(file).resolve()
            if installed.isdisjoint(path.parents) and not _PACKAGES.intersection(path.parts):
                yield path
