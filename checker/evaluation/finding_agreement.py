"""Whether findings that a run kept are those that its evidence gives."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from checker.evaluation.open_findings import CHANGE, FIRST, IDENTITY, with_identity
from checker.evaluation.scope_tables import SUBJECT
from checker.layout import FINDINGS
from checker.model import Subject
from checker.snapshot.writer import connect, duckdb_path
from checker.sql import Relation, col, same

MOST = 50
"""Findings that are named; all of them are counted."""
_SAID = ("verdict", "reason", "fields", "severity", "waiver", "lapsed", *CHANGE, *FIRST)
_WHO = (*SUBJECT, "rule")


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A finding that was kept otherwise than the evidence gives it: the verdicts, None where there is no such finding."""

    rule: str
    subject: Subject
    kept: str | None
    now: str | None
    what: str
    """What differs, where the verdicts do not: `reason, fields`."""


def disagreements(kept: Path, now: Path) -> tuple[int, list[Disagreement]]:
    """How many findings differ between two folders, and the first of them.

    Args:
        kept: the folder with the findings that a run kept.
        now: the folder with those that its evidence gives.
    """
    with connect() as connection:
        sides = [
            with_identity(connection.read_parquet(duckdb_path(folder / FINDINGS))) for folder in (kept, now)
        ]
        before, after = (_named(side, name) for side, name in zip(sides, ("before", "after"), strict=True))
        rows = before.join(after, same("before.before ", "after.after ", IDENTITY), how="outer")
        differs = " OR ".join(f'"before {name}" IS DISTINCT FROM "after {name}"' for name in _SAID)
        found = rows.filter(differs)
        total = found.aggregate("count(*)").fetchall()[0][0]
        names = [f"{side} {name}" for side in ("before", "after") for name in (*_WHO, *_SAID)]
        first = found.select(*map(col, names)).order(", ".join(f'"{name}"' for name in names[:8])).limit(MOST)
        return total, [_differs(row) for row in first.fetchall()]


def _named(rows: Relation, side: str) -> Relation:
    names = dict.fromkeys((*_WHO, *_SAID, *IDENTITY))
    return rows.select(*(col(name).alias(f"{side} {name}") for name in names)).set_alias(side)


def _differs(row: tuple[object, ...]) -> Disagreement:
    half = len(row) // 2
    before, after = row[:half], row[half:]
    who = before if before[len(SUBJECT)] is not None else after
    verdict = len(_WHO)
    what = [name for at, name in enumerate(_SAID, start=verdict) if before[at] != after[at]]
    return Disagreement(
        str(who[len(SUBJECT)]),
        Subject(*who[: len(SUBJECT)]),  # type: ignore[arg-type]
        _text(before[verdict]),
        _text(after[verdict]),
        "" if before[verdict] != after[verdict] else ", ".join(what),
    )


def _text(value: object) -> str | None:
    return None if value is None else str(value)
