"""Bundles against an independent reader of RO-Crates and a validator of their profiles."""

import json
from pathlib import Path

import pytest

rocrate = pytest.importorskip("rocrate")
pytest.importorskip("rocrate_validator")

from rocrate.rocrate import ROCrate  # noqa: E402
from rocrate_validator import models, services  # noqa: E402
from rocrate_validator.utils.http import HttpRequester  # noqa: E402

# The package `rocrate` has the vocabulary that the context's address leads to.
CONTEXT = Path(rocrate.__file__).parent / "data" / "ro-crate.jsonld"

FILE = """
    orch: 1
    name: trip
    worker: {command: [sh, -c, 'echo "{\\"event\\":\\"result\\",\\"values\\":{\\"psnr\\":$ORCH_SEED}}" >> "$ORCH_EVENTS"']}
    config: {n: 0}
    variants: {a: {}, b: {set: {n: 1}}}
    seeds: [0, 1]
    report:
      table: {name: table, columns: [{metric: psnr}]}
"""


class Response:
    """The answer of a server that is not asked."""

    status_code = 200
    headers = {"Content-Type": "application/ld+json"}
    text = CONTEXT.read_text()
    content = text.encode()
    ok = True

    def json(self):
        return json.loads(self.text)

    def raise_for_status(self):
        pass


@pytest.fixture
def bundle(experiment):
    experiment.write("", FILE)
    experiment.orch("run", "trip.yaml", "-j", "2")
    experiment.orch("bundle", "trip", "-o", "bundle")
    return experiment.folder / "bundle"


def test_a_bundle_is_a_crate_of_the_process_run_profile(bundle, monkeypatch):
    monkeypatch.setattr(HttpRequester, "get", lambda *args, **kwargs: Response(), raising=False)
    settings = services.ValidationSettings(
        rocrate_uri=str(bundle),
        profile_identifier="process-run-crate",
        requirement_severity=models.Severity.REQUIRED,
    )
    result = services.validate(settings)
    issues = [f"{issue.check.identifier}: {issue.message}" for issue in result.get_issues()]
    assert not issues, issues


def test_another_reader_finds_every_trial_and_the_report(bundle):
    crate = ROCrate(bundle)
    datasets = {entity.id for entity in crate.data_entities if entity.type == "Dataset"}
    trials = {f"trials/{path.name}/" for path in (bundle / "trials").iterdir()}
    assert len(trials) == 4 and trials <= datasets
    files = {entity.id for entity in crate.data_entities if entity.type == "File"}
    report = {str(path.relative_to(bundle)) for path in (bundle / "report").rglob("*") if path.is_file()}
    assert report and report <= files
    actions = [entity for entity in crate.contextual_entities if entity.type == "CreateAction"]
    assert len(actions) == 4
    assert all(action["instrument"]["name"].startswith("sh -c") for action in actions)
