"""What became of a finding since an earlier run, as a code: new, persisting, fixed, undecided; and why it is called so."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from checker.evaluation.condition_compiler import CODES
from checker.evaluation.finding_states import FOUND, WAIVED
from checker.evaluation.open_findings import CHANGE, DEFINITION
from checker.model import Category, ChangeNumbers, Factor, Severity, Verdict
from checker.sql import Expression, case, coalesce, col, false, func, lit

CATEGORY, CAUSES = CHANGE

_FINDING_CODES = (*FOUND, *(code + WAIVED for code in FOUND))

_FAIL, _UNKNOWN = CODES[Verdict.FAIL], CODES[Verdict.UNKNOWN]


def rank(category: Category) -> int:
    """The code of a category, which is its place in reports."""
    return list(Category).index(category)


def change_numbers(counts: Iterable[tuple[Severity, Category, int]]) -> ChangeNumbers:
    """Counts of findings added up by severity and category."""
    found: dict[Severity, Counter[Category]] = {}
    for severity, category, number in counts:
        found.setdefault(severity, Counter())[category] += number
    return ChangeNumbers(found)


def is_category(column: str | tuple[str, str], *categories: Category) -> Expression:
    """Whether a column, or one of a table, has the code of one of these."""
    where = col(column) if isinstance(column, str) else col(*column)
    return where.isin(*(lit(rank(category)) for category in categories))


def category_of(was: str, now: str, same_terms: Expression) -> Expression:
    """The code of what became of a finding.

    Args:
        was: the column of the earlier state.
        now: the column of the present state; of the two at least one is a finding.
        same_terms: whether a fail is of the same version, by the same definition of its rule and at no higher severity than
            then: else it is another finding, and new.
    """
    failed, fails = _is(was, _FAIL), _is(now, _FAIL)
    unknown, both = _is(now, _UNKNOWN), (failed & fails) | (_is(was, _UNKNOWN) & _is(now, _UNKNOWN))
    was_waived, is_waived = (
        _in(item, [code for code in _FINDING_CODES if code >= WAIVED]) for item in (was, now)
    )
    cases = [
        (col(now).isnull(), Category.NOT_JUDGED),
        (unknown & failed, Category.UNDECIDED),
        # what a waiver covers from its first day on is no news to anybody
        (is_waived & ~(both & was_waived), Category.WAIVED),
        (both & is_waived, Category.PERSISTING),
        (both & ~was_waived & (unknown | same_terms), Category.PERSISTING),
        (fails | unknown, Category.NEW),
        (failed, Category.FIXED),
    ]
    first, *rest = ((test, lit(rank(word))) for test, word in cases)
    category = case(*first)
    for test, code in rest:
        category = category.when(test, code)
    return category.otherwise(lit(rank(Category.DECIDED))).cast("TINYINT")


def has_same_terms() -> Expression:
    """Whether the terms of now are those of then, in columns after `was_`: the version, the definition of the rule, and a
    severity that is no higher."""
    return ~_other_version() & ~_other_rule() & ~_graver()


def other_terms() -> Expression:
    """Which of its terms make a fail that was there another finding, as text: `policy,severity`."""
    causes = [
        (_in("was", [code + WAIVED for code in FOUND]), Factor.WAIVER),
        (_other_rule(), Factor.POLICY),
        (_graver(), Factor.SEVERITY),
        (_other_version(), Factor.VERSION),
    ]
    named = (case(test, lit(factor.value)) for test, factor in causes)
    return func("concat_ws", lit(","), *named)


def verdict_changed() -> Expression:
    """Whether a verdict is another one than then, so that judging again says why: it was judged on both sides, and is a
    finding on one."""
    none_then = col("was").isnotnull() & ~_in("was", _FINDING_CODES)
    return (is_category(CATEGORY, Category.NEW) & none_then) | is_category(
        CATEGORY, Category.FIXED, Category.DECIDED
    )


def stated_causes(has_rule: Expression) -> Expression:
    """Why each is what it is called, where no judging says so; `has_rule` is whether the later run has the rule."""
    told = coalesce(col("was_judged_before"), false())
    came_out = _is("was", _UNKNOWN) & _is("now", _FAIL)
    first_judged = (col("was").isnull() & ~col("looked_at")) | (came_out & ~told)
    not_judged = is_category(CATEGORY, Category.NOT_JUDGED)
    cause = case(is_category(CATEGORY, Category.PERSISTING), lit(""))
    cause = cause.when(not_judged & ~has_rule, lit(Factor.POLICY.value))
    cause = cause.when(not_judged | is_category(CATEGORY, Category.UNDECIDED), lit(Factor.DATA.value))
    cause = cause.when(is_category(CATEGORY, Category.WAIVED), lit(Factor.WAIVER.value))
    cause = cause.when(first_judged, lit(Factor.FIRST_JUDGED.value))
    return cause.when(col("was").isnull() | came_out, lit(Factor.DATA.value)).otherwise(other_terms())


def _other_version() -> Expression:
    return coalesce(col("versionId"), lit(0)) != coalesce(col("was_versionId"), lit(0))


def _other_rule() -> Expression:
    return coalesce(col(DEFINITION) != col(f"was_{DEFINITION}"), false())


def _graver() -> Expression:
    words = func("list_value", *(lit(severity.value) for severity in Severity))
    now, then = (func("list_position", words, col(name)) for name in ("severity", "was_severity"))
    return coalesce(now > then, false())


def _is(column: str, code: int) -> Expression:
    return _in(column, (code, code + WAIVED))


def _in(column: str, codes: Sequence[int]) -> Expression:
    return coalesce(col(column).isin(*map(lit, codes)), false())
