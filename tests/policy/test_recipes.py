"""The recipes of CONTRIBUTING for an operator and for a rule, followed in a copy of the project: what they name is enough."""

from __future__ import annotations

import filecmp
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from project.source import ROOT

OPERATOR = """    Operator(
        "inside", STRINGS, "text", "a part of the text", ("is inside", "is not inside"), None,
        truth=lambda text, whole: text in whole, sql=lambda text, whole: _function("contains")(whole, text),
        neighbours=("contains",),
    ),
"""
RULE = """\
  - id: few-versions
    title: No image set has thousands of versions
    severity: low
    why: Each version is kept, and paid for.
    fix: Find out what writes so often.
    caveat: It says nothing of how fast they were written.
    controls: {nist-800-53r5: [SI-7]}
    when: {found: true}
    deny: {versionId: {gt: 1000}}
    tests:
      - {name: the thousandth version passes, given: {versionId: 1000}, expect: pass}
      - {name: the next one is one too many, given: {versionId: 1001}, expect: fail}
      - {name: a set that could not be read, given: {error: AccessDeniedException}, expect: unknown}
"""


def recipe(title: str) -> str:
    text = (ROOT / "CONTRIBUTING.md").read_text()
    return text.partition(f"## {title}\n")[2].partition("\n## ")[0]


@pytest.fixture
def project(tmp_path):
    """A copy of what a recipe touches, and of what reads it."""
    ignored = shutil.ignore_patterns("__pycache__", ".*")
    for name in ("checker", "rules", "reports", "docs", "tests"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=ignored)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def insert(path: Path, before: str, text: str) -> None:
    source = path.read_text()
    assert source.count(before) == 1, f"{path} has {before!r} {source.count(before)} times"
    path.write_text(source.replace(before, text + before))


def run(project: Path, module: str, *arguments: str, **environment: str) -> None:
    environment = {**os.environ, **environment, "PYTHONPATH": str(project), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments], cwd=project, env=environment, capture_output=True, text=True, check=False
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def pytests(project: Path, *tests: str, **environment: str) -> None:
    run(
        project,
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "--basetemp",
        str(project / "tmp"),
        *tests,
        **environment,
    )
    shutil.rmtree(project / "tmp", ignore_errors=True)


def changed(project: Path) -> set[str]:
    """The files that are not as in the project."""
    files = [path.relative_to(project) for path in project.rglob("*") if path.is_file()]
    return {
        path.as_posix()
        for path in files
        if "__pycache__" not in path.parts
        and not ((ROOT / path).is_file() and filecmp.cmp(ROOT / path, project / path, shallow=False))
    }


def test_an_operator_is_one_record_and_its_test(project):
    by_hand = re.findall(r"`((?:checker|tests)/[\w/]+\.py)`", recipe("Add an operator"))
    record, oracle, strategies, walk = by_hand
    insert(project / record, '    Operator(\n        "ends_with"', OPERATOR)
    insert(project / oracle, '    "ends_with": lambda', '    "inside": lambda text, whole: text in whole,\n')
    insert(project / strategies, '"ends_with", "matches"]\n', '"inside", ')
    insert(project / strategies, '"ends_with": [member', '"inside": [member, member + "x"], ')
    pytests(project, "tests/project/test_reference.py", REGENERATE_GOLDEN="1")
    policy = """{version: 1, pack: p, rules: [{id: a, title: A, severity: low, deny: {message: {inside: reason}}, tests: [
        {name: t, given: {message: eas}, expect: fail}, {name: u, given: {message: other}, expect: pass}]}]}"""
    (project / "p.yaml").write_text(policy)
    run(project, "checker", "rules", "test", "p.yaml")
    (project / "p.yaml").unlink()
    pytests(project, walk, "tests/project/test_reference.py")
    assert changed(project) == {record, oracle, strategies, "docs/policies.md"}


def test_a_rule_is_one_entry_and_its_tests_are_in_it(project):
    assert "rules/healthimaging/" in recipe("Add a rule")
    pack = "rules/healthimaging/integrity.yaml"
    insert(project / pack, next(iter(re.findall(r"(?m)^  - id: .*\n", (project / pack).read_text()))), RULE)
    run(project, "checker", "rules", "validate", "--strict")
    run(project, "checker", "rules", "test", "--require-tests", "--rule", "few-versions")
    pytests(project, "tests/project/test_reference.py", REGENERATE_GOLDEN="1")
    run(project, "checker", "rules", "docs", "pack:", "--out", "docs/packs")
    pytests(project, "tests/project/test_reference.py", "tests/cli/test_docs.py", "-k", "not init")
    assert changed(project) == {pack, "docs/policies.md", "docs/packs/healthimaging-integrity.md"}
