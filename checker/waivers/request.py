"""What a user asks to be waived: findings of a run, chosen by rule and image set, become entries of a file of waivers."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from checker.model import Finding, Location, Subject, Verdict, utc_now
from checker.problems import InvalidInputError, Problem, ProblemCollection, number_of, suggest
from checker.waivers.edit import EditedWaivers, WaiverDraft
from checker.waivers.file import COVERS
from checker.waivers.status import day

MOST_NAMED = 5
_VERSION = re.compile(r"@v\d+$")
# The flags that the keys of an entry come from.
_FLAGS = {
    "rule": "RULE", "image_sets": "IMAGE_SET", "target": "IMAGE_SET", "reason": "--reason", "owner": "--owner",
    "approved_by": "--approved-by", "created": "--created", "expires": "--expires",
}  # fmt: skip


@dataclass(frozen=True)
class WaiverRequest:
    """Findings of a rule to waive, and what the entry says. `image_sets` are names as reports print them; in their place
    `every` finding that is not waived yet. `this_version` holds while an image set is at the version that was judged."""

    rule: str
    reason: str
    owner: str
    approved_by: str
    expires: str
    created: str | None = None
    covers: str = Verdict.FAIL.value
    image_sets: Sequence[str] = ()
    this_version: bool = False
    every: bool = False


def check_request(request: WaiverRequest) -> None:
    """Whether a request can be one at all.

    Raises:
        InvalidInputError: with every problem of it.
    """
    problems = []
    if not request.image_sets and not request.every:
        hint = "name image sets, or add --all for every finding of the rule"
        problems.append(Problem("IMAGE_SET", "nothing says what is waived", hint))
    if request.image_sets and request.every:
        problems.append(Problem("--all", "takes every finding of the rule", "leave out the image sets"))
    if request.covers not in COVERS:
        hint = suggest(request.covers, COVERS, what="it is one of")
        problems.append(Problem("--covers", f"a waiver covers no {request.covers}", hint))
    texts = {"--reason": request.reason, "--owner": request.owner, "--approved-by": request.approved_by}
    texts |= {"--expires": request.expires, "--created": request.created or "-"}
    for flag, text in texts.items():
        if not text.strip():
            problems.append(Problem(flag, "is empty"))
        elif not text.isprintable():
            problems.append(Problem(flag, "line breaks and control characters are not allowed here"))
    if problems:
        raise InvalidInputError(problems)


def drafts(
    rule: str,
    findings: Sequence[Finding],
    request: WaiverRequest,
    covered: Collection[tuple[Subject, Verdict]] = (),
) -> list[WaiverDraft]:
    """The entries: one for all image sets, or one for each version or target.

    Args:
        rule: the full name of the rule.
        findings: all that the run has of it.
        request: which of them are meant, and what the entries say.
        covered: what waivers cover already, of which `every` takes nothing.

    Raises:
        InvalidInputError: there is no such finding.
    """
    groups: dict[tuple[str | None, int | None], dict[str, None]] = {}
    for finding, text in _chosen(rule, findings, request, covered):
        subject = finding.subject
        if subject.image_set_id is None:
            if request.this_version:
                raise InvalidInputError(
                    Problem("--this-version", f"{rule} judges data stores: they have none")
                )
            groups.setdefault((subject.target, None), {})
            continue
        version = subject.version_id if request.this_version or _VERSION.search(text) else None
        if request.this_version and version is None:
            message = f"no version of {subject.image_set_id} was read"
            raise InvalidInputError(Problem("--this-version", message, "leave the flag out"))
        groups.setdefault((None, version), {})[subject.image_set_id] = None
    return [
        WaiverDraft(
            rule,
            reason=request.reason.strip(),
            owner=request.owner.strip(),
            approved_by=request.approved_by.strip(),
            created=request.created or day(utc_now()),
            expires=request.expires,
            image_sets=tuple(ids),
            target=target,
            version=version,
            covers=request.covers,
        )
        for (target, version), ids in groups.items()
    ]


def _chosen(
    rule: str, every: Sequence[Finding], request: WaiverRequest, already: Collection[tuple[Subject, Verdict]]
) -> list[tuple[Finding, str]]:
    """The findings that are asked for, each with the text that did."""
    verdict = Verdict(request.covers)
    there = [finding for finding in every if finding.verdict is verdict]
    if not there:
        other = {finding.verdict.value for finding in every}
        hint = f"it has {number_of(len(every), other.pop())}: --covers says which are meant" if every else ""
        raise InvalidInputError(Problem("RULE", f"the run has no {verdict} of {rule}", hint))
    if request.every:
        left = [
            finding
            for finding in there
            if not finding.waived and (finding.subject, finding.verdict) not in already
        ]
        if not left:
            message = f"nothing left to waive: {number_of(len(there), verdict)} of {rule}, each of them waived already"
            raise InvalidInputError(Problem("--all", message, "name an image set to waive it again"))
        return [(finding, "") for finding in left]
    gathered, found = ProblemCollection(), []
    for text in request.image_sets:
        own = [finding for finding in there if text in _names(finding.subject)]
        if not own:
            hint = _instead(text, every, there, verdict)
            gathered.problems.append(Problem(text, f"the run has no {verdict} of {rule} on it", hint))
        found += [(finding, text) for finding in own]
    gathered.check()
    return found


def _names(subject: Subject) -> set[str]:
    """What a subject may be called: as reports print it, and without its target or version."""
    base = subject.image_set_id or subject.target
    names = {base, f"{subject.target}/{base}", subject.name}
    if subject.image_set_id is None or subject.version_id is None:
        return names
    return names | {f"{base}@v{subject.version_id}", f"{subject.target}/{base}@v{subject.version_id}"}


def _instead(text: str, every: Iterable[Finding], there: Sequence[Finding], verdict: Verdict) -> str:
    """What there is in place of a finding that is not."""
    for finding in every:
        if text in _names(finding.subject):
            what = "a fail" if finding.verdict is Verdict.FAIL else "an unknown"
            return f"it has {what}: add --covers {finding.verdict}"
    known = list(dict.fromkeys(finding.subject.image_set_id or finding.subject.target for finding in there))
    more = f" and {len(known) - MOST_NAMED:,} more" if len(known) > MOST_NAMED else ""
    return f"each {verdict} is on: {', '.join(known[:MOST_NAMED])}{more}"


def request_problems(problems: Iterable[Problem], added: EditedWaivers) -> Iterator[Problem]:
    """What is wrong with new entries, told of the parts of the request that they come from."""
    for problem in problems:
        where = problem.where
        new = isinstance(where, Location) and added.first <= where.line <= added.last
        key = (problem.line or "").lstrip(" -").partition(":")[0]
        if new and where.path == added.document.path:  # type: ignore[union-attr]
            yield Problem(
                _FLAGS.get(key, "IMAGE_SET"), problem.message, problem.hint, warning=problem.warning
            )
        else:
            yield problem
