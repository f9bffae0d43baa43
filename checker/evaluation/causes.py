"""Why the state of a finding is another one in a later run: which of the things that a verdict rests on did it.

Each factor is tried alone, by judging again: the old run with that one as the new run had it, and the new run with that
one as the old run had it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import reduce

from checker.evaluation.compile import CODES, tree
from checker.evaluation.engine import table
from checker.evaluation.finding_states import KEY, Way, state, who
from checker.model import Rule, RuleScope, Verdict
from checker.snapshot.writer import ROW
from checker.sql import Connection, Expression, Relation, case, col, false, func, lit, null, same

ENTRY = "entry"
"""The column with a rule's place among the entries."""
_NUMBER = "subject number"


class Factor(StrEnum):
    """Why a finding is not what it was. `severity` is that of the rule, `version` that of the image set, of which the one
    that failed was another; `first judged` is what nobody had judged then. `tool` is the program: judging a kept run again
    gives something else than it kept."""

    DATA = "data"
    POLICY = "policy"
    SEVERITY = "severity"
    WAIVER = "waiver"
    CLOCK = "clock"
    VERSION = "version"
    FIRST_JUDGED = "first judged"
    TOOL = "tool"


SWAPPED = (Factor.DATA, Factor.POLICY, Factor.WAIVER, Factor.CLOCK)
"""The factors that can be tried, by judging the other run's."""
Ways = Callable[[frozenset[Factor]], Way]
"""How the old run judged, with these factors as the new one had them."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A rule of either run, and the factors in which the runs differ for it."""

    name: str
    scope: RuleScope
    factors: frozenset[Factor]

    def rule(self, way: Way) -> Rule | None:
        """The rule as one way has it; None where it has none of this name and scope."""
        return next((item for item in way.rules if (item.name, item.scope) == (self.name, self.scope)), None)


def with_causes(
    connection: Connection,
    changes: Relation,
    ways: Ways,
    factors: frozenset[Factor],
    entries: Sequence[Entry],
) -> Relation:
    """The changes with the column `causes`: factors with commas between; none where no factor alone is one.

    Args:
        connection: a connection.
        changes: entries and subjects; with the states of judging both runs again in `was_again` and `now_again`, and
            those that the runs kept in `was` and `now`.
        ways: how to judge.
        factors: those in which the runs differ.
        entries: the rules of both runs.
    """
    columns = {frozenset[Factor](): "was_again", factors: "now_again"}
    for factor in _ordered(factors):
        for tried in (frozenset((factor,)), factors - {factor}):
            if tried not in columns:
                columns[tried] = f"again_{len(columns)}"
                changes = restated(connection, changes, ways(tried), entries, columns[tried])
    moved = _differs("was_again", "now_again")
    texts = [
        case(
            moved
            & (
                ~_differs(columns[frozenset((factor,))], "now_again")
                | ~_differs(columns[factors - {factor}], "was_again")
            ),
            lit(factor.value),
        )
        for factor in _ordered(factors)
    ]
    kept = _differs("was", "was_again") | _differs("now", "now_again")
    texts.append(case(kept, lit(Factor.TOOL.value)))
    again = set(columns.values()) - {"was_again", "now_again"}
    shown = [col(name) for name in changes.columns if name not in again]
    return changes.select(*shown, func("concat_ws", lit(","), *texts).alias("causes"))


def restated(
    connection: Connection,
    wanted: Relation,
    way: Way,
    entries: Sequence[Entry],
    column: str,
) -> Relation:
    """Entries and subjects with their state by some way of judging in one more column: null where the rule does not
    judge the subject."""
    asked = {row[0] for row in wanted.select(col(ENTRY)).distinct().fetchall()}
    rules = {index: rule for index in asked if (rule := entries[index].rule(way)) is not None}
    none = [index for index in asked if index not in rules]
    state_column = null("TINYINT").alias(column)
    rest = wanted.filter(_any(none)).select(*map(col, wanted.columns), state_column)
    parts = [rest]
    for scope in dict.fromkeys(rule.scope for rule in rules.values()):
        here = {index: rule for index, rule in rules.items() if rule.scope == scope}
        parts.append(_restated(connection, wanted.filter(_any(here)), way, here, column))
    tree(lambda left, right: left.union(right), parts).to_table(f"with_{column}")
    return connection.table(f"with_{column}")


def _restated(
    connection: Connection,
    wanted: Relation,
    way: Way,
    rules: Mapping[int, Rule],
    column: str,
) -> Relation:
    """As `restated`, of the rules of one scope, which judge the wanted subjects alone."""
    scope = next(iter(rules.values())).scope
    rows, aggregates = table(connection, way.folder, scope, rules.values(), way.as_of)
    subjects = wanted.select(*map(col, KEY)).distinct().set_alias("wanted")
    keys = [item.alias(f"k {name}") for name, item in who(scope).items() if name in KEY]
    keyed = rows.select(col(ROW).alias(_NUMBER), *keys).set_alias("keyed")
    numbers = keyed.join(subjects, same("keyed.k ", "wanted", KEY), how="semi").set_alias("numbers")
    joined = rows.set_alias("rows").join(numbers, f'rows."{ROW}" = numbers."{_NUMBER}"')
    judged = [state(rule, way, aggregates).alias(f"s{index}") for index, rule in rules.items()]
    known = joined.select(*(col(f"k {name}") for name in KEY), *judged).set_alias("known")
    beside = wanted.set_alias("wanted").join(known, same("wanted", "known.k ", KEY), how="left")
    first, *others = ((col(ENTRY) == lit(index), col(f"s{index}")) for index in rules)
    said = reduce(lambda case, branch: case.when(*branch), others, case(*first))
    return beside.select(*map(col, wanted.columns), said.cast("TINYINT").alias(column))


def _any(indexes: Iterable[int]) -> Expression:
    every = [lit(index) for index in indexes]
    return col(ENTRY).isin(*every) if every else false()


def _ordered(factors: frozenset[Factor]) -> list[Factor]:
    return [factor for factor in SWAPPED if factor in factors]


def _plain(column: str) -> Expression:
    """A state as far as findings go: where a rule does not apply, there is none as where it passes."""
    return case(col(column) == lit(CODES[Verdict.NOT_APPLICABLE]), lit(CODES[Verdict.PASS])).otherwise(
        col(column)
    )


def _differs(left: str, right: str) -> Expression:
    """Whether two states are different ones; null is one too: not judged."""
    expression, other = _plain(left), _plain(right)
    return case(expression.isnull() | other.isnull(), expression.isnull() != other.isnull()).otherwise(
        expression != other
    )
