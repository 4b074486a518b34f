"""Values of metrics as JSON within the limits of docs/events.md. What cannot be one is warned about
once and left out."""

import json
import math
import operator
import re
from collections.abc import Mapping
from typing import Any, Optional

from ._console import warn_once

_LONGEST_NAME = 256
_MOST_METRICS = 10_000
LAST_STEP = 2**63 - 1
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")

# The JSON of every name so far, with its colon; empty for one that is not allowed.
_keys: dict[str, str] = {}


def values(metrics: Mapping[str, Any]) -> str:
    """The members of a JSON object, without its braces."""
    members = []
    for name, value in metrics.items():
        key = _keys.get(name)
        if key is None:
            key = _key(name)
        if type(value) is not float:
            value = number(name, value)
        if not key or value is None:
            continue
        # Only a finite number's difference to itself is zero.
        members.append(key + (repr(value) if value - value == 0.0 else _not_finite(value)))
    return ",".join(members)


def number(name: object, value: Any) -> Optional[float]:
    """`value` as a float: a number, or a scalar of NumPy, PyTorch, …"""
    try:
        if isinstance(value, (str, bytes, bytearray)):
            raise TypeError("a text")
        detach = getattr(value, "detach", None)  # a tensor that requires a gradient
        return float(value if detach is None else detach())
    except Exception as error:
        kind = type(value).__name__
        warn_once(f"{name!r} is not recorded: its value, of type {kind}, is not a number ({error})")
        return None


def step(value: Any) -> Optional[int]:
    """`value` as a step."""
    try:
        whole = int(value) if isinstance(value, float) else operator.index(value)
        if whole != value:
            raise ValueError("it has a fraction")
    except Exception as error:
        warn_once(f"nothing is recorded at the step {value!r}: it is not a whole number ({error})")
        return None
    if not 0 <= whole <= LAST_STEP:
        warn_once(f"nothing is recorded at the step {whole}: steps are from 0 to {LAST_STEP}")
        return None
    return whole


def name(what: str, value: object) -> Optional[str]:
    """`value` as the JSON of a name: of a metric, an item, …"""
    text = clean(str(value))
    length = len(text.encode())
    if length > _LONGEST_NAME:
        warn_once(f"the {what} {text[:40]!r}… has {length} bytes; the limit is {_LONGEST_NAME}")
        return None
    if _CONTROL.search(text):
        warn_once(f"the {what} {text!r} has control characters and is not recorded")
        return None
    return json.dumps(text)


def clean(text: str) -> str:
    """`text` without lone surrogates, which are not Unicode."""
    return text.encode("utf-8", "replace").decode()


def _key(metric: object) -> str:
    if len(_keys) >= _MOST_METRICS:
        warn_once(f"metrics beyond the {_MOST_METRICS}th are not recorded, such as {metric!r}")
        return ""
    text = name("metric", metric)
    key = "" if text is None else text + ":"
    _keys[metric] = key  # type: ignore[index]
    return key


def _not_finite(value: float) -> str:
    return '"NaN"' if math.isnan(value) else '"Infinity"' if value > 0 else '"-Infinity"'
