"""`rules docs`: a pack as a page of Markdown."""

from __future__ import annotations

from pathlib import Path

from checker.cli.console import say, warn
from checker.cli.policies import taken
from checker.cli.schema import write
from checker.reporting.pack_page import page


def run(paths: list[str], out: str | None) -> int:
    """Prints the pages, or writes each into a file that is called as its pack."""
    policies = taken(paths).policies
    warn(policies.warnings)
    if out is None:
        say("\n\n".join(page(pack).rstrip() for pack in policies.packs))
        return 0
    for pack in policies.packs:
        path = Path(out) / f"{pack.name}.md"
        write(path, page(pack))
        say(f"wrote {path.as_posix()}")
    return 0
