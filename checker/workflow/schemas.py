"""JSON Schemas of the files that users write, for their editors."""

from __future__ import annotations

import json
from pathlib import Path

from checker.policy import schema
from checker.problems import InvalidInputError, Problem, suggest
from checker.waivers.edit import replace_file
from checker.waivers.schema import waivers_schema

SCHEMAS = {**schema.SCHEMAS, "waivers": waivers_schema}
"""What there are schemas of."""


def schema_text(kind: str) -> str:
    """The schema of a kind of file, as JSON.

    Raises:
        InvalidInputError: there is no such kind.
    """
    if kind not in SCHEMAS:
        hint = suggest(kind, SCHEMAS, what="there are")
        raise InvalidInputError(Problem("--for", f"there is no schema of {kind}", hint))
    return json.dumps(SCHEMAS[kind](), indent=1)


def write_text(path: Path, text: str) -> None:
    """Writes a file, at once or not at all, and the folders that it is in.

    Raises:
        InvalidInputError: it cannot be written.
    """
    try:
        if path.exists() and not path.is_file():
            path.write_text(text, encoding="utf-8")  # a stream
            return
        old = path.read_bytes() if path.exists() else None
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise InvalidInputError(Problem(path.as_posix(), f"cannot be written: {reason}")) from None
    replace_file(path, old, text.encode())
