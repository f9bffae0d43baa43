"""Waivers of the findings of a kept run: adding them, and what those of a file cover."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from checker.input_files import read_bytes
from checker.judgement.replay import judgement_terms, rejudge, replay
from checker.model import Finding, Subject, Verdict, Waiver, utc_now
from checker.policy.load import Policies
from checker.policy.rule_selection import Rules
from checker.problems import InvalidInputError, Problem, suggest
from checker.runs.run_reader import RecordedRun
from checker.waivers import edit
from checker.waivers.edit import EditedWaivers, WaiverDraft
from checker.waivers.file import read_waivers, waivers_in
from checker.waivers.limits import WaiverLimits
from checker.waivers.request import WaiverRequest, check_request, drafts, request_problems
from checker.waivers.status import WaiverUse, assess_waivers
from checker.yamlsource import LARGEST_FILE


@dataclass(frozen=True, slots=True)
class NewWaivers:
    """Waivers that were added to a file, and warnings of how the file reads now."""

    added: EditedWaivers
    drafts: tuple[WaiverDraft, ...]
    warnings: tuple[Problem, ...]


def waive(
    kept: RecordedRun,
    request: WaiverRequest,
    path: Path,
    policies: Policies,
    limits: WaiverLimits | None = None,
) -> NewWaivers:
    """Adds entries for findings of a run to a file of waivers; where anything is wrong, nothing is written.

    Args:
        kept: the run.
        request: which findings, and what the entries say.
        path: the file, which may not be there yet.
        policies: those whose rules and labels waivers name.
        limits: what waivers are held to; the standard ones unless given.

    Raises:
        InvalidInputError: the run has no such finding, or the file would not read well.
    """
    check_request(request)
    rule, findings = _findings(kept, request.rule)
    covered = _covered(rule, path, policies, limits, kept) if request.every and path.exists() else frozenset()
    made = drafts(rule, findings, request, covered)
    hint = f"YAML files may have {LARGEST_FILE >> 20} MiB"
    source = read_bytes(path, path.as_posix(), LARGEST_FILE, hint) if path.exists() else None
    added = edit.add_waivers(source or b"", path.as_posix(), made)
    try:
        _, warnings = waivers_in(added.document, policies, limits)
    except InvalidInputError as error:
        raise InvalidInputError(request_problems(error.problems, added)) from None
    edit.replace_file(path, source, added.document.source)
    return NewWaivers(added, tuple(made), tuple(request_problems(warnings, added)))


def _findings(kept: RecordedRun, rule: str) -> tuple[str, list[Finding]]:
    """The full name of a rule that a run judged, and its fails and unknowns there."""
    rules = judgement_terms(kept).rules.rules
    names = [each.name for each in rules if rule in (each.id, each.name)]
    if not names:
        known = [name for each in rules for name in (each.id, each.name)]
        hint = suggest(rule, known, what="it judged")
        raise InvalidInputError(Problem("RULE", f"the run judged no rule called {rule}", hint))
    if len(names) > 1:
        message = f"several rules are called so: {', '.join(names)}"
        raise InvalidInputError(Problem("RULE", message, "write PACK/RULE"))
    with replay(kept) as run:
        return names[0], [finding for finding in run.findings() if finding.rule.name == names[0]]


def _covered(
    rule: str, path: Path, policies: Policies, limits: WaiverLimits | None, kept: RecordedRun
) -> frozenset[tuple[Subject, Verdict]]:
    """What the file of waivers covers today of the findings of a rule, also by waivers that the run did not know yet."""
    listed, _ = read_waivers(path, policies, limits)
    # valid today: as if valid at the instant of the run, whose verdicts stay as they are
    now, then = utc_now(), kept.as_of
    valid = [
        replace(waiver, created=min(waiver.created, then), expires=max(waiver.expires, then))
        for waiver in listed
        if waiver.rule == rule and waiver.in_force(max(now, waiver.created))
    ]
    with rejudge(kept, judgement_terms(kept).rules, waivers=valid) as run:
        found = (finding for finding in run.findings() if finding.rule.name == rule and finding.waived)
        return frozenset((finding.subject, finding.verdict) for finding in found)


def waiver_uses(
    kept: RecordedRun, waivers: Sequence[Waiver], as_of: datetime, rules: Rules | None
) -> Mapping[int, WaiverUse]:
    """How waivers stand at an instant by the evidence of a run, by number; without `rules`, none of theirs is judged."""
    if rules is None:
        return {use.waiver.number: use for use in assess_waivers(waivers, {}, as_of)}
    with rejudge(kept, rules, as_of=as_of, waivers=waivers) as run:
        return {use.waiver.number: use for use in run.waivers}
