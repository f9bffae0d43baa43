"""The verdicts that rules give on what tests describe."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from checker.evaluation.compile import Columns, verdict
from checker.model import Rule, Verdict
from checker.policytest.case_records import target, wanted
from checker.policytest.cases import Group
from checker.sql import Relation, col, lit


def verdicts(
    rows: Relation, columns: Columns, rule: Rule, judges: Mapping[int, Rule], group: Group
) -> Iterator[tuple[int, dict[int, Verdict]]]:
    """Each test's index, with the verdict of every judge.

    Args:
        rows: what the tests describe.
        columns: those of the judges' aggregates.
        rule: the rule whose tests they are.
        judges: rules with bound parameters, by a number.
        group: the tests.
    """
    codes = [verdict(item, group.as_of, columns).alias(f"v{at}") for at, item in enumerate(judges.values())]
    version = col("versionId") if rule.scope == "version" else lit(None)
    read = rows.select(col("target"), col("imageSetId"), version.alias("version"), *codes).fetchall()
    by_subject = {tuple(row[:3]): row[3:] for row in read}
    words = list(Verdict)
    for index in group.cases:
        got = by_subject[(target(index), *wanted(rule.tests[index], index, rule.scope))]
        yield index, {at: words[code] for at, code in zip(judges, got, strict=True)}
