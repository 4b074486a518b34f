"""The event with the source files that were imported, against `sha256sum`."""

import subprocess
import sys

import pytest


def make(folder):
    """A project with a package, a module that is imported late, and one that never is."""
    for name, text in {
        "train.py": "import orch, package.model, json\n"
        "orch.log(1, loss=1)\n"
        "open(package.model.__file__, 'a').write('# edited while it runs\\n')\n"
        "orch.result(loss=1)\n"
        "import late\n",
        "package/__init__.py": "",
        "package/model.py": "import email.message, numpy\n",
        "package/unused.py": "",
        "package/train.py": "import orch\nfrom . import model\norch.result(loss=1)\n",
        "late.py": "x = 1\n",
    }.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)


def hashes(folder, *names):
    command = ["sha256sum", *(str(folder.resolve() / name) for name in names)]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return {name: digest for digest, name in (line.split() for line in printed.splitlines())}


@pytest.fixture
def project(tmp_path):
    make(tmp_path)
    return tmp_path


def test_the_files_that_were_imported_as_they_were(trial, project):
    expected = hashes(project, "package/__init__.py", "package/model.py", "train.py")
    subprocess.run([sys.executable, str(project / "train.py")], env=trial.variables(), check=True)
    kinds = [event["event"] for event in trial.events()]
    assert kinds == ["hello", "metrics", "imports", "result", "imports"]
    first, last = (event["files"] for event in trial.events("imports"))
    assert first == expected
    assert last == {**expected, **hashes(project, "late.py")}


def test_a_module_of_a_package_is_one_of_its_project(trial, project):
    command = [sys.executable, "-m", "package.train"]
    subprocess.run(command, cwd=project, env=trial.variables(), check=True)
    (event,) = trial.events("imports")
    names = ["package/__init__.py", "package/model.py", "package/train.py"]
    assert event["files"] == hashes(project, *names)
