"""`waive`: findings of a kept run become an entry in the file of waivers."""

from __future__ import annotations

from collections.abc import Iterable

from checker import api
from checker.cli.console import print_line, print_warnings
from checker.model import Location
from checker.problems import number_of, one_line


def run(request: api.WaiverRequest, evidence: str, file: str | None, config: str | None) -> int:
    """Adds what is asked for to the file, and prints it with its place; where anything is wrong, nothing is written."""
    made = api.waive(request, evidence, file=file, config=config)
    print_warnings(made.warnings)
    where = Location(made.added.document.path, made.added.first, 1)
    print_line(
        f"{one_line(str(where))}: {number_of(len(made.drafts), 'waiver')} added, of {_of(made.drafts)}"
    )
    print_line(made.added.text)
    return 0


def _of(drafts: Iterable[api.WaiverDraft]) -> str:
    ids = {image_set for draft in drafts for image_set in draft.image_sets}
    targets = {draft.target for draft in drafts if draft.target}
    return number_of(len(ids), "image set") if ids else number_of(len(targets), "target")
