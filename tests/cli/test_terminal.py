"""What the terminal shows: as wide as it is, coloured where somebody asks for it, so many findings as are asked for."""

from __future__ import annotations

import io
import json
import os

import pytest

from checker.cli import main
from checker.cli.console import colored, line_width
from tests.answers import answer

POLICY = (
    "version: 1\npack: p\nrules:\n"
    "  - {id: forced, title: t, severity: high, deny: {overrides.forced: true}}\n"
    "  - {id: state, title: t, severity: low, deny: {imageSetState: ACTIVE}}\n"
)
CHECK = ("check", "-p", "p.yaml", "--image-sets", "sets.json", "--as-of", "2026-01-01")


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("COLUMNS", "NO_COLOR", "FORCE_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "p.yaml").write_text(POLICY)
    sets = [answer(f"{number:032x}", overrides={"forced": True}) for number in range(9)]
    (tmp_path / "sets.json").write_text(json.dumps(sets))
    return tmp_path


@pytest.mark.parametrize(
    ("environment", "terminal", "pipe"),
    [
        ({}, True, False),
        ({"FORCE_COLOR": "1"}, True, True),
        ({"FORCE_COLOR": "0"}, False, False),
        ({"NO_COLOR": "1"}, False, False),
        ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, False, False),
        ({"TERM": "dumb"}, False, False),
        ({"TERM": "dumb", "FORCE_COLOR": "1"}, True, True),
    ],
)
def test_colours_are_asked_for_or_go_to_a_terminal(monkeypatch, environment, terminal, pipe):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert (colored(Terminal()), colored(io.StringIO())) == (terminal, pipe)


@pytest.mark.parametrize(
    ("columns", "width"), [(None, 80), ("", 80), ("0", 80), ("-3", 80), ("x", 80), ("²", 80), ("132", 132)]
)
def test_columns_says_how_wide_lines_are(monkeypatch, columns, width):
    if columns is not None:
        monkeypatch.setenv("COLUMNS", columns)
    assert line_width(io.StringIO()) == width


def test_without_columns_a_terminal_says_how_wide_it_is():
    import fcntl
    import pty
    import struct
    import termios

    ours, theirs = pty.openpty()
    try:
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 101, 0, 0))
        with open(theirs, "w", closefd=False) as stream:
            assert line_width(stream) == 101
    finally:
        os.close(ours)
        os.close(theirs)


def test_the_summary_has_the_width_and_a_file_has_its_own(folder, monkeypatch, capfd):
    monkeypatch.setenv("FORCE_COLOR", "1")
    files = []
    for columns in ("60", "150"):
        monkeypatch.setenv("COLUMNS", columns)
        assert main([*CHECK, "--report", "text=out.txt"]) == 1
        text = capfd.readouterr().out
        assert "\x1b[31m" in text
        plain = (
            text.replace("\x1b[31m", "").replace("\x1b[33m", "").replace("\x1b[1m", "").replace("\x1b[0m", "")
        )
        assert int(columns) - 12 < max(map(len, plain.splitlines())) <= int(columns)
        files.append((folder / "out.txt").read_text())
    assert files[0] == files[1]
    assert "\x1b" not in files[0]
    assert max(map(len, files[0].splitlines())) <= 80


@pytest.mark.parametrize("command", ["check", "report"])
def test_so_many_findings_are_shown_in_the_order_that_is_asked_for(folder, command, capfd):
    main([*CHECK, "--runs", "runs", "-q"])
    (run,) = (folder / "runs").iterdir()
    asked = ["report", str(run)] if command == "report" else [*CHECK]
    main([*asked, "--limit", "4", "--sort", "image-set"])
    text = capfd.readouterr().out
    assert "What the gate counts (18, 4 shown)" in text
    assert text.count("p/forced (high)") == text.count("p/state (low)") == 2
    assert main([*asked, "--sort", "imageset"]) == 2
    assert "did you mean image-set?" in capfd.readouterr().err
    assert main([*asked, "--limit", "-1"]) == 2
