"""The attempt that this process belongs to, as its environment says (docs/events.md)."""

import os
from functools import cache
from pathlib import Path
from typing import NamedTuple, Optional

# Variables that number the processes of a distributed program.
_RANKS = ("OMPI_COMM_WORLD_RANK", "SLURM_PROCID", "NODE_RANK", "LOCAL_RANK")


class Attempt(NamedTuple):
    """An execution of a trial. Paths are absolute and without links."""

    number: int
    trial: Path
    """The trial's folder, that paths in events are relative to."""
    events: Path
    checkpoints: Path
    artifacts: Path


@cache
def attempt() -> Optional[Attempt]:
    """This process's attempt; None where `orch` did not start it."""
    environment = os.environ
    if "ORCH_EVENTS" not in environment or "ORCH_TRIAL" not in environment:
        return None
    trial = Path(environment["ORCH_TRIAL"]).resolve().parent
    return Attempt(
        number=int(environment.get("ORCH_ATTEMPT", "1")),
        trial=trial,
        events=Path(environment["ORCH_EVENTS"]).absolute(),
        checkpoints=Path(environment.get("ORCH_CHECKPOINTS", trial / "checkpoints")).resolve(),
        artifacts=Path(environment.get("ORCH_ARTIFACTS", trial / "artifacts")).resolve(),
    )


def is_first_rank() -> bool:
    """False for all but one process of a distributed program; that one appends the events."""
    rank = os.environ.get("RANK")
    if rank:
        return rank == "0"
    return all(os.environ.get(name, "0") in ("", "0") for name in _RANKS)
