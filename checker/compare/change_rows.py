"""The changes of a comparison, read back from its file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC
from pathlib import Path
from typing import Any

from checker.compare.pairing import SLICE
from checker.evaluation.finding_states import ENTRY
from checker.evaluation.open_findings import FIRST
from checker.evaluation.scope_tables import SUBJECT
from checker.model import Subject
from checker.snapshot.writer import connect, duckdb_path
from checker.sql import col, lit


def rows(path: Path, first: int, last: int) -> Iterator[dict[str, Any]]:
    """The changes that `compare` wrote, in order, after the `first` up to the `last`: the entry, the subject, the codes of the category and of the states, the
    causes as text; and of the new run's finding, else the old one's, the verdict, the reason and the fields as JSON."""
    names = (ENTRY, *SUBJECT, "category", "was", "now", "causes", "flapping")
    sides = [f"{side}_{name}" for side in ("new", "old") for name in ("verdict", "reason", "fields")]
    sides += [f"{side}_{name}" for side in ("new", "open") for name in FIRST]
    with connect() as connection:
        changes = connection.read_parquet(duckdb_path(path))
        for start in range(first, last, SLICE):
            here = (col("n") > lit(start)) & (col("n") <= lit(min(start + SLICE, last)))
            part = changes.filter(here).order("n").select(*map(col, (*names, *sides)))
            for values in part.fetchall():
                row = dict(zip((*names, *sides), values, strict=True))
                side = "new" if row["new_fields"] is not None else "old"
                yield {
                    **{name: row[name] for name in (ENTRY, "category", "was", "now", "causes", "flapping")},
                    "subject": Subject(*(row[name] for name in SUBJECT)),
                    **{name: row[f"{side}_{name}"] for name in ("verdict", "reason", "fields")},
                    **_first(row),
                }


def _first(row: Mapping[str, Any]) -> dict[str, Any]:
    """Since when it is, or was, a finding: by the new run, else by what was open before."""
    side = "new" if row["new_first_at"] is not None else "open"
    at = row[f"{side}_first_at"]
    return {"first_at": at.replace(tzinfo=UTC) if at else None, "first_run": row[f"{side}_first_run"]}
