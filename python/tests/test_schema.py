"""The JSON Schema of experiment files, by an independent validator, against the parser of `orch`."""

import copy
import json
import re

import pytest
from conftest import ROOT

jsonschema = pytest.importorskip("jsonschema")
yaml = pytest.importorskip("yaml")

FILE = """
orch: 1
name: trip
worker:
  command: [python3, train.py, "{args}", --seed, "{seed}"]
  metrics: [{stdout: 'loss (?<loss>.*)'}]
variants: {a: {set: {lr: 1}}, b: {label: B, set: {lr: 2}, cost: 2.5, priority: -1}}
seeds: [0, 1]
"""

# Each replaces what is at a path; both the schema and the parser refuse it.
INVALID = {
    "another version": (["orch"], 2),
    "a name of two words": (["name"], "two words"),
    "a variant's name": (["variants"], {"a/b": {}}),
    "a profile's name": (["profiles"], {"": {}}),
    "no seeds": (["seeds"], []),
    "a seed twice": (["seeds"], [1, 1]),
    "a negative seed": (["seeds"], [-1]),
    "a seed that is text": (["seeds"], ["one"]),
    "an unknown section": (["seed"], [0]),
    "an unknown key": (["variants", "a", "lable"], "A"),
    "text for a mapping": (["config"], "lr=1"),
    "no command": (["worker"], {}),
    "an empty command": (["worker", "command"], []),
    "a style of arguments": (["worker", "args"], "-key value"),
    "two kinds of source": (["worker", "metrics", 0, "csv"], "log.csv"),
    "no kind of source": (["worker", "metrics", 0], {"step": "epoch"}),
    "a share": (["resources"], {"share": "half"}),
    "more than a GPU": (["resources"], {"share": 2}),
    "an amount of memory": (["resources"], {"memory": [20]}),
    "a duration without a unit": (["retry"], {"backoff": 10}),
    "an executor": (["executor"], "cloud"),
    "keep without checkpoints": (["keep"], {}),
    "a direction": (["keep"], {"checkpoints": {"best": {"metric": "loss", "better": "up"}}}),
    "a table without columns": (["report"], {"table": {"name": "t"}}),
    "a table's name": (["report"], {"table": {"name": "t.x", "columns": [{"metric": "loss"}]}}),
    "a kind of figure": (["report"], {"figures": [{"pie": {"name": "p"}}]}),
    "a figure of two kinds": (
        ["report"],
        {"figures": [{"bars": {"name": "p", "metric": "m"}, "curve": {"name": "q", "metric": "m"}}]},
    ),
    "a step": (["report"], {"figures": [{"images": {"name": "i", "artifact": "x", "steps": ["ten"]}}]}),
}

# Each replaces what is at a path; neither refuses it.
VALID = {
    "as it is": (["strict"], True),
    "notations": (
        ["resources"],
        {"share": "1/4", "memory": "20 GiB", "disk": 4096, "time": "1h 30m", "per_gpu": None},
    ),
    "a share as a number": (["resources"], {"share": 0.25}),
    "a grid": (["grid"], {"product": {"x": [1, 2]}, "zip": [{"y": ["a", None]}]}),
    "profiles": (["profiles"], {"demo": {"seeds": [0], "variants": {"a": {"cost": 3}}}}),
    "every figure": (
        ["report"],
        {
            "table": {"name": "t", "columns": [{"metric": "loss", "better": "lower", "scale": 1e-6}]},
            "claims": [{"claim": "B is better.", "compare": "b.loss < a.loss"}],
            "design": {"seeds": {"first": 3, "most": 20}},
            "figures": [
                {"curve": {"name": "c", "metric": "loss", "x": "share", "band": "none", "smooth": 9}},
                {"images": {"name": "i", "artifact": "x", "steps": [100, "10%"], "above": {"y": "Y"}}},
                {"bars": {"name": "b", "metric": "loss"}},
                {"scatter": {"name": "s", "x": "loss", "y": "loss", "y_better": "lower"}},
                {"table": {"name": "picture", "columns": ["loss"]}},
                {"sequence": {"name": "q", "claim": "b.loss < a.loss"}},
            ],
        },
    ),
    "the best step": (["worker", "result"], {"best": {"metric": "loss", "better": "lower"}}),
    "the last step": (["worker", "result"], "last"),
}


class Loader(yaml.SafeLoader):
    """Reads `1e-6` as a number, as YAML 1.2 does."""


Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?\d+(\.\d*)?[eE][-+]?\d+$"), list("-+0123456789")
)


def changed(path, value):
    file = yaml.load(FILE, Loader)
    inner = file
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = copy.deepcopy(value)
    return file


@pytest.fixture
def validator(experiment):
    schema = json.loads(experiment.orch("schema"))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def refused(validator, experiment, file):
    """By the schema, and by the parser."""
    (experiment.folder / "train.py").touch()
    (experiment.folder / "trip.yaml").write_text(json.dumps(file))
    process = experiment.start("validate", "trip.yaml", "--json")
    out, err = process.communicate(timeout=60)
    assert process.returncode in (0, 2), err
    assert (process.returncode == 0) == json.loads(out)["valid"]
    return [error.message for error in validator.iter_errors(file)], json.loads(out)["findings"]


def test_files_that_neither_accepts(validator, experiment):
    for name, (path, value) in INVALID.items():
        by_schema, by_parser = refused(validator, experiment, changed(path, value))
        assert by_schema and by_parser, (name, by_schema, by_parser)


def test_files_that_both_accept(validator, experiment):
    for name, (path, value) in VALID.items():
        by_schema, by_parser = refused(validator, experiment, changed(path, value))
        errors = [finding for finding in by_parser if finding["severity"] == "error"]
        assert not by_schema and not errors, (name, by_schema, errors)


def test_every_file_of_the_repository_is_valid(validator):
    files = [*ROOT.glob("experiments/*.yaml"), *ROOT.glob("examples/*/*.yaml")]
    files += ROOT.glob("orchestrator/templates/*/*.yaml")
    files = [file for file in files if "\norch: 1\n" in f"\n{file.read_text()}"]
    assert len(files) > 12
    for file in files:
        value = yaml.load(file.read_text(), Loader)
        errors = [error.message for error in validator.iter_errors(value)]
        assert not errors, (file, errors)


def test_every_key_is_explained(validator):
    def without(schema, path):
        for name, inner in schema.get("properties", {}).items():
            if "description" not in inner and "$ref" not in inner:
                yield f"{path}.{name}"

    definitions = {"File": validator.schema, **validator.schema["$defs"]}
    found = [key for name, inner in definitions.items() for key in without(inner, name)]
    assert not found
    assert "[`" not in json.dumps(validator.schema)
