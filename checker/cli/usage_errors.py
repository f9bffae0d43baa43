"""What is wrong with a command line before any command begins, and whose help says more."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import zip_longest
from typing import Any

from checker.problems import InvalidInputError, Problem


def refuse_missing_values(command: Any, arguments: Sequence[str]) -> None:
    """Options without their value: the parser would take the next option for it.

    Raises:
        InvalidInputError: with the first of them.
    """
    own, _, rest = _chosen(command, arguments)
    rest = rest[: rest.index("--")] if "--" in rest else rest
    flags = {name: flag for flag in own.params for name in flag.opts if name.startswith("-")}
    for token, after in zip_longest(rest, rest[1:]):
        flag = flags.get(token)
        if flag is None or flag.is_flag or flag.count:
            continue
        if after is None or after in flags:
            message = "needs a value" + (f", and {after} follows" if after else "")
            raise InvalidInputError(Problem(token, message, flag.help or ""))


def usage_problem(error: Exception, command: Any, arguments: Sequence[str], program: str) -> str:
    """What the parser found, with the command that it is about."""
    _, path, _ = _chosen(command, arguments)
    context = getattr(error, "ctx", None)
    called = context.command_path if context else " ".join((program, *path))
    if type(error).__name__ == "NoArgsIsHelpError":
        return f"{context.get_help() if context else ''}\n\n{called}: error: the command is missing"
    formatted = getattr(error, "format_message", None)
    message = (formatted() if formatted else str(error)).rstrip(".")
    message = _number_problem(error, message, arguments) or message
    return f"{called}: error: {message}\nhelp: {called} --help"


def _number_problem(error: Exception, message: str, arguments: Sequence[str]) -> str:
    """What is wrong with an option's number, in words of ours; nothing of anything else."""
    flags = tuple(getattr(getattr(error, "param", None), "opts", ()))
    least = re.search(r"greater than or equal to (-?\d+)", message)
    if not flags or not (least or "valid integer" in message):
        return ""
    given = (
        after if token in flags else token.partition("=")[2]
        for token, after in zip_longest(arguments, arguments[1:])
        if token.partition("=")[0] in flags
    )
    what = f"is less than {least[1]}" if least else "is no whole number"
    return f"{flags[0]}: {next(given, '')} {what}"


def _chosen(command: Any, arguments: Sequence[str]) -> tuple[Any, list[str], list[str]]:
    """The command that arguments name, its path, and what follows."""
    path: list[str] = []
    for index, token in enumerate(arguments):
        below = getattr(command, "commands", {}).get(token)
        if below is not None:
            command = below
            path.append(token)
        elif not token.startswith("-") or not hasattr(command, "commands"):
            return command, path, list(arguments[index:])
    return command, path, []
