"""The tables of commands on runs, waivers and rules fit the terminal: nothing is wider than COLUMNS says, and no cell is lost."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from rich.cells import cell_len

from checker.cli import main
from tests.answers import answer
from tests.copies import copied

LONG = "a-rule-whose-name-is-as-long-as-the-names-of-rules-are-where-many-people-write-them"
TITLE = "像集必须是主要的 ##vso[task.complete result=Succeeded] " + "and so on " * 8
OWNER = "放射科" * 12
IDS = re.compile(r"[0-9a-f]{32}|2026\w+Z-[0-9a-f]{8}")
MARKER = re.compile(r"##\[|##vso\[|##teamcity\[|^::[A-Za-z]", re.MULTILINE)
POLICY = {
    "version": 1,
    "pack": "a-pack-with-a-long-name",
    "rules": [
        {"id": "forced", "title": "Forced", "severity": "critical", "deny": {"overrides.forced": True}, "message": TITLE},
        {"id": LONG, "title": TITLE, "severity": "low", "require": {"isPrimary": True}},
        {"id": "old", "title": "Old", "severity": "medium", "deny": {"createdAt": {"older_than": "30d"}}},
    ],
}  # fmt: skip
AUDIT = {
    "version": 1,
    "name": "an-audit-whose-name-is-about-as-long-as-names-of-audits-get-in-practice",
    "policies": ["p.yaml"],
    "runs": "runs",
    "waivers": {"file": "w.yaml"},
    "targets": [{"name": "t", "region": "us-east-1", "datastore": "0" * 32, "image_sets": ["1" * 32]}],
}
WAIVER = {
    "rule": f"a-pack-with-a-long-name/{LONG}",
    "image_sets": [f"{number:032x}" for number in range(1, 4)],
    "reason": TITLE,
    "owner": OWNER,
    "approved_by": "B",
    "created": "2026-01-01",
    "expires": "2026-02-20",
}


def keep(folder: Path) -> list[str]:
    """Two runs of one audit."""
    (folder / "p.yaml").write_text(json.dumps(POLICY))
    (folder / "w.yaml").write_text(json.dumps({"version": 1, "waivers": [WAIVER]}))
    (folder / "audit.yaml").write_text(json.dumps(AUDIT))
    for as_of, forced in (("2026-01-10", 3), ("2026-01-20T10:11:12.345Z", 30)):
        sets = [
            answer(f"{number:032x}", overrides={"forced": number < forced}, isPrimary=number % 2 == 0)
            for number in range(1, 41)
        ]
        (folder / "sets.json").write_text(json.dumps(sets))
        assert main(["check", "-c", "audit.yaml", "--image-sets", "sets.json", "--as-of", as_of, "-q"]) == 1
    return sorted(f"runs/{run.name}" for run in (folder / "runs").glob("2*"))


kept_runs = copied(keep)
COMMANDS = {
    "diff": ["diff", "OLD", "NEW"],
    "trend": ["trend"],
    "forecast": ["forecast", "OLD", "--within", "1y"],
    "runs list": ["runs", "list"],
    "waivers check": ["waivers", "check", "--evidence", "NEW", "--as-of", "2026-02-21"],
    "rules list": ["rules", "list", "p.yaml"],
    "rules list pack:": ["rules", "list", "pack:"],
}


@pytest.fixture
def told(kept_runs, tmp_path, monkeypatch, capfd):
    """What a command prints."""
    old, new = kept_runs(tmp_path)
    monkeypatch.chdir(tmp_path)

    def output(name: str, **environment: str) -> str:
        for variable, value in environment.items():
            monkeypatch.setenv(variable, value)
        assert main([{"OLD": old, "NEW": new}.get(word, word) for word in COMMANDS[name]]) in (0, 1)
        return capfd.readouterr().out

    return output


@pytest.mark.parametrize("name", COMMANDS)
def test_no_line_is_wider_than_the_terminal_and_nothing_is_lost(told, name):
    whole = told(name, COLUMNS="5000")
    for columns in (40, 80, 81, 120):
        text = told(name, COLUMNS=str(columns))
        assert max(map(cell_len, text.splitlines())) <= columns
        assert not MARKER.search(text)
        # ids are never broken where there is room for them
        if columns >= 80:
            assert {*IDS.findall(text)} == {*IDS.findall(whole)}


@pytest.mark.parametrize("name", COMMANDS)
def test_without_a_terminal_and_columns_a_line_has_80_cells(told, monkeypatch, name):
    monkeypatch.delenv("COLUMNS")
    text = told(name)
    assert max(map(cell_len, text.splitlines())) <= 80
    assert text == told(name, COLUMNS="80")


@pytest.mark.parametrize("name", ["diff", "trend", "forecast", "runs list", "waivers check"])
def test_colours_are_there_where_they_are_asked_for_and_are_all_that_differs(told, name):
    plain = told(name, COLUMNS="80")
    coloured = told(name, FORCE_COLOR="1")
    assert re.search(r"\x1b\[3[1-3]m", coloured)
    assert re.sub(r"\x1b\[[0-9]+m", "", coloured) == plain
    assert told(name, FORCE_COLOR="0") == plain
    assert told(name, FORCE_COLOR="1", NO_COLOR="1") == plain


def test_a_terminal_of_80_cells_has_a_table_of_usual_runs(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "p.yaml").write_text(json.dumps(POLICY))
    (tmp_path / "sets.json").write_text(json.dumps([answer("1" * 32)]))
    main(["check", "-p", "p.yaml", "--image-sets", "sets.json", "--runs", "runs", "-q"])
    monkeypatch.setenv("COLUMNS", "80")
    main(["runs", "list", "runs"])
    head, row = capfd.readouterr().out.splitlines()
    assert head.split() == ["run", "audit", "as", "of", "outcome", "state", "signed"]
    (run,) = (tmp_path / "runs").glob("2*")
    assert re.fullmatch(rf"{run.name} recorded \S+Z\s+\w+\s+sealed\s+-", row)
