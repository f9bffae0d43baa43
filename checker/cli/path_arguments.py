"""Paths on the command line: what the shell has left in them. Each option and argument that takes one is read here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import typer

from checker.problems import InvalidInputError, Problem


def local_paths(flag: typer.CallbackParam, value: Any) -> Any:
    """Paths on this machine; policies too, since `pack:NAME` has no slash.

    Raises:
        InvalidInputError: as all of these: a path that means something else than what it says.
    """
    from checker.api import parse_path

    return _each(flag, value, parse_path)


def run_paths(flag: typer.CallbackParam, value: Any) -> Any:
    """Runs, and folders of runs, which may be in S3."""
    from checker.api import parse_path

    return _each(flag, value, lambda text: parse_path(text, remote=True))


def report_paths(flag: typer.CallbackParam, value: Any) -> Any:
    """The paths of FORMAT=PATH."""
    return _each(flag, value, _report)


def _report(text: str) -> str:
    from checker.api import parse_path

    name, equals, path = text.partition("=")
    return f"{name}{equals}{parse_path(path)}"


def _each(flag: typer.CallbackParam, value: Any, parse: Callable[[str], str]) -> Any:
    if value is None:
        return None
    from checker.api import BadValueError

    problems, found = [], []
    for text in value if isinstance(value, list | tuple) else (value,):
        try:
            found.append(parse(text))
        except BadValueError as error:
            problems.append(Problem(_called(flag), str(error), error.hint))
    if problems:
        raise InvalidInputError(problems)
    return found if isinstance(value, list | tuple) else found[0]


def _called(flag: typer.CallbackParam) -> str:
    """What the help calls an option or argument."""
    longest = max(flag.opts, key=len)
    return longest if longest.startswith("-") else str(getattr(flag, "metavar", None) or flag.name)


def answer_paths(image_sets: Sequence[str] | None, more: Sequence[str] | None) -> list[str]:
    """What `--image-sets` names, and the arguments after it: a shell replaces `*.json` by several.

    Raises:
        InvalidInputError: arguments that are none of it.
    """
    problems = []
    for item in more or ():
        yaml = Path(item).suffix.lower() in (".yaml", ".yml")
        if yaml or not image_sets:
            hint = "-p takes a policy, -c an audit.yaml" if yaml else "--image-sets takes recorded answers"
            problems.append(
                Problem(item, "no option takes this argument", hint + "; each path needs its own" * yaml)
            )
    if problems:
        raise InvalidInputError(problems)
    return [*(image_sets or ()), *(more or ())]
