"""docs/commands.md shows what `--help` of every command prints."""

from __future__ import annotations

import pytest
import typer

from checker.cli import PROGRAM, main
from checker.cli.commands import app
from project.markdown import ROOT, check_part


def _commands(command, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    below = getattr(command, "commands", {})
    return [path, *(found for name, item in below.items() for found in _commands(item, (*path, name)))]


COMMANDS = _commands(typer.main.get_command(app))


def test_commands_md_shows_the_help_of_every_command(capsys):
    parts = []
    for path in COMMANDS:
        assert main([*path, "--help"]) == 0
        parts.append(f"## {' '.join([PROGRAM, *path])}\n\n```text\n{capsys.readouterr().out.strip()}\n```")
    check_part(ROOT / "docs" / "commands.md", "help", "\n\n".join(parts))


@pytest.mark.parametrize("path", COMMANDS[1:], ids=" ".join)
def test_every_option_has_a_help_text(path):
    command = typer.main.get_command(app)
    for name in path:
        command = command.commands[name]
    assert command.help
    assert [
        param.name for param in command.params if not getattr(param, "hidden", False) and not param.help
    ] == []
