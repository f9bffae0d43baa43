"""An explanation of a verdict as text and as JSON."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TextIO

from checker import instants, values
from checker.model import Group, Location, Pack, Rule, Verdict
from checker.policy.messages import ABSENT
from checker.policy.params import used_params
from checker.problems import excerpt, one_line, printable
from checker.reporting.condition_text import phrase
from checker.reporting.escape import json_text
from checker.reporting.finding_text import rests_on
from checker.reporting.normal_form import answers, plain, subject_members
from checker.reporting.report_options import Options

if TYPE_CHECKING:
    from checker.evaluation.explain import ExplainedCondition, Explanation, LabelRead, Observed
    from checker.evaluation.verdict_forecast import VerdictForecast

SCHEMA = "imageset-checker/explain/1"

_TRUTH = {True: "true", False: "false", None: "unknown"}
_STATES = {"none": "(none)", "absent": ABSENT, "not received": "(not received)"}
_UNREAD = {"image_set": "the image set could not be read", "version": "its versions could not be read"}
_WIDTH = 100

Sources = Mapping[str, str]
"""Where the values of parameters come from, by `PACK.param` or `PACK/RULE.param`."""


@dataclass(frozen=True)
class ExplainedVerdicts:
    """The verdicts of a rule on a subject, one for each version, with the packs of the rule and where the values of parameters
    come from."""

    verdicts: tuple[Explanation, ...]
    packs: tuple[Pack, ...]
    sources: Mapping[str, str]

    @property
    def dicom(self) -> tuple[str, ...]:
        """No report of it is kept from others for the sake of patients."""
        return ()


def write(found: ExplainedVerdicts, out: TextIO, options: Options) -> None:  # noqa: ARG001 - every writer has them
    """Explanations for people, with the policy's lines."""
    out.write("\n\n\n".join(text(item, found.packs, found.sources) for item in found.verdicts) + "\n")


def json(found: ExplainedVerdicts, out: TextIO, options: Options) -> None:  # noqa: ARG001 - every writer has them
    """Explanations as JSON."""
    out.write(json_text(document(found.verdicts, found.sources), indent=2) + "\n")


def key_of(rule: Rule, param: str) -> str:
    """The full name of a parameter that a rule reads."""
    return f"{rule.name if param in rule.params else rule.pack}.{param}"


def text(explanation: Explanation, packs: Iterable[Pack], sources: Sources) -> str:
    """An explanation for people, with the policy's lines."""
    rule = explanation.rule
    lines = [f"{rule.name}: {explanation.verdict.value}", printable(rule.title), ""]
    lines += [*_row("subject", explanation.subject.name), *_row("as of", instants.iso(explanation.as_of))]
    lines += _remarks(explanation)
    if explanation.finding and explanation.verdict is Verdict.FAIL:
        lines += _row("message", explanation.finding.message)
    if explanation.finding and explanation.finding.calls:
        lines += _row("rests on", rests_on(explanation.finding))
    for name, value in explanation.params.items():
        source = sources.get(key_of(rule, name), "default")
        lines += _row("parameter", f"${name} = {_show(value)} ({source})")
    for label in explanation.labels:
        lines += _row("label", _label(label))
    if explanation.subject.image_set_id is not None or rule.scope == "datastore":
        lines += _row("next", forecast(explanation.verdict, explanation.outlook))
    source_lines = _sources(packs)
    for word, part in (
        ("when", explanation.when),
        ("deny" if rule.deny else "require", explanation.condition),
    ):
        if part is not None:
            several = f", {part.written.kind} of" if isinstance(part.written, Group) else ""
            lines += [
                "",
                f"{word}: {_TRUTH[part.truth]}{several}",
                *_part(part, explanation, source_lines, "  "),
            ]
    return "\n".join(lines)


def _remarks(explanation: Explanation) -> list[str]:
    """Why a verdict is unknown, and how it stands to other verdicts and to what was read."""
    lines = []
    if explanation.finding and explanation.finding.reason and explanation.verdict is Verdict.UNKNOWN:
        lines += _row("reason", explanation.finding.reason)
    if explanation.unread and explanation.verdict is not Verdict.UNKNOWN:
        lines += _row(
            "unread",
            f"{_UNREAD[explanation.rule.scope]} ({explanation.unread}), which this verdict needs no answer of",
        )
    if explanation.together:
        lines += _row(
            "counted",
            f"once for the target {explanation.subject.target}, of all its image sets of which that is so",
        )
    return lines


def forecast(verdict: Verdict, outlook: VerdictForecast) -> str:
    """What becomes of a verdict with time alone."""
    if outlook.at is not None and outlook.verdict is not None:
        then = outlook.verdict.value
        return f"{verdict.value} until {instants.iso(outlook.at)}, then {then}, if nothing else changes"
    looked = f" (looked ahead to {instants.iso(outlook.until)})" if outlook.until else ""
    return f"does not change with time alone{looked}"


def document(many: Iterable[Explanation], sources: Sources) -> dict[str, Any]:
    """Explanations as JSON holds them."""
    return {"schema": SCHEMA, "explanations": [_json(explanation, sources) for explanation in many]}


