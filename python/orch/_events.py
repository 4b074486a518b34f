"""The attempt's events file: every event is a line, appended with a single write.

A write that fails never raises: what the disk did not take is kept and tried again with the next line,
and at the end the process reports the loss by its exit code.
"""

import atexit
import json
import os
import sys
import threading
import time
from functools import cache
from pathlib import Path
from typing import Callable, Optional

from ._console import warn_once
from ._environment import attempt, is_first_rank
from ._json import clean

PROTOCOL = 1
LONGEST_LINE = 1 << 20
MOST_KEPT = 8 << 20
EXIT_LOST = 74  # EX_IOERR


class EventFile:
    """Safe with threads, with signal handlers and with children by fork."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._file: Optional[int] = None
        self._unwritten = b""
        self._lost = 0
        self._error = ""
        self._resumed_from: Optional[int] = None
        self._deterministic = False
        self._is_child = False
        self._before: list[Callable[[], None]] = []
        os.register_at_fork(after_in_child=self._after_fork)

    def before_the_first(self, function: Callable[[], None]) -> Callable[[], None]:
        """Has the function called before the first event."""
        self._before.append(function)
        return function

    def append(self, fields: str) -> None:
        """Appends the event with these members of a JSON object."""
        with self._lock:
            if self._file is None:
                self._open()
            line = _line(fields)
            if len(line) > LONGEST_LINE:
                warn_once(f"an event of {len(line)} bytes is not recorded: {LONGEST_LINE} is the limit")
            elif self._file is None or self._unwritten:
                self._append_slowly(line)
            else:
                try:
                    written = os.write(self._file, line)
                except OSError as error:
                    self._failed(error)
                    written = 0
                if written != len(line):
                    self._unwritten = line[written:]

    def resumed_from(self, step: int) -> None:
        """Says that this attempt continues from a checkpoint of this step."""
        with self._lock:
            self._resumed_from = step
            self._say_hello()

    def deterministic(self) -> None:
        """Says that this attempt computes the same from the same checkpoint."""
        with self._lock:
            self._deterministic = True
            self._say_hello()

    def _say_hello(self) -> None:
        if self._file is None:
            self._open()
            self._write()
        else:
            self.append(self._hello())

    def sync(self) -> None:
        """Brings everything so far to the disk."""
        with self._lock:
            self._write()
            if self._file is not None:
                try:
                    os.fsync(self._file)
                except OSError as error:
                    self._failed(error)

    def close(self) -> None:
        """Called when the process ends. Events that were lost are a failure that its exit code has to
        tell, since the trial would count as complete without them."""
        with self._lock:
            self._write()
            if self._is_child or not (self._unwritten or self._lost):
                return
        message = f"orch: the last events could not be written: {self._error}\n"
        for stream in (sys.stdout, sys.stderr):
            try:
                if stream is sys.stderr:
                    stream.write(message)
                stream.flush()
            except (OSError, ValueError, AttributeError):
                pass
        os._exit(EXIT_LOST)

    def _append_slowly(self, line: bytes) -> None:
        if len(self._unwritten) + len(line) > MOST_KEPT:
            self._lost += 1
        else:
            self._unwritten += line
        self._write()

    def _open(self) -> None:
        current = attempt()
        assert current is not None, "only an attempt has events"
        while self._before:
            self._before.pop()()
        try:
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
            self._file = os.open(current.events, flags, 0o600)
            # Another program of this attempt, or the parent of this process, may have said hello.
            if self._resumed_from is not None or not _has_hello(current.events):
                self._unwritten = _line(self._hello()) + self._unwritten
        except OSError as error:
            self._failed(error)

    def _write(self) -> None:
        if self._unwritten and self._file is None:
            self._open()
        if self._unwritten and self._file is not None:
            try:
                self._unwritten = self._unwritten[os.write(self._file, self._unwritten) :]
            except OSError as error:
                self._failed(error)

    def _failed(self, error: OSError) -> None:
        self._error = str(error)
        warn_once(f"events cannot be written for now: {error}")

    def _hello(self) -> str:
        program = clean(os.path.basename(sys.argv[0] if sys.argv else "") or "python")
        hello = f'"event":"hello","protocol":{PROTOCOL},"program":{json.dumps(program)}'
        if self._resumed_from is not None:
            hello += f',"resumed_from":{self._resumed_from}'
        return hello + ',"deterministic":true' if self._deterministic else hello

    def _after_fork(self) -> None:
        in_attempt.cache_clear()
        self._lock = threading.RLock()
        self._file = None
        self._unwritten = b""
        self._lost = 0
        self._resumed_from = None
        self._deterministic = False
        self._before.clear()
        self._is_child = True


def _has_hello(path: Path) -> bool:
    """True if the file has an event `hello`, which comes early."""
    with open(path, "rb") as file:
        return b'"event":"hello"' in file.read(MOST_KEPT)


def _line(fields: str) -> bytes:
    return f'{{{fields},"time":{time.time():.6f}}}\n'.encode()


@cache
def in_attempt() -> bool:
    """True if this process appends events: `orch` started it, and it is the first of its ranks."""
    return attempt() is not None and is_first_rank()


events = EventFile()
atexit.register(events.close)
