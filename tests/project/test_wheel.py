"""The wheel, installed somewhere else and run from another folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

from checker import __version__
from project.source import ROOT, run

POLICY = """\
version: 1
pack: mine
rules:
  - id: no-forced-overrides
    title: No image set was written with force
    severity: high
    deny: {overrides.forced: true}
"""
ANSWER = {
    "datastoreId": "12345678901234567890123456789012",
    "imageSetId": "18f88ac7870584f58d56256646b4d92b",
    "versionId": "2",
    "imageSetState": "ACTIVE",
    "overrides": {"forced": True},
}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    # without isolation, so that nothing is downloaded: the back end is one of the development dependencies
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    done = run(*command)
    assert done.returncode == 0, done.stdout + done.stderr
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def elsewhere(wheel, tmp_path_factory):
    """A virtual environment with the wheel, which sees the libraries of this one but not the checkout."""
    folder = tmp_path_factory.mktemp("elsewhere") / "venv"
    venv.create(folder, with_pip=False)
    site = _path(folder, "purelib")
    # addsitedir would run the editable installation's .pth; a plain path does not
    (site / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n")
    install = [
        sys.executable,
        "-m",
        "pip",
        "--python",
        str(folder),
        "install",
        "-q",
        "--no-deps",
        "--no-index",
    ]
    done = run(*install, wheel)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def _path(folder: Path, kind: str) -> Path:
    given = {"base": str(folder), "platbase": str(folder)}
    return Path(sysconfig.get_path(kind, scheme="venv", vars=given))


def _run(elsewhere: Path, cwd: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = _path(elsewhere, "scripts") / "imageset-checker"
    environment = {
        key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "VIRTUAL_ENV")
    }
    return run(command, *arguments, cwd=cwd, env=environment)


def _files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def test_it_holds_the_package_and_its_data_and_nothing_else(wheel):
    stem = f"imageset_checker-{__version__}"
    with zipfile.ZipFile(wheel) as archive:
        tops = {name.split("/")[0] for name in archive.namelist()}
        assert tops == {"checker", f"{stem}.data", f"{stem}.dist-info"}
        assert "checker/py.typed" in archive.namelist()
        assert any(name.endswith("/licenses/LICENSE") for name in archive.namelist())


def test_rules_and_reports_are_whole_and_outside_of_site_packages(elsewhere):
    site = _path(elsewhere, "purelib")
    assert not any((site / name).exists() for name in ("rules", "reports", "tests", "share"))
    for name in ("rules", "reports"):
        shipped = _files(elsewhere / "share" / "imageset-checker" / name)
        assert shipped
        assert shipped == _files(ROOT / name)


def test_it_is_the_installed_package_that_runs(elsewhere, tmp_path):
    python = _path(elsewhere, "scripts") / "python"
    code = "import checker, checker.package_data as s; print(checker.__file__); print(s.folder('rules'))"
    done = run(python, "-c", code, cwd=tmp_path)
    package, rules = done.stdout.splitlines()
    assert Path(package).is_relative_to(elsewhere)
    assert Path(rules).is_relative_to(elsewhere)


def test_version(elsewhere, tmp_path):
    done = _run(elsewhere, tmp_path, "--version")
    assert (done.returncode, done.stdout) == (0, f"imageset-checker {__version__}\n")


def test_rules_list(elsewhere, tmp_path):
    done = _run(elsewhere, tmp_path, "rules", "list")
    assert done.returncode == 0, done.stderr
    assert "healthimaging-integrity/no-forced-overrides" in done.stdout


def test_check_of_recorded_answers(elsewhere, tmp_path):
    (tmp_path / "policy.yaml").write_text(POLICY)
    (tmp_path / "answers.json").write_text(json.dumps(ANSWER))
    given = ["check", "-p", "policy.yaml", "--image-sets", "answers.json"]
    reports = [
        f"--report={name}=out/{file}"
        for name, file in (("html", "r.html"), ("junit", "j.xml"), ("json", "r.json"))
    ]
    done = _run(elsewhere, tmp_path, *given, *reports)
    assert done.returncode == 1, done.stderr
    assert done.stderr == ""
    assert "<failure" in (tmp_path / "out/j.xml").read_text()
    assert "18f88ac7870584f58d56256646b4d92b" in (tmp_path / "out/r.html").read_text()
    assert json.loads((tmp_path / "out/r.json").read_text())["summary"]["exit_code"] == 1
