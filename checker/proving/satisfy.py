"""Rules that can never fail, or never pass, and parts of them that can never hold: proved by trying every kind of answer
that the rule can tell apart. What was not proved is not said.
"""

from __future__ import annotations

import operator
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from duckdb import ConstantExpression as Constant
from duckdb import DuckDBPyRelation, Expression
from duckdb import FunctionExpression as Function

from checker.evaluation.compile import CODES, Columns, Compiler, tree, verdict
from checker.evidence.snapshot import connect
from checker.model import Aggregate, Condition, Field, Group, Leaf, Pack, Rule, Verdict
from checker.policy.cases import AS_OF
from checker.policy.params import bind
from checker.policy.tree import fields_of, walk
from checker.problems import InvalidInputError, Problem
from checker.proving.cases import Group as Values
from checker.proving.moves import shown
from checker.proving.mutants import place
from checker.proving.trial import Trial, hints

TOGETHER = "no answer meets them all"


def bound(pack: Pack, rule: Rule) -> Rule | None:
    """The rule with the defaults of its parameters; None where one has none, so that nothing can be said."""
    values = Values(
        AS_OF, {name: param.default for name, param in {**pack.params, **rule.params}.items()}, ()
    )
    if values.missing(rule):
        return None
    try:
        return bind(rule, values.bound(rule))
    except InvalidInputError:
        return None


def impossible(pack: Pack, rule: Rule) -> list[Problem]:
    """What of a rule can never be, as warnings."""
    ready = bound(pack, rule)
    if ready is None:
        return []
    with connect() as connection:
        trial = Trial(connection, [ready], AS_OF, hints([rule]))
        problems = list(_Checked(ready, trial).problems())
    if problems and any(
        param.default is not None for param in (*pack.params.values(), *rule.params.values())
    ):
        return [_with_defaults(one, rule, ready) for one in problems]
    return problems


