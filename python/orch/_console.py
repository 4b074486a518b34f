"""What a person reads on standard error. Nothing here is ever raised into a training loop."""

import logging
import sys

_log = logging.getLogger("orch")
_given: set[str] = set()


def warn_once(message: str) -> None:
    """Warns once of the same thing, through the logger `orch`."""
    if message not in _given:
        _given.add(message)
        _log.warning("orch: %s", message)


def print_line(text: str) -> None:
    """Prints what would have been an event, in a process that `orch` did not start."""
    try:
        sys.stderr.write(text + "\n")
    except (OSError, ValueError, AttributeError):
        pass  # closed, or there is none
