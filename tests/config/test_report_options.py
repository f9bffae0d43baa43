"""The options of JUnit stand in audit.yaml beside the paths of reports, under their own names; the command line wins."""

import json
from pathlib import Path

import pytest
from lxml import etree

from checker.cli import main
from checker.config import load
from checker.model import JUNIT_OPTIONS
from checker.reporting import Options
from checker.runs.local_store import open_store
from tests.answers import STORE, answer, image_set_id

POLICY = """\
version: 1
pack: p
rules:
  - {id: unforced, title: Unforced, severity: high, deny: {overrides.forced: true}}
  - {id: active, title: Active, severity: low, when: {isPrimary: true}, require: {imageSetState: ACTIVE}}
"""
CHOICES = [(name, word) for name, words in JUNIT_OPTIONS.items() for word in words]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("p.yaml").write_text(POLICY)
    forced = answer(image_set_id(1), overrides={"forced": True})
    Path("sets.json").write_text(json.dumps([forced, answer(image_set_id(2))]))
    return tmp_path


def audit(**reports):
    target = {"name": "t", "region": "us-east-1", "datastore": STORE, "image_sets": "all"}
    given = {"version": 1, "policies": ["p.yaml"], "targets": [target], "runs": "runs", "reports": reports}
    Path("audit.yaml").write_text(json.dumps(given))
    return load(Path("audit.yaml"))


def check(*options):
    assert main(["check", "-q", "-c", "audit.yaml", "--image-sets", "sets.json", *options]) == 1
    return etree.parse("j.xml")


def names(document):
    return [case.get("name") for case in document.iter("testcase")]


@pytest.mark.parametrize(("name", "word"), CHOICES)
def test_what_the_command_line_takes_audit_yaml_takes(folder, name, word):
    config = audit(junit="j.xml", **{name: word})
    assert (config.junit, config.reports) == ({name: word}, {"junit": "j.xml"})


def test_the_usual_way_is_the_first_of_those_that_there_are():
    assert {name: getattr(Options(), name) for name in JUNIT_OPTIONS} == {name: words[0] for name, words in JUNIT_OPTIONS.items()}  # fmt: skip


def test_junit_is_written_as_audit_yaml_says_and_otherwise_where_the_command_line_does(folder):
    audit(junit="j.xml", junit_passes="none", junit_skipped="none", junit_for="azure")
    assert names(check()) == [f"p/unforced: recorded/{image_set_id(1)}", "p/active: 2 image sets passed"]
    assert all(": " not in name for name in names(check("--junit-for", "strict")))
    assert len(names(check("--junit-passes", "full", "--junit-skipped", "all"))) == 4
    audit(junit="j.xml")
    assert len(names(check())) == 4


def test_a_run_remembers_how_it_was_written(folder):
    audit(junit="j.xml", junit_skipped="none", junit_for="github")
    check()
    (name,) = open_store("runs").sealed()
    said = json.loads(Path("runs", name, "manifest.json").read_text())["reports"]
    assert {key: said[key] for key in JUNIT_OPTIONS} == {"junit_passes": "auto", "junit_skipped": "none", "junit_for": "github"}  # fmt: skip
    assert main(["verify", f"runs/{name}"]) == 0
    assert main(["report", f"runs/{name}", "--report", "junit=again.xml"]) == 0
    assert Path("again.xml").read_bytes() == Path("j.xml").read_bytes()


def test_a_format_that_there_is_not_is_told_what_reports_has(folder, capsys):
    audit(junit_fo="azure")
    assert main(["check", "-c", "audit.yaml", "--image-sets", "sets.json"]) == 2
    assert "unknown format junit_fo" in (told := capsys.readouterr().err)
    assert "help: did you mean junit_for?" in told
