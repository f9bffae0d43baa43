"""README.md and docs/ tell the truth: their files are written, their commands run, their output is compared.

A block under a line that names a file (`policy.yaml`:) is that file. In a `console` block a line with `$` is a command
and the lines below are what it prints, `...` standing for anything. A `python` block is a program. An `sh` block is
about the checkout: `make` and `pip` get it as a rehearsal, without doing anything. The jobs of a pipeline are run.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from doctest import ELLIPSIS, NORMALIZE_WHITESPACE, OutputChecker
from pathlib import Path

import pytest
import yaml

from project.markdown import ROOT, Block, blocks, pages
from project.source import run

DATASTORE = "0123456789abcdef0123456789abcdef"
SETS = ("18f88ac7870584f58d56256646b4d92b", "ea92b0d8838c72a3f25d00d13616f87e")
PIPELINE = ".gitlab-ci.yml"
LINK = re.compile(r"\]\((?!https?://|#)([^)#\s]+)")
COMMAND = re.compile(r"((?:[^\n]*\\\n)*[^\n]*\n)(.*)", re.DOTALL)  # a line, and those it is continued in
REHEARSAL = {
    "MAKEFLAGS": "n",
    "PIP_DRY_RUN": "1",
    "PIP_NO_DEPS": "1",
    "PIP_NO_INDEX": "1",
    "PIP_NO_BUILD_ISOLATION": "0",  # pip reads it so: isolation off
    "PIP_QUIET": "1",
}


@pytest.fixture(scope="module")
def service():
    """The simulator with the data store and the image sets that the pages speak of."""
    from checker.simulator import (
        DEFAULT_ACCOUNT,
        DEFAULT_REGION,
        PlacedDatastore,
        PlacedVersion,
        put_datastore,
        put_image_set,
        serve,
    )

    then = datetime(2024, 1, 1, tzinfo=UTC)
    put_datastore(DEFAULT_ACCOUNT, DEFAULT_REGION, PlacedDatastore("pages", then, datastore_id=DATASTORE))
    versions = [
        PlacedVersion(updated_at=then),
        PlacedVersion("UPDATED", updated_at=then, overrides={"forced": True}),
    ]
    for number, item in enumerate(SETS, start=1):
        put_image_set(
            DEFAULT_ACCOUNT,
            DEFAULT_REGION,
            DATASTORE,
            created_at=then,
            image_set_id=item,
            versions=versions[:number],
        )
    with serve() as server:
        yield server.url


@pytest.fixture
def environment(service):
    own = {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "AWS_ENDPOINT_URL": service,
        "AWS_ACCESS_KEY_ID": "demo",
        "AWS_SECRET_ACCESS_KEY": "demo",
    }
    return {**os.environ, **own}


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_every_block_runs(page, tmp_path, environment):
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    for block in blocks(page):
        kind = block.language
        if block.file:
            _write(block, tmp_path)
            if block.file == PIPELINE:
                _pipeline(block, tmp_path, environment)
        elif kind == "console":
            _console(block, tmp_path, environment)
        elif kind == "python":
            done = run(sys.executable, "-c", block.text, cwd=tmp_path, env=environment)
            assert done.returncode == 0, f"{block}\n{done.stderr}"
        elif kind == "sh":
            done = run("bash", "-euc", block.text, cwd=ROOT, env={**environment, **REHEARSAL})
            assert done.returncode == 0, f"{block}\n{done.stdout}{done.stderr}"
        elif kind == "yaml":
            assert yaml.compose(block.text) is not None, str(block)
        elif kind == "json":
            assert json.loads(block.text), str(block)
        else:
            assert kind == "text", (
                f"{block}: the language of a block is one of yaml, json, console, python, sh, text"
            )
            assert page.name != "README.md", f"{block}: every block of README.md runs"


def _write(block: Block, folder: Path) -> None:
    path = folder / block.file
    if path.exists() and block.file.startswith("examples/"):
        assert path.read_text(encoding="utf-8") == block.text, f"{block} is not {block.file}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(block.text, encoding="utf-8")


def _pipeline(block: Block, folder: Path, environment: dict[str, str]) -> None:
    """Runs the jobs of a pipeline as its server would; the answers have a violation in them, so each job is red."""
    for job in yaml.safe_load(block.text).values():
        shutil.rmtree(folder / "out", ignore_errors=True)
        done = run("bash", "-ec", "\n".join(job["script"]), cwd=folder, env=environment)
        assert done.returncode == 1, f"{block}\n{done.stdout}{done.stderr}"
        assert list(folder.glob(job["artifacts"]["reports"]["junit"]))


def _console(block: Block, folder: Path, environment: dict[str, str]) -> None:
    """Runs the commands of a block in one shell, so that `echo $?` tells of the one before."""
    parts = re.split(r"^\$ ", block.text, flags=re.MULTILINE)
    assert not parts[0].strip(), f"{block} begins with output"
    commands, expected = [], []
    for part in parts[1:]:
        command, output = COMMAND.fullmatch(part).groups()
        commands.append(command)
        expected.append(output)
    mark = "\x01"
    script = "".join(f"printf '{mark}'; (exit $code)\n{command}\ncode=$?\n" for command in commands)
    done = subprocess.run(
        ["bash", "-c", f"code=0\n{script}"],
        cwd=folder,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    for command, want, got in zip(commands, expected, done.stdout.split(mark)[1:], strict=True):
        same = OutputChecker().check_output(want, got, ELLIPSIS | NORMALIZE_WHITESPACE)
        assert same, f"{block}\n$ {command}{got}\nbut the page has\n{want}"


@pytest.mark.parametrize("page", [*pages(), *sorted(ROOT.glob("C*.md"))], ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    targets = LINK.findall(page.read_text(encoding="utf-8"))
    assert [target for target in targets if not (page.parent / target).exists()] == []
