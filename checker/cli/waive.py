"""`waive`: findings of a kept run become an entry in the file of waivers."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from checker import api
from checker.cli.console import print_line, print_warnings
from checker.judgement.waivers import waive
from checker.model import Location
from checker.problems import InvalidInputError, Problem, one_line
from checker.waivers.edit import WaiverDraft
from checker.waivers.limits import limits_of
from checker.waivers.request import WaiverRequest, check_request
from checker.workflow.options import DEFAULT_CONFIG
from checker.workflow.run_lookup import config_in_force, find

if TYPE_CHECKING:
    from checker.config import AuditConfig


def run(request: WaiverRequest, evidence: str, file: str | None, config_path: str | None) -> int:
    """Adds what is asked for to the file, and prints it with its place; where anything is wrong, nothing is written."""
    check_request(request)
    config = config_in_force(config_path, needed=file is None)
    path = waivers_file(file, config, "--file")
    kept = find(evidence, config)[1]
    made = waive(kept, request, path, policies(config, kept), limits_of(config) if config else None)
    print_warnings(made.warnings)
    where = Location(path.as_posix(), made.added.first, 1)
    print_line(f"{one_line(str(where))}: {_count(len(made.drafts), 'waiver')} added, of {_of(made.drafts)}")
    print_line(made.added.text)
    return 0


def waivers_file(given: str | None, config: AuditConfig | None, flag: str) -> Path:
    """The file of waivers that a flag or audit.yaml names.

    Raises:
        InvalidInputError: neither does.
    """
    if given is not None:
        return Path(given)
    if config is None or config.waivers_file is None:
        where = config.path.as_posix() if config else DEFAULT_CONFIG
        message = "names no file of waivers" if config else "there is no audit.yaml here"
        raise InvalidInputError(Problem(where, message, f"add `waivers: waivers.yaml` to it, or {flag} FILE"))
    return config.waivers_file


def policies(config: AuditConfig | None, kept: api.RecordedRun | None) -> api.Policies:
    """The policies that the waivers of an audit are read by: those of audit.yaml, or those of the run."""
    if config is not None:
        return api.load([api.Request(str(node.value), node) for node in config.policies], base=config.root)
    return api.load(kept.policies if kept else ())


def _of(drafts: Iterable[WaiverDraft]) -> str:
    ids = {image_set for draft in drafts for image_set in draft.image_sets}
    targets = {draft.target for draft in drafts if draft.target}
    return _count(len(ids), "image set") if ids else _count(len(targets), "target")


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'s' * (number != 1)}"
