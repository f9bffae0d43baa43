"""`rules schema`: the JSON Schema that editors use for completion."""

from __future__ import annotations

import json
from pathlib import Path

from checker.cli.console import print_line
from checker.policy import schema as of_policies
from checker.policy.schema import HEADER
from checker.problems import InvalidInputError, Problem, suggest
from checker.waivers.edit import replace_file
from checker.waivers.schema import waivers_schema

SCHEMAS = {**of_policies.SCHEMAS, "waivers": waivers_schema}
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


def run(kind: str, out: str | None) -> int:
    """Prints the schema, or writes it into a file, whose old content was made in the same way."""
    text = schema_text(kind)
    if out is None:
        print_line(text)
        return 0
    path = Path(out)
    write(path, text + "\n")
    print_line(f"wrote {path.as_posix()}")
    print_line(f"begin the YAML files beside it with: {HEADER.format(path=path.name)}")
    return 0


def write(path: Path, text: str) -> None:
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
