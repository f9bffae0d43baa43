"""Why the state of a finding is another one in a later run: which of the things that a verdict rests on did it.

Each factor is tried alone, by judging again: the old run with that one as the new run had it, and the new run with that
one as the old run had it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from checker.evaluation.condition_compiler import CODES
from checker.evaluation.finding_states import ComparedRule, EvaluationTerms, with_state
from checker.model import Factor, Verdict
from checker.sql import Connection, Expression, Relation, case, col, func, lit

SWAPPED = (Factor.DATA, Factor.POLICY, Factor.WAIVER, Factor.CLOCK)
"""The factors that can be tried, by judging the other run's."""
Ways = Callable[[frozenset[Factor]], EvaluationTerms]
"""How the old run judged, with these factors as the new one had them."""


def with_causes(
    connection: Connection,
    changes: Relation,
    ways: Ways,
    factors: frozenset[Factor],
    entries: Sequence[ComparedRule],
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
                changes = with_state(connection, changes, ways(tried), entries, columns[tried])
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
