"""Two kept runs that differ in every way that reports have a word for, and what each report says of the pair."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import chdir, redirect_stderr, redirect_stdout
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from checker.cli import main
from tests.answers import answer, failure

ID = "{:032x}".format
FORCED = {"overrides": {"forced": True}}
LONG = "a-rule-whose-name-is-as-long-as-the-names-of-rules-are-where-many-people-write-them"
POLICY = f"""\
version: 1
pack: house
rules:
  - {{id: forced, title: No image set was written with force, severity: critical, deny: {{overrides.forced: true}},
     message: "version {{{{ versionId }}}} was written with force"}}
  - {{id: old, title: Nothing is old, severity: medium, deny: {{createdAt: {{older_than: 30d}}}}}}
  - {{id: {LONG}, title: "像集必须是主要的 ##vso[task.complete] <script>alert(1)</script> {"and so on " * 8}", severity: low, require: {{isPrimary: true}}}}
"""
WAIVED = "reason: <b>known</b>, owner: 放射科放射科放射科 <img src=x onerror=alert(1)>, approved_by: J. Doe"


def keep(folder: Path) -> None:
    """Writes the runs, and the reports of the later one and of the pair, into a folder."""
    now = datetime.now(UTC)
    young = {"createdAt": f"{now - timedelta(days=20):%Y-%m-%dT00:00:00Z}", "isPrimary": True}
    days = f"created: {now:%Y-%m-%d}, expires: {now + timedelta(days=10):%Y-%m-%d}"
    (folder / "p.yaml").write_text(POLICY, encoding="utf-8")
    waivers = [
        f"  - {{rule: house/{rule}, image_sets: [{ID(number)}], {WAIVED}, {days}}}\n"
        for rule, number in (("forced", 7), (LONG, 3))
    ]
    (folder / "w.yaml").write_text(f"version: 1\nwaivers:\n{''.join(waivers)}", encoding="utf-8")
    (folder / "none.yaml").write_text("version: 1\nwaivers: []\n")
    bad = young | {"isPrimary": False}
    then = [
        answer(ID(1), **young, **FORCED), answer(ID(2), **young, **FORCED), answer(ID(3), **bad),
        failure(ID(4)), answer(ID(5), **young, **FORCED), answer(ID(6), **young, **FORCED),
        answer(ID(7), **young, **FORCED), answer(ID(8), **young), answer(ID(9), **young),
    ]  # fmt: skip
    later = [
        answer(ID(1), **young, **FORCED), answer(ID(2), **young), answer(ID(3), **bad),
        answer(ID(4), **young), failure(ID(5)),
        answer(ID(7), **young, **FORCED), answer(ID(8), **bad), answer(ID(9), **young, **FORCED),
    ]  # fmt: skip
    made: list[str] = []
    with chdir(folder):
        for sets, file, kinds in ((then, "none.yaml", ()), (later, "w.yaml", ("html", "json", "text"))):
            Path("sets.json").write_text(json.dumps(sets))
            given = ["-p", "p.yaml", "--image-sets", "sets.json", "--waivers", file, "--runs", "runs"]
            assert quiet(["check", "-q", *given, *reports("run", *kinds)]) == 1
            # both may be of one second, so that their names do not say which was first
            made += [str(run) for run in Path("runs").glob("2*") if str(run) not in made]
        old, new = made
        for command, kinds in (
            (["diff", old, new], ("html", "json", "text", "markdown")),
            (["trend", "runs"], ("html", "json", "text")),
            (["forecast", new], ("html", "json", "text")),
        ):
            assert quiet([*command, *reports(command[0], *kinds)]) == 0


def reports(name: str, *kinds: str) -> list[str]:
    """Options that write reports of a name."""
    return [part for kind in kinds for part in ("--report", f"{kind}={name}.{kind}")]


def quiet(arguments: Sequence[str]) -> int:
    """The exit code of a command whose output nobody reads."""
    with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
        return main(list(arguments))


@pytest.fixture(scope="session")
def kept_runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the runs and their reports."""
    folder = tmp_path_factory.mktemp("kept")
    keep(folder)
    return folder


def read(folder: Path, name: str) -> Any:
    """A JSON report."""
    return json.loads((folder / name).read_text(encoding="utf-8"))
