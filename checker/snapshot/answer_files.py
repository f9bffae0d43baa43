"""Files of recorded answers: those that are named, and of a folder those that are called as such files are."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from checker.problems import InvalidInputError, Problem

SUFFIXES = (".json", ".jsonl", ".ndjson")
MOST_NAMED = 3


def answer_files(paths: Iterable[str], warnings: list[Problem]) -> list[str]:
    """The files, sorted within a folder; names that begin with a dot are left out, and what else a folder has is told.

    Raises:
        InvalidInputError: a folder without any.
    """
    found: list[str] = []
    for path in paths:
        found += _inside(path, warnings) if path != "-" and Path(path).is_dir() else [path]
    return found


def _inside(path: str, warnings: list[Problem]) -> list[str]:
    folder = Path(path)
    every = sorted(
        item
        for item in folder.rglob("*")
        if item.is_file() and not any(part.startswith(".") for part in item.relative_to(folder).parts)
    )
    chosen = [item.as_posix() for item in every if item.suffix.lower() in SUFFIXES]
    if not chosen:
        hint = "name the files themselves" if every else ""
        raise InvalidInputError(Problem(path, f"no file in this folder ends in {', '.join(SUFFIXES)}", hint))
    others = [item.relative_to(folder).as_posix() for item in every if item.as_posix() not in set(chosen)]
    if others:
        more = f" and {len(others) - MOST_NAMED} more" if len(others) > MOST_NAMED else ""
        message = f"not read: {', '.join(others[:MOST_NAMED])}{more}"
        hint = f"of a folder those are read that end in {', '.join(SUFFIXES)}"
        warnings.append(Problem(path, message, hint, warning=True))
    return chosen
