"""Why a rule judges a subject as it does: every part of its condition with its truth and what it read.

All of it comes from the expressions that judge: a second evaluator could say something else.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from checker.evaluation.condition_compiler import CODES, Columns, Compiler
from checker.evaluation.engine import details, fields_json, table
from checker.evaluation.field_expressions import is_absent, is_received, text_value
from checker.evaluation.finding_reader import EVERY, NOTHING_EARLIER
from checker.evaluation.finding_rows import Reader
from checker.evaluation.provenance import ANSWERS, ReadFields, rests_on
from checker.evaluation.scope_tables import SUBJECT
from checker.evaluation.subject_lookup import find
from checker.evaluation.target_rows import OF_TARGET, row_reason, row_verdict
from checker.evaluation.verdict_forecast import VerdictForecast, verdict_forecast
from checker.fields import NOW, SUPERSEDED_BY
from checker.model import (
    Aggregate,
    Condition,
    Field,
    Finding,
    Group,
    Leaf,
    Rule,
    Scalar,
    Source,
    Subject,
    Verdict,
)
from checker.policy.aggregates import aggregates
from checker.policy.condition_tree import fields_of
from checker.policy.parameter_values import bound_values
from checker.snapshot.columns import map_value
from checker.snapshot.writer import ERROR_CODE, LABEL_PLACES, ROW, connect
from checker.sql import Connection, Expression, Relation, case, col, lit, null

State = Literal["there", "none", "absent", "not received"]


@dataclass(frozen=True, slots=True)
class Observed:
    """A value that was read. Without one, `state` says whether there is definitely none, whether an answer that was
    received leaves it out, or whether no answer was received."""

    name: str
    value: object
    state: State


@dataclass(frozen=True, slots=True)
class ExplainedCondition:
    """A part of a condition as the policy has it, with its truth: None where that is unknown.

    `members` are those of a group; `observed` is what a leaf or an aggregate read, and `why` why it is unknown.
    """

    written: Condition
    truth: bool | None
    members: tuple[ExplainedCondition, ...] = ()
    observed: tuple[Observed, ...] = ()
    why: str = ""


@dataclass(frozen=True, slots=True)
class LabelRead:
    """A label that the rule read, with the place it was given at: `file:line`, empty where that is not known."""

    name: str
    value: object
    place: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """A verdict and all that led to it. `rule` has its parameters bound, `params` are their values; `finding` is there
    for a fail and an unknown; `when` where the rule has one. `together`: reports have the unknown once for the target, with
    its other image sets of which the rule cannot tell for the same reason. `unread`: the code of the error, where the image
    set, or the list of its versions, could not be read; empty otherwise."""

    rule: Rule
    subject: Subject
    as_of: datetime
    verdict: Verdict
    finding: Finding | None
    params: Mapping[str, Scalar | tuple[Scalar, ...]]
    when: ExplainedCondition | None
    condition: ExplainedCondition
    labels: tuple[LabelRead, ...]
    outlook: VerdictForecast
    together: bool = False
    unread: str = ""


def explain(
    written: Rule,
    rule: Rule,
    folder: Path,
    wanted: str,
    *,
    as_of: datetime,
    targets: Sequence[str] = (),
    phi: bool = False,
) -> tuple[Explanation, ...]:
    """The verdicts of a rule on what `wanted` names, by version.

    Args:
        written: the rule as its policy has it.
        rule: the same one with its parameters bound.
        folder: a folder that `write_snapshot` filled with what the rule needs.
        wanted: the id of an image set, `ID@vN` for a version of it, either one after `TARGET/`; a target's name, where
            the rule judges data stores, or for what is to be said of the image sets that a search may not have listed.
        as_of: the instant against which ages are measured.
        targets: patterns of the names of targets to look in; all of them unless given.
        phi: whether to show data of patients.

    Raises:
        InvalidInputError: it is not among the evidence, or several things are called so.
    """
    with connect() as connection:
        rows, columns = table(connection, folder, rule.scope, [rule], as_of)
        numbers = find(rows, rule, wanted, targets, row_verdict(rule, as_of, columns, each=True))
        explainer = _Explainer(written, rule, as_of, columns, phi=phi)
        return tuple(explainer.row(connection, folder, rows, number) for number in numbers)


class _Explainer:
    """One rule, to be explained on several rows."""

    def __init__(
        self, written: Rule, rule: Rule, as_of: datetime, columns: Columns, *, phi: bool = False
    ) -> None:
        self.written, self.rule, self.phi = written, rule, phi
        self.as_of, self.columns = as_of, columns
        self.compiler = Compiler(as_of, columns)
        self.names = {item: name for name, item in aggregates(rule.when, rule.condition).items()}

    def row(self, connection: Connection, folder: Path, rows: Relation, number: int) -> Explanation:
        rule = self.rule
        code = row_verdict(rule, self.as_of, self.columns, each=True)
        alone = row_verdict(rule, self.as_of, self.columns).isnull()
        labels = _labels(rule)
        conditions = [condition for condition in (rule.when, rule.condition) if condition]
        columns = [*details(rule, code, self.as_of, self.columns), fields_json(rule, self.columns)]
        columns += [*rests_on(ReadFields.by(rule), self.columns), alone, _unread(rule)]
        columns += [part for name in labels for part in (col(name), _place(name))]
        columns += [part for condition in conditions for part in self.expressions(condition)]
        named = [column.alias(f"c{index}") for index, column in enumerate(columns)]
        found = iter(rows.filter(col(ROW) == lit(number)).select(*named).fetchall()[0])
        who = tuple(next(found) for _ in SUBJECT)
        said, why, fields = list(CODES)[next(found)], next(found), next(found)
        answers = [next(found) for _ in ANSWERS]
        together, unread = next(found), next(found)
        reader = Reader(rule, EVERY, phi=self.phi)
        values = reader.values(json.loads(fields))
        read = [(name, next(found), next(found)) for name in labels]
        when = (
            self.part(self.written.when, rule.when, found, values)
            if self.written.when and rule.when
            else None
        )
        return Explanation(
            rule,
            Subject(*who),
            self.as_of,
            said,
            reader.finding((*who, said, why, fields, None, None, None, *NOTHING_EARLIER, *answers))
            if said in (Verdict.FAIL, Verdict.UNKNOWN)
            else None,
            bound_values(self.written, rule),
            when,
            self.part(self.written.condition, rule.condition, found, values),
            tuple(LabelRead(name, values.get(name, text), place or "") for name, text, place in read),
            verdict_forecast(connection, folder, rule, number, as_of=self.as_of, now=said),
            together,
            unread or "",
        )

    def expressions(self, condition: Condition) -> Iterator[Expression]:
        """What `part` takes, in its order."""
        yield self.compiler.condition(condition)
        if isinstance(condition, Group):
            for member in condition.members:
                yield from self.expressions(member)
            return
        alone = replace(self.rule, when=None, condition=condition, fields=tuple(fields_of(condition)))
        yield row_reason(alone, self.as_of, self.columns)
        yield from (_state(field) for field in dict.fromkeys(fields_of(condition)))

    def part(
        self, written: Condition, condition: Condition, found: Iterator[Any], values: Mapping[str, object]
    ) -> ExplainedCondition:
        truth = next(found)
        if isinstance(condition, Group):
            assert isinstance(written, Group)
            pairs = zip(written.members, condition.members, strict=True)
            return ExplainedCondition(
                written, truth, tuple(self.part(*pair, found, values) for pair in pairs)
            )
        why = next(found)
        if isinstance(condition, Aggregate):
            name = self.names[condition]
            observed = [Observed(name, values[name], "there")]
        else:
            fields = dict.fromkeys(fields_of(condition))
            observed = [Observed(field.path, values[field.path], next(found)) for field in fields]
            if _names_now(condition):
                observed.append(Observed(NOW.path, self.as_of, "there"))
        return ExplainedCondition(written, truth, (), tuple(observed), why if truth is None else "")


def _names_now(leaf: Leaf) -> bool:
    values = [test.value if isinstance(test.value, tuple) else (test.value,) for test in leaf.tests]
    return NOW in (leaf.operand.left, leaf.operand.right) or any(NOW in several for several in values)


def _state(field: Field) -> Expression:
    state = case(text_value(field).isnotnull(), lit("there"))
    none = is_absent(field)
    if none is not None:
        state = state.when(is_received(field) & none, lit("none"))
    return state.when(is_received(field), lit("absent")).otherwise(lit("not received"))


def _unread(rule: Rule) -> Expression:
    """The error of the row of an image set that could not be read."""
    if rule.scope == "datastore":
        return null("VARCHAR")
    return case(~OF_TARGET & col("found").isnull(), col(ERROR_CODE))


def _labels(rule: Rule) -> list[str]:
    """The columns of the labels that a rule read of its subject; a successor is found by one."""
    if rule.scope == "datastore":
        return []
    fields = [field for part in (rule.when, rule.condition) for field in fields_of(part)]
    names = [
        f"labels.{SUPERSEDED_BY}" if field.source is Source.SUCCESSOR else field.path
        for field in fields
        if field.source is Source.SUCCESSOR or field.path.startswith("labels.")
    ]
    return list(dict.fromkeys(names))


def _place(label: str) -> Expression:
    return map_value(LABEL_PLACES, label.removeprefix("labels."))


def explained_leaves(part: ExplainedCondition) -> Iterator[ExplainedCondition]:
    """The leaves and aggregates of an explained condition."""
    if isinstance(part.written, Group):
        for member in part.members:
            yield from explained_leaves(member)
    else:
        yield part
