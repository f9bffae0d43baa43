"""Options and arguments that several commands have, as Typer reads them."""

from __future__ import annotations

import inspect
from typing import Annotated

import typer

from checker.cli.option_parameters import parameter
from checker.model import Duration
from checker.problems import InvalidInputError, Problem
from checker.workflow.audit_options import AuditOptions

Config = Annotated[str | None, parameter(AuditOptions, "config")]
JUnitPasses = Annotated[str, parameter(AuditOptions, "junit_passes")]
JUnitSkipped = Annotated[str, parameter(AuditOptions, "junit_skipped")]
JUnitFor = Annotated[str, parameter(AuditOptions, "junit_for")]
Limit = Annotated[int, parameter(AuditOptions, "limit")]
SortBy = Annotated[str, parameter(AuditOptions, "sort")]
ShowPhi = Annotated[bool, parameter(AuditOptions, "show_phi")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def read_duration(flag: str, text: str) -> Duration:
    """The length of time that an option has.

    Raises:
        InvalidInputError: it is none.
    """
    from checker.api import BadValueError, parse_duration

    try:
        return parse_duration(text)
    except BadValueError as error:
        raise InvalidInputError(Problem(flag, str(error), error.hint)) from None


def whole_lines(app: typer.Typer) -> None:
    """Has every command's first sentence shown whole where commands are listed: else what does not fit a line is cut off."""
    for command in app.registered_commands:
        text = command.help or inspect.getdoc(command.callback) or ""
        command.short_help = text.partition("\n")[0]
    for group in app.registered_groups:
        if group.typer_instance is not None:
            group.short_help = str(group.typer_instance.info.help)
            whole_lines(group.typer_instance)