def _row(label: str, said: str) -> list[str]:
    wrapped = textwrap.wrap(one_line(said), _WIDTH, break_long_words=False, break_on_hyphens=False) or [""]
    return [f"{label:<9}  {wrapped[0]}", *(" " * 11 + line for line in wrapped[1:])]


def _label(label: LabelRead) -> str:
    said = f"{label.name} = {'(not given)' if label.value is None else values.show(label.value)}"
    return f"{said}, from {label.place}" if label.place else said


def _show(value: object) -> str:
    return ", ".join(map(values.show, value)) if isinstance(value, tuple) else values.show(value)


def _part(
    part: ExplainedCondition, explanation: Explanation, sources: Mapping[str, list[str]], margin: str
) -> Iterator[str]:
    if isinstance(part.written, Group):
        for member in part.members:
            if isinstance(member.written, Group):
                yield f"{margin}{_TRUTH[member.truth]:<8} {member.written.kind} of"
            yield from _part(member, explanation, sources, margin + "  " * isinstance(member.written, Group))
        return
    inner = margin + " " * 9
    said = one_line(phrase(part.written))
    params = [
        f"${name} = {_show(explanation.params[name])}" for name in sorted(_read(part, explanation.rule))
    ]
    yield f"{margin}{_TRUTH[part.truth]:<8} {said}" + (f"  [{one_line(', '.join(params))}]" if params else "")
    for seen in part.observed:
        yield f"{inner}{one_line(f'{seen.name} = {_value(seen)}')}"
    if part.why:
        yield f"{inner}unknown because: {one_line(part.why)}"
    where = part.written.where
    yield f"{inner}{one_line(str(where))}"
    source = sources.get(where.path, [])
    if 0 < where.line <= len(source):
        line = source[where.line - 1]
        yield from (inner + text for text in excerpt(where, line, _width(where, line)))


def _read(part: ExplainedCondition, rule: Rule) -> set[str]:
    """The parameters that a leaf reads."""
    assert not isinstance(part.written, Group)
    return used_params(Rule(rule.id, rule.pack, "", rule.severity, part.written, rule.deny, None, rule.where))


def _value(seen: Observed) -> str:
    return values.show(seen.value) if seen.value is not None else _STATES[seen.state]


def _width(where: Location, line: str) -> int:
    """How many characters of a line the operand at a place has."""
    rest = line[where.column - 1 :]
    if rest[:1] in ('"', "'"):
        return rest.find(rest[0], 1) + 1
    return len(rest.split(": ")[0].split(":\n")[0].rstrip().rstrip(":"))


def _sources(packs: Iterable[Pack]) -> dict[str, list[str]]:
    return {pack.path: pack.source.decode("utf-8-sig").splitlines() for pack in packs}


def _json(explanation: Explanation, sources: Sources) -> dict[str, Any]:
    rule, subject = explanation.rule, explanation.subject
    return {
        "rule": rule.id,
        "pack": rule.pack,
        "title": rule.title,
        "scope": rule.scope,
        "where": str(rule.where),
        "subject": {
            "name": subject.name,
            **subject_members(subject),
        },
        "as_of": instants.iso(explanation.as_of),
        "verdict": explanation.verdict.value,
        "reason": explanation.finding.reason if explanation.finding else None,
        "message": explanation.finding.message if explanation.finding else None,
        "counted_for_target": explanation.together,
        "unread": explanation.unread or None,
        **(
            answers(explanation.finding)
            if explanation.finding
            else {"calls": [], "collectedAt": None, "reusedFrom": None}
        ),
        "params": [
            {"name": name, "value": _plain(value), "from": sources.get(key_of(rule, name), "default")}
            for name, value in explanation.params.items()
        ],
        "labels": [
            {"name": label.name, "value": plain(label.value), "from": label.place or None}
            for label in explanation.labels
        ],
        "when": _json_part(explanation.when) if explanation.when else None,
        "deny" if rule.deny else "require": _json_part(explanation.condition),
        "next": _json_outlook(explanation.outlook),
    }


def _plain(value: object) -> object:
    return [plain(item) for item in value] if isinstance(value, tuple) else plain(value)


def _json_part(part: ExplainedCondition) -> dict[str, Any]:
    if isinstance(part.written, Group):
        members = [_json_part(member) for member in part.members]
        return {"kind": part.written.kind, "truth": part.truth, "members": members}
    return {
        "kind": "leaf",
        "truth": part.truth,
        "text": phrase(part.written),
        "where": str(part.written.where),
        "observed": [
            {"name": seen.name, "value": plain(seen.value), "state": seen.state} for seen in part.observed
        ],
        "unknown_because": part.why or None,
    }


def _json_outlook(outlook: VerdictForecast) -> dict[str, Any]:
    return {
        "at": instants.iso(outlook.at) if outlook.at else None,
        "verdict": outlook.verdict.value if outlook.verdict else None,
        "looked_until": instants.iso(outlook.until) if outlook.until else None,
    }
