"""Values in the tables of a kept run that no run writes: nothing where something always is, instants beyond all years, words
that are none, a row twice. Whoever reads the table would stumble over them."""

from __future__ import annotations

from collections.abc import Iterator

from checker.layout import BASELINE, FINDINGS, HISTORY, NAMED, PRIOR
from checker.model import Category, Severity, Verdict
from checker.snapshot.columns import PINNED
from checker.sql import Relation

_OPEN = (PRIOR, BASELINE, NAMED)
_SUBJECT = ("rule", "target", "datastoreId", "imageSetId", "named")
_ALWAYS = {
    FINDINGS: (
        "finding",
        "rule",
        "target",
        "severity",
        "definition",
        "exact",
        "verdict",
        "fields",
        "first_at",
    ),
    **dict.fromkeys(
        _OPEN, ("rule", "target", "severity", "definition", "verdict", "judged_at", "judged_run")
    ),
}
_KEYS = {
    FINDINGS: ("finding",),
    HISTORY: ("target", "datastoreId", "imageSetId", PINNED),
    **dict.fromkeys(_OPEN, _SUBJECT),
}
_VERDICTS = (Verdict.FAIL.value, Verdict.UNKNOWN.value)
_JUDGED = "judged"
"""The verdict of a row that says by which rule a target was judged last."""
_NUMBERS = ("BIGINT", "INTEGER", "SMALLINT", "TINYINT")


def impossible_value(rows: Relation, name: str) -> str:
    """The first value of a table that no run writes, as text; empty where there is none.

    Args:
        rows: the rows of the table.
        name: the name of its file.

    Raises:
        duckdb.Error: the table is damaged.
    """
    if name not in _KEYS:
        return ""  # it is made again from the records, and compared
    tests = dict(_tests(rows, name))
    counts = rows.aggregate(", ".join(["count(*)", *(f"count_if({test})" for test in tests.values())]))
    ((total, *found),) = counts.fetchall()
    for text, count in zip(tests, found, strict=True):
        if count:
            return f"{text} in {count:,} of {total:,} rows"
    keys = [item for item in _KEYS[name] if item in rows.columns]
    if not keys:
        return ""
    quoted = ", ".join(f'"{key}"' for key in keys)
    twice = rows.aggregate(f"{quoted}, count(*) AS number", quoted).filter("number > 1").limit(1).fetchall()
    return f"has rows with the same {', '.join(keys)}" if twice else ""


def _tests(rows: Relation, name: str) -> Iterator[tuple[str, str]]:
    """What to say of a value, and the SQL that finds it. The names of columns are those of the file."""
    kinds = dict(zip(rows.columns, map(str, rows.types), strict=True))
    for column, kind in kinds.items():
        own = '"' + column.replace('"', '""') + '"'
        shown = column[:80]
        if kind == "TIMESTAMP":
            years = f"isfinite({own}) AND year({own}) BETWEEN 1 AND 9999"
            yield f"{shown} is no instant of the years 1 to 9999", f"{own} IS NOT NULL AND NOT ({years})"
        elif kind in _NUMBERS:
            yield f"{shown} is below 0", f"{own} < 0"
        if column in _ALWAYS.get(name, ()):
            yield f"{shown} is null", f"{own} IS NULL"
    words = {"severity": tuple(Severity), "category": tuple(category.value for category in Category)}
    if name in _ALWAYS:
        words["verdict"] = (*_VERDICTS, *((_JUDGED,) if name in _OPEN else ()))
        for column, known in words.items():
            if column in kinds:
                listed = ", ".join("'" + field.replace("'", "''") + "'" for field in known)
                yield f"{column} is none of {', '.join(known)}", f"{column} NOT IN ({listed})"
    if name == FINDINGS:
        yield (
            "fields is no JSON object",
            "coalesce(NOT json_valid(fields) OR json_type(fields) != 'OBJECT', false)",
        )
    if name in _OPEN:
        yield "first_at is null", f"first_at IS NULL AND verdict != '{_JUDGED}'"
