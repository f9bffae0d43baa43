"""The options of the library are those of the command line: declared once, with one default."""

from __future__ import annotations

from dataclasses import fields
from inspect import signature

import pytest
import typer.main

import checker
from checker.cli.commands import app

COMMANDS = {
    "check": checker.AuditOptions,
    "explain": checker.ExplainOptions,
    "waivers check": checker.WaiverCheckOptions,
}
OF_THE_TERMINAL = {"color", "width"}


def parameters(name):
    command = typer.main.get_command(app)
    for word in name.split():
        command = command.commands[word]
    return {item.name: item for item in command.params}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_of_the_library_is_one_of_the_command(name):
    names = {field.name for field in fields(COMMANDS[name])}
    assert names - OF_THE_TERMINAL == names & {*parameters(name)}


@pytest.mark.parametrize("name", COMMANDS)
def test_an_option_has_one_default(name):
    known = parameters(name)
    for field in fields(COMMANDS[name]):
        if field.name in known and not known[field.name].required:
            assert (known[field.name].default or None) == (field.default or None), field.name


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_described_and_no_flag_is_taken_twice(name):
    known = parameters(name).values()
    assert [item.name for item in known if not item.help] == []
    flags = [flag for item in known for flag in item.opts]
    assert len(flags) == len({*flags})


def test_a_trend_has_as_many_runs_in_the_library_as_on_the_command_line():
    assert signature(checker.trend).parameters["last"].default == parameters("trend")["last"].default
