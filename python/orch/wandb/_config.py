"""The config of a run: the trial's values, which cannot be changed, over the script's own."""

from collections.abc import Mapping
from typing import Any, Optional

from .._console import warn_once
from .._trial import Config, merge, with_attributes


class RunConfig(Config):
    """Like a sweep's, the trial's values win over all that the script sets."""

    def __init__(self, trial: Mapping[str, Any]) -> None:
        super().__init__(with_attributes(trial))
        # Not a key: a dict's attribute, below `Config.__setattr__`.
        object.__setattr__(self, "_of_trial", dict(trial))

    def __setitem__(self, key: str, value: Any) -> None:
        self.update({key: value})

    def update(  # type: ignore[override]
        self, values: Any = (), allow_val_change: Optional[bool] = None, **more: Any
    ) -> None:
        """Sets what the trial does not set. `values` may be the namespace of an argument parser."""
        given = {**mapping(values), **more}
        self.add(given)
        for key, value in given.items():
            if self[key] != value:
                warn_once(f"config {key!r} stays {self[key]!r}, as the trial says: not {value!r}")

    def setdefaults(self, values: Any) -> None:
        """Sets what is not set yet."""
        self.add({key: value for key, value in mapping(values).items() if key not in self})

    def add(self, given: Mapping[str, Any]) -> None:
        """Sets what the trial does not set, without a warning about the rest."""
        of_trial: dict[str, Any] = object.__getattribute__(self, "_of_trial")
        wins = {key: value for key, value in of_trial.items() if key in given}
        for key, value in merge(given, wins).items():
            super().__setitem__(key, with_attributes(value))

    def as_dict(self) -> dict[str, Any]:
        """A plain copy."""
        return dict(self)


def mapping(values: Any) -> dict[str, Any]:
    """A dict of a mapping, or of the attributes of a namespace; of a path to a file, an empty one."""
    if isinstance(values, str):
        warn_once(f"wandb: a config is not read from the file {values!r}; pass a dict")
        return {}
    if isinstance(values, Mapping):
        return dict(values)
    return dict(vars(values)) if hasattr(values, "__dict__") else dict(values or ())
