"""Rows of Parquet to findings, with their messages."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from checker.evaluation.finding_order import GateTerms
from checker.evaluation.provenance import BETWEEN
from checker.evaluation.scope_tables import SUBJECT
from checker.model import (
    Category,
    Duration,
    Field,
    Finding,
    Gap,
    Numbers,
    Rule,
    RuleScope,
    Source,
    Subject,
    Type,
    Verdict,
    Waiver,
)
from checker.policy.aggregates import aggregates
from checker.policy.messages import render_message, shown_params
from checker.snapshot.records import NOT_FOUND
from checker.values import parse_time, show

Waivers = Mapping[int, Waiver]
"""The waivers of a run by number."""

NO_WAIVERS: Waivers = MappingProxyType({})

_VERDICTS = {verdict.value: verdict for verdict in Verdict}
REDACTED = "(redacted)"
"""What is shown in the place of data of patients."""


class Reader:
    """Rows to findings of one rule; unless `phi`, without data of patients."""

    def __init__(
        self,
        rule: Rule,
        gate: GateTerms,
        waivers: Waivers = NO_WAIVERS,
        *,
        phi: bool = False,
        run: str | None = None,
    ) -> None:
        self.rule = rule
        self.run = run
        self.phi = phi
        self.gate = gate
        self.waivers = waivers
        self.counted = aggregates(rule.when, rule.condition)
        shown = (field for field in (*rule.fields, *rule.message_fields) if field.path not in self.counted)
        self.fields = {field.path: self.value(field) for field in shown}
        self.params = shown_params(rule.message_params)
        # what only the message shows is no part of what the rule judged by
        self.observed = [*(field.path for field in rule.fields), *self.counted]

    def finding(self, row: tuple[Any, ...]) -> Finding:
        who = Subject(*row[: len(SUBJECT)])
        word, reason, fields, waiver, lapsed, *more = row[len(SUBJECT) :]
        unread, change, causes, first_at, first_run, arn, *answers = more
        judged = _VERDICTS[word]
        shown = self.values(json.loads(fields))
        if unread:
            shown |= dict.fromkeys(unread.splitlines(), Gap.NOT_RECEIVED)
        observed = {name: shown[name] for name in self.observed}
        if judged is not Verdict.FAIL:
            message = _unknown(reason, self.rule.scope, who)
        elif self.rule.message:
            message = render_message(self.rule.message, {**_briefly(shown), **self.params})
        else:
            message = _default(observed)
        waived = waiver is not None
        became = Category(change) if change else None
        new = None if became is None else became is Category.NEW
        gated = self.gate.counts(judged, self.rule.severity, waived=waived, new=new)
        named = self.waivers.get(waiver if waived else lapsed)
        return Finding(
            self.rule,
            who,
            judged,
            reason,
            observed,
            message,
            gated,
            waived,
            named,
            became,
            tuple(causes.split(",")) if causes else (),
            *_rests_on(*answers),
            first_at.replace(tzinfo=UTC) if first_at else None,
            first_run or (self.run if first_at else None),
            arn,
        )

    def values(self, raw: Mapping[str, Any]) -> dict[str, object]:
        values: dict[str, object] = {
            path: None if (found := raw[path]) is None else value(found) if value else found
            for path, value in self.fields.items()
        }
        for name, aggregate in self.counted.items():
            numbers = raw[name]
            values[name] = Numbers(aggregate.kind, **{**numbers, "examples": tuple(numbers["examples"])})
        return values

    def value(self, field: Field) -> Callable[[Any], object] | None:
        """What a field's values are made with from JSON; None where they stay as they are."""
        if field.source is Source.DICOM and not self.phi:
            return lambda _: REDACTED
        if field.type is Type.TIME:
            return _day if field.day else parse_time
        return _duration if field.type is Type.DURATION else None


def _rests_on(
    calls: str | None = None, collected: datetime | None = None, run: str | None = None
) -> tuple[tuple[str, ...], datetime | None, str | None]:
    """What a finding rests on, of what its columns say."""
    named = tuple(calls.split(BETWEEN)) if calls else ()
    # to the second: a page of 100,000 findings has no room for more, and every report says the same
    return named, collected.replace(microsecond=0, tzinfo=UTC) if collected else None, run


def _briefly(shown: Mapping[str, object]) -> dict[str, object]:
    return {name: value.brief if isinstance(value, Numbers) else value for name, value in shown.items()}


def _day(raw: str) -> str:
    return parse_time(raw).date().isoformat()


def _duration(raw: Mapping[str, int]) -> Duration:
    return Duration(**raw)


def _default(observed: Mapping[str, object]) -> str:
    return ", ".join(f"{path} {_said(value)}" for path, value in observed.items())


def _said(value: object) -> str:
    if value is Gap.NOT_RECEIVED:
        return "was not received"
    return "is absent" if value is None else f"is {show(value)}"


def _unknown(reason: str, scope: RuleScope, who: Subject) -> str:
    if scope != "datastore" and who.image_set_id is None and " " not in reason:
        return f"could not find out: not every image set could be found ({reason})"
    what = {"image_set": "image set", "version": "list of versions", "datastore": "data store"}[scope]
    if reason == NOT_FOUND:
        return f"could not find out: the image set is not there ({reason})"
    if " " in reason:
        return f"could not find out: {reason}"
    return f"could not find out: the {what} could not be read ({reason})"
