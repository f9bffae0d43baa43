"""`rules schema`: the JSON Schema that editors use for completion."""

from __future__ import annotations

from pathlib import Path

from checker import api
from checker.cli.console import print_line


def run(kind: str, out: str | None) -> int:
    """Prints the schema, or writes it into a file, whose old content was made in the same way."""
    text = api.schema_text(kind)
    if out is None:
        print_line(text)
        return 0
    path = Path(out)
    api.write_text(path, text + "\n")
    print_line(f"wrote {path.as_posix()}")
    print_line(f"begin the YAML files beside it with: {api.SCHEMA_HEADER.format(path=path.name)}")
    return 0
