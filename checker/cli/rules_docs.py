"""`rules docs`: a pack as a page of Markdown."""

from __future__ import annotations

from pathlib import Path

from checker import api
from checker.cli.console import print_line, print_warnings


def run(paths: list[str], out: str | None) -> int:
    """Prints the pages, or writes each into a file that is called as its pack."""
    policies = api.policies_in_force(paths).policies
    print_warnings(policies.warnings)
    if out is None:
        print_line("\n\n".join(api.pack_page(pack).rstrip() for pack in policies.packs))
        return 0
    for pack in policies.packs:
        path = Path(out) / f"{pack.name}.md"
        api.write_text(path, api.pack_page(pack))
        print_line(f"wrote {path.as_posix()}")
    return 0
