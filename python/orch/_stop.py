"""SIGTERM asks an attempt to save a checkpoint and to exit with the code `STOPPED`."""

import os
import signal
import threading
from types import FrameType
from typing import Any, Optional

from ._console import warn_once

STOPPED = 75
"""Exit code of an attempt that was asked to stop and has saved a checkpoint."""

_requested = False
_told = False
_installed = False
_previous: Any = signal.SIG_DFL


def should_stop() -> bool:
    """True once this attempt was asked to stop: save a checkpoint, then `sys.exit(orch.STOPPED)`.

    Before the first call SIGTERM ends the process as usual.
    """
    global _told
    if not _installed:
        listen()
    _told = _requested
    return _requested


def was_stopped() -> bool:
    """True once `should_stop` has said so."""
    return _told


def listen(chain: bool = True) -> None:
    """Installs the handler of SIGTERM; with `chain` it also calls the one that was there."""
    global _installed, _previous
    current = signal.getsignal(signal.SIGTERM)
    if current is _handle:
        return
    if threading.current_thread() is not threading.main_thread():
        warn_once("call orch.should_stop() once in the main thread, or SIGTERM ends the process")
        return
    _previous = current if chain else signal.SIG_DFL
    signal.signal(signal.SIGTERM, _handle)
    _installed = True


def _handle(number: int, frame: Optional[FrameType]) -> None:
    global _requested
    _requested = True
    if callable(_previous):
        _previous(number, frame)


def _before_fork() -> None:
    if _installed:
        # Python forgets a signal that arrives in a child before its handlers are in order.
        _mask.before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})


def _after_fork() -> None:
    if _installed:
        signal.pthread_sigmask(signal.SIG_SETMASK, _mask.before)


def _after_fork_in_child() -> None:
    # Whoever terminates a child, such as a pool its workers, expects that it ends.
    if _installed and signal.getsignal(signal.SIGTERM) is _handle:
        signal.signal(signal.SIGTERM, _previous)
    _after_fork()


# The signals that this thread had blocked.
_mask = threading.local()
os.register_at_fork(
    before=_before_fork,
    after_in_parent=_after_fork,
    after_in_child=_after_fork_in_child,
)
