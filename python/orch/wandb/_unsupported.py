"""What has no counterpart here: accepted, and warned about once."""

from collections.abc import Iterator
from typing import Any

from .._console import warn_once


class Unsupported:
    """Accepts every call, attribute and item, and does nothing."""

    def __init__(self, name: str) -> None:
        self._name = name
        warn_once(f"wandb.{name} has no counterpart in orch and does nothing")

    def __call__(self, *arguments: Any, **options: Any) -> "Unsupported":
        return self

    def __getattr__(self, name: str) -> "Unsupported":
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __getitem__(self, key: Any) -> "Unsupported":
        return self

    def __setitem__(self, key: Any, value: Any) -> None:
        pass

    def __iter__(self) -> Iterator[Any]:
        return iter(())

    def __len__(self) -> int:
        return 0

    def __enter__(self) -> "Unsupported":
        return self

    def __exit__(self, *error: Any) -> None:
        pass

    def __repr__(self) -> str:
        return f"<wandb.{self._name}, which orch does not have>"
