"""Packs and targets that seem to have another name now: their findings would be new without a word of what they were."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from checker.evaluation.open_findings import JUDGED, read_open_findings
from checker.model import Rule, Verdict
from checker.snapshot.columns import REFERENCE, connect, read_lines
from checker.sql import col, lit

LATER = "until then its findings are new"


def renaming_notes(prior: Path, rules: Sequence[Rule], records: Path) -> tuple[str, ...]:
    """A note for each pack and target that earlier runs had, this one has not, and a new one looks like. It is said once:
    the next run knows the new name.

    Args:
        prior: the findings that were open before the run.
        rules: the rules of the run.
        records: the records of the run.
    """
    with connect() as connection:
        rows = read_open_findings(connection, prior)
        judged = rows.filter(col("verdict") == lit(JUDGED))
        marks = judged.select(*map(col, ("rule", "target", "judged_run", "judged_at"))).fetchall()
        fails = rows.filter(col("verdict") == lit(Verdict.FAIL.value))
        found = fails.aggregate("rule, target, count(*)").fetchall()
        stores = fails.select(*map(col, ("target", "datastoreId"))).distinct().fetchall()
        lines = read_lines(connection, records, REFERENCE)
        here = lines.select(*map(col, ("target", "datastoreId"))).distinct().fetchall()
    last = {
        name: run
        for rule, target, run, _ in sorted(marks, key=lambda mark: mark[3])
        for name in (_pack(rule), target)
    }
    numbers: Counter[str] = Counter()
    for rule, target, number in found:
        numbers[f"pack {_pack(rule)}"] += number
        numbers[f"target {target}"] += number
    packs = _pairs(
        _sets((_pack(rule), _id(rule)) for rule, *_ in marks), _sets((item.pack, item.id) for item in rules)
    )
    targets = _pairs(
        _sets(stores) | {target: frozenset() for _, target, *_ in marks} | _sets(stores), _sets(here)
    )
    return tuple(
        _note(kind, old, new, numbers[f"{kind} {old}"], last[old])
        for kind, pairs in (("pack", packs), ("target", targets))
        for old, new in pairs
        if numbers[f"{kind} {old}"]
    )


def _note(kind: str, old: str, new: str, number: int, run: str) -> str:
    findings = "1 finding" if number == 1 else f"{number:,} findings"
    return (
        f"{findings} of the {kind} {old}, last judged in run {run}: there is no {kind} of that name any more, and {new} is "
        f"new. If it is that one under another name, write `renamed: {{{kind}s: {{{new}: {old}}}}}` into audit.yaml; {LATER}."
    )


def _pairs(
    then: Mapping[str, frozenset[str]], now: Mapping[str, frozenset[str]]
) -> Iterator[tuple[str, str]]:
    """What is gone and what is new, where the two have something in common."""
    for new in sorted(now.keys() - then.keys()):
        for old in sorted(then.keys() - now.keys()):
            if then[old] & now[new]:
                yield old, new


def _sets(pairs: Iterator[tuple[str, str]] | Sequence[tuple[str, str]]) -> dict[str, frozenset[str]]:
    found: dict[str, frozenset[str]] = {}
    for name, item in pairs:
        found[name] = found.get(name, frozenset()) | {item}
    return found


def _pack(rule: str) -> str:
    return rule.partition("/")[0]


def _id(rule: str) -> str:
    return rule.partition("/")[2]
