"""The records of a run as data frames of pandas or Polars."""

import importlib
import importlib.util
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Optional, Union
from urllib.parse import quote

_SHOWN = "where trial in (select name from trial where position is not null)"

_POINTS = {"trial": str, "variant": str, "seed": int, "metric": str, "item": str, "step": int,
           "value": float, "time": float, "attempt": int}  # fmt: skip
_FINALS = {"trial": str, "variant": str, "seed": int, "state": str, "metric": str, "value": float}
_TRIALS = {"trial": str, "variant": str, "label": str, "seed": int, "state": str, "attempts": int}


class RecordsError(Exception):
    """The records cannot be read; the message says what to do."""


class Records:
    """The records of a run, each frame read when it is first asked for.

    Trials that the experiment file no longer names are left out.
    """

    def __init__(self, run: Path, engine: str) -> None:
        self._run = run
        self._engine = engine

    @cached_property
    def points(self) -> Any:
        """Every effective point: trial, variant, seed, metric, item, step, value, time, attempt.

        `item` is empty where the metric has none; `time` is in seconds since 1970.
        """
        columns = ", ".join(_POINTS)
        order = "order by trial, metric, item, step"
        return self._frame(_POINTS, self._rows(f"select {columns} from series {_SHOWN} {order}"))

    @cached_property
    def finals(self) -> Any:
        """Every trial's final values: trial, variant, seed, state, metric, value."""
        columns = ", ".join(_FINALS)
        order = "order by trial, metric"
        return self._frame(_FINALS, self._rows(f"select {columns} from final {_SHOWN} {order}"))

    @cached_property
    def trials(self) -> Any:
        """A row per trial: trial, variant, label, seed, state, attempts, and every value of its config
        in a column of its own, `config.model.width`, once the trial was started."""
        rows = self._rows(
            "select trial.name, variant.name, label, seed, state,"
            " (select count(*) from attempt where attempt.trial_id = trial.trial_id)"
            " from trial join variant on variant.name = trial.variant"
            " where trial.position is not null order by trial.position"
        )
        configs = [self._config(row[0]) for row in rows]
        keys = {key: object for config in configs for key in config}
        more = [tuple(config.get(key) for key in keys) for config in configs]
        joined = [row + values for row, values in zip(rows, more)]
        return self._frame({**_TRIALS, **keys}, joined)

    def _rows(self, select: str) -> list[tuple[Any, ...]]:
        database = self._run / "orch.db"
        connection = sqlite3.connect(f"file:{quote(str(database))}?mode=ro", uri=True)
        try:
            return connection.execute(select).fetchall()
        except sqlite3.Error as error:
            raise RecordsError(f"cannot read `{database}`: {error}") from error
        finally:
            connection.close()

    def _config(self, trial: str) -> dict[str, Any]:
        try:
            text = (self._run / "trials" / trial / "trial.json").read_text(encoding="utf-8")
        except FileNotFoundError:
            return {}
        return dict(_flat("config", json.loads(text)["config"]))

    def _frame(self, columns: Mapping[str, type], rows: list[tuple[Any, ...]]) -> Any:
        if self._engine == "pandas":
            pandas = importlib.import_module("pandas")
            frame = pandas.DataFrame.from_records(rows, columns=list(columns))
            numbers = {name: kind for name, kind in columns.items() if kind in (int, float)}
            return frame.astype(numbers)
        polars = importlib.import_module("polars")
        data = zip(*rows) if rows else ([] for _ in columns)
        types = {str: polars.String, int: polars.Int64, float: polars.Float64}
        return polars.DataFrame(
            [
                polars.Series(name, list(values), dtype=types.get(kind), strict=False)
                for (name, kind), values in zip(columns.items(), data)
            ]
        )


def read(run: Union[str, "os.PathLike[str]"], engine: Optional[str] = None) -> Records:
    """The records of the run in the folder `run`, for example `runs/table1.demo`.

    `engine` is `pandas` or `polars`, by default the one that is installed, pandas if both are. An error
    if records are damaged; without the program `orch`, damage goes unnoticed.
    """
    folder = Path(run)
    if not (folder / "journal.jsonl").is_file():
        raise RecordsError(f"`{folder}` is not the folder of a run: it has no journal.jsonl")
    records = Records(folder, _engine(engine))
    beside = shutil.which("orch", path=os.path.dirname(sys.executable))
    program = beside or shutil.which("orch")
    if program is not None:
        _update(folder, program)
    elif not _is_current(folder):
        advice = f"run `orch status {folder}` first, or put the program `orch` in PATH"
        raise RecordsError(
            f"the database of `{folder}` is missing or older than its files: {advice}"
        )
    return records


def _engine(engine: Optional[str]) -> str:
    known = ("pandas", "polars")
    if engine is not None and engine not in known:
        raise ValueError(f"the engine is `pandas` or `polars`, not {engine!r}")
    for name in known if engine is None else (engine,):
        if importlib.util.find_spec(name):
            return name
    raise ModuleNotFoundError(f"install {engine or 'pandas or polars'} to read records as frames")


def _is_current(run: Path) -> bool:
    """True if the database has every line of journal and events that is complete."""
    database = run / "orch.db"
    if not database.is_file():
        return False
    connection = sqlite3.connect(f"file:{quote(str(database))}?mode=ro", uri=True)
    try:
        (read,) = connection.execute("select bytes_read from journal").fetchone()
        attempts = connection.execute(
            "select trial.name, number, bytes_read from attempt join trial using (trial_id)"
        ).fetchall()
    except sqlite3.Error:
        return False
    finally:
        connection.close()
    files = [(run / "journal.jsonl", read)]
    for trial, number, read in attempts:
        files.append((run / "trials" / trial / f"attempt-{number}" / "events.jsonl", read))
    return all(not file.exists() or file.stat().st_size <= read for file, read in files)


def _update(run: Path, program: str) -> None:
    """Has the program `orch` compare the records and bring the database up to date. While a supervisor is
    running, that does the latter."""
    command = [program, "query", "select 1", str(run)]
    ended = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if ended.returncode != 0:
        raise RecordsError(f"`orch query` cannot read `{run}`:\n{ended.stdout}")
    if not (run / "orch.db").is_file():
        raise RecordsError(
            f"the database of `{run}` is kept elsewhere (docs/database.md): use `orch export`"
        )


def _flat(prefix: str, value: Any) -> list[tuple[str, Any]]:
    if not isinstance(value, dict):
        return [(prefix, value)]
    return [pair for key, item in value.items() for pair in _flat(f"{prefix}.{key}", item)]
