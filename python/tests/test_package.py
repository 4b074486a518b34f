"""The package itself: its types, its oldest Python, what it imports."""

import ast
import shutil
import subprocess
import sys

import pytest
from conftest import ROOT, environment

PACKAGE = ROOT / "python" / "orch"


@pytest.mark.parametrize("file", sorted(PACKAGE.rglob("*.py")), ids=lambda file: file.name)
def test_it_is_the_syntax_of_python_3_9(file):
    ast.parse(file.read_text(), feature_version=(3, 9))


def test_it_imports_in_python_3_9():
    python = shutil.which("python3.9")
    if python is None:
        pytest.skip("there is no python3.9")
    script = "import orch, orch.wandb; assert orch.config(a=1).a == 1"
    ended = subprocess.run(
        [python, "-W", "error", "-c", script], env=environment(), text=True, capture_output=True
    )
    if "command exists in these Python versions" in ended.stderr:
        pytest.skip("python3.9 is not the selected version")
    assert ended.returncode == 0, ended.stderr


def test_it_imports_nothing_but_python_itself():
    script = """
import sys
before = set(sys.modules)
import orch, orch.wandb
new = {name.split(".")[0] for name in set(sys.modules) - before}
print(sorted(name for name in new - {"orch"} if name not in sys.stdlib_module_names))
"""
    run = subprocess.run(
        [sys.executable, "-c", script], env=environment(), text=True, capture_output=True
    )
    assert run.stdout == "[]\n", run.stdout + run.stderr


def test_its_types_are_strict():
    command = [sys.executable, "-m", "mypy", "--python-version", "3.10", "orch"]
    ended = subprocess.run(command, cwd=ROOT / "python", text=True, capture_output=True)
    assert ended.returncode == 0, ended.stdout + ended.stderr
