"""`waive`: findings of a kept run become an entry in the file of waivers."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from dataclasses import replace as replace_fields
from pathlib import Path
from typing import TYPE_CHECKING

from checker import api
from checker.cli.console import say, warn
from checker.cli.kept import configured, find
from checker.cli.options import DEFAULT_CONFIG
from checker.input_files import read_bytes
from checker.model import Finding, Location, Subject, Verdict, utc_now
from checker.problems import Gathered, InvalidInputError, Problem, one_line, suggest
from checker.waivers.edit import Added, Draft, add, replace
from checker.waivers.file import COVERS, read_waivers, waivers_in
from checker.waivers.limits import Limits, limits_of
from checker.waivers.status import day
from checker.yamlsource import LARGEST_FILE

if TYPE_CHECKING:
    from checker.config import AuditConfig

MOST_NAMED = 5
_VERSION = re.compile(r"@v\d+$")
# The flags that the keys of an entry come from.
_FLAGS = {
    "rule": "RULE", "image_sets": "IMAGE_SET", "target": "IMAGE_SET", "reason": "--reason", "owner": "--owner",
    "approved_by": "--approved-by", "created": "--created", "expires": "--expires",
}  # fmt: skip


@dataclass(frozen=True)
class Asked:
    """The options as given."""

    rule: str
    image_sets: list[str]
    evidence: str
    reason: str
    owner: str
    approved_by: str
    expires: str
    created: str | None
    covers: str
    this_version: bool
    every: bool
    file: str | None
    config: str | None


def run(asked: Asked) -> int:
    """Adds what is asked for to the file, and prints it with its place; where anything is wrong, nothing is written."""
    _refuse(asked)
    config = configured(asked.config, needed=asked.file is None)
    path = waivers_file(asked.file, config, "--file")
    kept = find(asked.evidence, config)[1]
    name, every = _findings(kept, asked.rule)
    already = _covered(name, path, config, kept) if asked.every and path.exists() else frozenset()
    drafts = _drafts(name, _chosen(name, every, asked, already), asked)
    hint = f"YAML files may have {LARGEST_FILE >> 20} MiB"
    source = read_bytes(path, path.as_posix(), LARGEST_FILE, hint) if path.exists() else None
    added = add(source or b"", path.as_posix(), drafts)
    _check(added, config, kept)
    replace(path, source, added.document.source)
    where = Location(path.as_posix(), added.first, 1)
    say(f"{one_line(str(where))}: {_count(len(drafts), 'waiver')} added, of {_of(drafts)}")
    say(added.text)
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


def policies(config: AuditConfig | None, kept: api.Kept | None) -> api.Policies:
    """The policies that the waivers of an audit are read by: those of audit.yaml, or those of the run."""
    if config is not None:
        return api.load([api.Request(str(node.value), node) for node in config.policies], base=config.root)
    return api.load(kept.policies if kept else ())


def _refuse(asked: Asked) -> None:
    problems = []
    if not asked.image_sets and not asked.every:
        hint = "name image sets, or add --all for every finding of the rule"
        problems.append(Problem("IMAGE_SET", "nothing says what is waived", hint))
    if asked.image_sets and asked.every:
        problems.append(Problem("--all", "takes every finding of the rule", "leave out the image sets"))
    if asked.covers not in COVERS:
        hint = suggest(asked.covers, COVERS, what="it is one of")
        problems.append(Problem("--covers", f"a waiver covers no {asked.covers}", hint))
    texts = {"--reason": asked.reason, "--owner": asked.owner, "--approved-by": asked.approved_by}
    texts |= {"--expires": asked.expires, "--created": asked.created or "-"}
    for flag, text in texts.items():
        if not text.strip():
            problems.append(Problem(flag, "is empty"))
        elif not text.isprintable():
            problems.append(Problem(flag, "line breaks and control characters are not allowed here"))
    if problems:
        raise InvalidInputError(problems)


def _findings(kept: api.Kept, rule: str) -> tuple[str, list[Finding]]:
    """The full name of a rule that a run judged, and its fails and unknowns there."""
    judged = api.replay(kept)
    names = [
        rule_result.rule.name
        for rule_result in judged.judged
        if rule in (rule_result.rule.id, rule_result.rule.name)
    ]
    if not names:
        known = [
            name for rule_result in judged.judged for name in (rule_result.rule.id, rule_result.rule.name)
        ]
        hint = suggest(rule, known, what="it judged")
        raise InvalidInputError(Problem("RULE", f"the run judged no rule called {rule}", hint))
    if len(names) > 1:
        message = f"several rules are called so: {', '.join(names)}"
        raise InvalidInputError(Problem("RULE", message, "write PACK/RULE"))
    return names[0], [finding for finding in judged.findings() if finding.rule.name == names[0]]


def _covered(
    rule: str, path: Path, config: AuditConfig | None, kept: api.Kept
) -> frozenset[tuple[Subject, Verdict]]:
    """What the file of waivers covers today of the findings of a rule, also by waivers that the run did not know yet."""
    from checker.judgement.replay import terms

    limits = limits_of(config) if config else Limits()
    listed, _ = read_waivers(path, policies(config, kept), limits)
    # valid today: as if valid at the instant of the run, whose verdicts stay as they are
    now, then = utc_now(), kept.as_of
    valid = [
        replace_fields(waiver, created=min(waiver.created, then), expires=max(waiver.expires, then))
        for waiver in listed
        if waiver.rule == rule and waiver.in_force(max(now, waiver.created))
    ]
    judged = api.rejudge(kept, terms(kept).rules, waivers=valid)
    found = (finding for finding in judged.findings() if finding.rule.name == rule and finding.waived)
    return frozenset((finding.subject, finding.verdict) for finding in found)


def _chosen(
    rule: str, every: Sequence[Finding], asked: Asked, already: Collection[tuple[Subject, Verdict]]
) -> list[tuple[Finding, str]]:
    """The findings that are asked for, each with the text that did."""
    verdict = Verdict(asked.covers)
    there = [finding for finding in every if finding.verdict is verdict]
    if not there:
        other = {finding.verdict.value for finding in every}
        hint = f"it has {_count(len(every), other.pop())}: --covers says which are meant" if every else ""
        raise InvalidInputError(Problem("RULE", f"the run has no {verdict} of {rule}", hint))
    if asked.every:
        left = [
            finding
            for finding in there
            if not finding.waived and (finding.subject, finding.verdict) not in already
        ]
        if not left:
            message = (
                f"nothing left to waive: {_count(len(there), verdict)} of {rule}, each of them waived already"
            )
            raise InvalidInputError(Problem("--all", message, "name an image set to waive it again"))
        return [(finding, "") for finding in left]
    gathered, found = Gathered(), []
    for text in asked.image_sets:
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


def _drafts(rule: str, chosen: Iterable[tuple[Finding, str]], asked: Asked) -> list[Draft]:
    """The entries: one for all image sets, or one for each version or target."""
    groups: dict[tuple[str | None, int | None], dict[str, None]] = {}
    for finding, text in chosen:
        subject = finding.subject
        if subject.image_set_id is None:
            if asked.this_version:
                raise InvalidInputError(
                    Problem("--this-version", f"{rule} judges data stores: they have none")
                )
            groups.setdefault((subject.target, None), {})
            continue
        version = subject.version_id if asked.this_version or _VERSION.search(text) else None
        if asked.this_version and version is None:
            message = f"no version of {subject.image_set_id} was read"
            raise InvalidInputError(Problem("--this-version", message, "leave the flag out"))
        groups.setdefault((None, version), {})[subject.image_set_id] = None
    return [
        Draft(
            rule,
            reason=asked.reason.strip(),
            owner=asked.owner.strip(),
            approved_by=asked.approved_by.strip(),
            created=asked.created or day(utc_now()),
            expires=asked.expires,
            image_sets=tuple(ids),
            target=target,
            version=version,
            covers=asked.covers,
        )
        for (target, version), ids in groups.items()
    ]


def _check(added: Added, config: AuditConfig | None, kept: api.Kept) -> None:
    """Reads the file as it will be, as `check` would; what is wrong with the new entries is told of the flags."""
    limits = limits_of(config) if config else Limits()
    try:
        _, warnings = waivers_in(added.document, policies(config, kept), limits)
    except InvalidInputError as error:
        raise InvalidInputError(_of_flags(error.problems, added)) from None
    warn(_of_flags(warnings, added))


def _of_flags(problems: Iterable[Problem], added: Added) -> Iterator[Problem]:
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


def _of(drafts: Iterable[Draft]) -> str:
    ids = {image_set for draft in drafts for image_set in draft.image_sets}
    targets = {draft.target for draft in drafts if draft.target}
    return _count(len(ids), "image set") if ids else _count(len(targets), "target")


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'s' * (number != 1)}"