def _with_defaults(problem: Problem, rule: Rule, ready: Rule) -> Problem:
    if (rule.when, rule.condition) == (ready.when, ready.condition):
        return problem
    hint = (
        f"{problem.hint}; with the defaults of its parameters"
        if problem.hint
        else "with the defaults of its parameters"
    )
    return Problem(problem.where, problem.message, hint, warning=True)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where conditions are tried."""

    rows: DuckDBPyRelation
    compiler: Compiler

    def ever(self, truths: Sequence[Expression]) -> list[bool]:
        """For each expression whether some answer makes it true."""
        if not truths:
            return []
        counters = [Function("bool_or", truth).alias(f"e{at}") for at, truth in enumerate(truths)]
        return [bool(one) for one in self.rows.aggregate(counters).fetchall()[0]]


class _Checked:
    """One rule on its answers."""

    def __init__(self, rule: Rule, trial: Trial) -> None:
        self.rule = rule
        self.trial = trial
        columns: Columns = trial.columns
        self.place = _Place(trial.rows, Compiler(AS_OF, columns))
        self.code = verdict(rule, AS_OF, columns)

    def problems(self) -> Iterator[Problem]:
        """What can never be, the rule as a whole before its parts."""
        rule, of = self.rule, self.place.compiler.condition
        yield from self._inner()
        word = "deny" if rule.deny else "require"
        condition = of(rule.condition)
        when = of(rule.when) if rule.when is not None else None
        truths = [
            condition, ~condition, self._is(Verdict.FAIL), self._is(Verdict.PASS), condition.isnotnull() if when is None else when,
        ]  # fmt: skip
        holds, breaks, fails, passes, applies = self.place.ever(truths)
        own, every = tuple(fields_of(rule.condition)), (*fields_of(rule.when), *fields_of(rule.condition))
        if rule.when is not None and not applies and self._proves(fields_of(rule.when)):
            yield self._whole(rule.when, "never applies: `when` can never hold", self._why(rule.when, None))
        elif not holds and self._proves(own):
            what = "fail" if rule.deny else "pass where it applies"
            text = f"can never {what}: the condition of `{word}` can never hold"
            yield self._whole(rule.condition, text, self._why(rule.condition, None))
        elif not breaks and self._proves(own):
            what = "pass where it applies" if rule.deny else "fail"
            yield self._whole(
                rule.condition, f"can never {what}: the condition of `{word}` is never false", ""
            )
        elif not fails and self._proves(every):
            text = f"can never fail: where `when` holds, the condition of `{word}` never {'does' if rule.deny else 'is false'}"
            yield self._whole(rule.condition, text, self._why(rule.condition, rule.when))
        elif not passes and self._proves(every):
            yield self._whole(rule.condition, "can never pass", "no answer of any kind passes")
        else:
            yield from self._parts(rule.when, None)
            yield from self._parts(rule.condition, rule.when)

    def _is(self, wanted: Verdict) -> Expression:
        return self.code == Constant(CODES[wanted])

    def _proves(self, read: Iterator[Field] | Sequence[Field]) -> bool:
        return self.trial.proves(tuple(read))

    def _whole(self, where: Condition, text: str, why: str) -> Problem:
        return Problem(place(where), f"the rule {self.rule.id} {text}", why, warning=True)

    def _why(self, condition: Condition, beside: Condition | None) -> str:
        """Two entries of a condition that no answer meets at once, or that they are more."""
        members = [one for part in (beside, condition) if part is not None for one in _entries(part)]
        if len(members) == 1:
            return f"no answer meets `{written(members[0])}`"
        of = self.place.compiler.condition
        pairs = list(combinations(members, 2))
        single = self.place.ever([of(one) for one in members])
        for one, met in zip(members, single, strict=True):
            if not met:
                return f"no answer meets `{written(one)}`"
        for (one, other), met in zip(pairs, self.place.ever([of(a) & of(b) for a, b in pairs]), strict=True):
            if not met:
                return f"no answer meets both `{written(one)}` and `{written(other)}`"
        return TOGETHER

    def _parts(self, condition: Condition | None, beside: Condition | None) -> Iterator[Problem]:
        """Entries of `any` and `none` that can never hold where the rest of the rule does."""
        found = list(_alternatives(condition, () if beside is None else (beside,)))
        of = self.place.compiler.condition
        truths = [
            tree(operator.and_, [of(one) for one in (member, *context)]) for member, context, _ in found
        ]
        for (member, context, kind), met in zip(found, self.place.ever(truths), strict=True):
            read = [field for part in (member, *context) for field in fields_of(part)]
            if not met and self._proves(read):
                rest = tree_of(context)
                why = self._why(member, rest)
                text = f"the rule {self.rule.id}: an entry of `{kind}` can never hold"
                yield Problem(place(member), text + (" beside the rest" if rest else ""), why, warning=True)

    def _inner(self) -> Iterator[Problem]:
        """`of` and `among` of aggregates that can never hold of an image set."""
        grid = self.trial.inner
        if grid is None:
            return
        where = _Place(grid.rows, Compiler(AS_OF))
        for leaf in (*walk(self.rule.when), *walk(self.rule.condition)):
            if not isinstance(leaf, Aggregate):
                continue
            for name, part in (("among", leaf.among), ("of", leaf.of)):
                if part is None or not grid.proves(tuple(fields_of(part))):
                    continue
                if not where.ever([where.compiler.condition(part)])[0]:
                    text = f"the rule {self.rule.id}: `{name}` of `{leaf.kind}` can never hold"
                    yield Problem(place(part), text, "no image set meets it", warning=True)


def tree_of(context: Sequence[Condition]) -> Condition | None:
    """The conditions as one; None where there are none."""
    return None if not context else context[0] if len(context) == 1 else Group("all", tuple(context))


def _entries(condition: Condition) -> list[Condition]:
    if isinstance(condition, Group) and condition.kind == "all":
        return [entry for member in condition.members for entry in _entries(member)]
    return [condition]


def _alternatives(
    condition: Condition | None, context: tuple[Condition, ...]
) -> Iterator[tuple[Condition, tuple[Condition, ...], str]]:
    """Members of `any` and `none`, each with what holds beside it."""
    if not isinstance(condition, Group):
        return
    for at, member in enumerate(condition.members):
        rest = condition.members[:at] + condition.members[at + 1 :] if condition.kind == "all" else ()
        if condition.kind != "all" and len(condition.members) > 1:
            yield member, context, condition.kind
        yield from _alternatives(member, (*context, *rest))


def written(condition: Condition) -> str:
    """A condition as a policy writes it, shortened."""
    if isinstance(condition, Group):
        return f"{condition.kind}: [{', '.join(written(member) for member in condition.members)}]"
    name = str(condition.operand) if isinstance(condition, Leaf) else condition.kind
    if len(condition.tests) == 1 and condition.tests[0].operator == "eq" and isinstance(condition, Leaf):
        return f"{name}: {shown(condition.tests[0].value)}"
    return f"{name}: {{{', '.join(f'{test.operator}: {shown(test.value)}' for test in condition.tests)}}}"
