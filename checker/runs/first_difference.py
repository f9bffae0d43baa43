"""What differs first between a file that a run kept and the same file made again: the row of a table, the line of a text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from checker.problems import Problem
from checker.snapshot.columns import connect, duckdb_path
from checker.sql import Connection, Relation, col

BLOCK = 1 << 16
FEWEST = 1_000_000
"""Rows that any table may have, whatever its size."""
FEW = 10_000
_PLACE = "file_row_number"


def oversized(paths: Iterable[Path]) -> Iterator[Problem]:
    """The tables that no run writes: a few bytes that stand for any number of rows. Each row of a run's tables is another one,
    and takes a byte at the least. It is told by the end of the file alone; a file that is not there, or no Parquet, is none.
    """
    import duckdb

    there = [path for path in paths if path.is_file()]
    if not there:
        return
    with connect() as connection:
        for path in there:
            try:
                rows, size = _row_count(connection, path), path.stat().st_size
            except (duckdb.Error, OSError):
                continue  # whoever reads it says what is wrong
            if rows > max(FEWEST, size):
                message = f"has {rows:,} rows in {size:,} bytes, and no run writes such a table"
                yield Problem(path.as_posix(), message, "it was altered before the run was sealed")


def table_difference(kept: Path, made: Path) -> str:
    """What differs first between two Parquet files: the columns and their types, the number of rows, a value. Empty where
    nothing does. Rows are compared in their order.

    Raises:
        duckdb.Error: the kept one is no Parquet, or damaged.
    """
    with connect() as connection:
        sides = [_rows(connection, path) for path in (kept, made)]
        then, now = (_kinds(side) for side in sides)
        if list(then) != list(now):
            return _other_columns(list(then), list(now))
        if other := [name for name in now if then[name] != now[name]]:
            return f"the column {other[0]} is {then[other[0]]}, not {now[other[0]]}"
        there, wanted = (_row_count(connection, path) for path in (kept, made))
        if there != wanted:
            return f"has {there:,} rows, not {wanted:,}"
        return _other_value(sides, list(now), wanted)


def _row_count(connection: Connection, path: Path) -> int:
    query = "SELECT num_rows FROM parquet_file_metadata($1)"
    ((rows,),) = connection.execute(query, [duckdb_path(path)]).fetchall()
    return int(rows)


def _rows(connection: Connection, path: Path) -> Relation:
    return connection.read_parquet(duckdb_path(path), file_row_number=True)


def _kinds(rows: Relation) -> dict[str, str]:
    kinds = dict(zip(rows.columns, map(str, rows.types), strict=True))
    del kinds[_PLACE]
    return kinds


def _other_columns(then: list[str], now: list[str]) -> str:
    if missing := [name for name in now if name not in then]:
        return f"has no column {missing[0]}"
    if more := [name for name in then if name not in now]:
        return f"has the column {more[0][:80]}, which no run writes here"
    return "has its columns in another order"


def _other_value(sides: list[Relation], names: list[str], rows: int) -> str:
    """The first row in which a value differs. Of many rows a column at a time: whole ones would fill the memory."""
    step = len(names) if rows <= FEW else 1
    first: tuple[int, str] | None = None
    for start in range(0, len(names), step):
        chosen = names[start : start + step]
        then, now = (
            side.select(col(_PLACE), *map(col, chosen)).set_alias(alias)
            for side, alias in zip(sides, ("was", "now"), strict=True)
        )
        both = then.join(now, f"was.{_PLACE} = now.{_PLACE}")
        pairs = (f"was.{item} IS DISTINCT FROM now.{item}" for item in map(_quoted, chosen))
        places = (f"min(was.{_PLACE}) FILTER ({differs})" for differs in pairs)
        ((count, *found),) = both.aggregate(", ".join(("count(*)", *places))).fetchall()
        if count != rows:
            return f"has {count:,} rows, not {rows:,}"
        at = [(place, name) for place, name in zip(found, chosen, strict=True) if place is not None]
        first = min((*at, *([first] if first else [])), default=None, key=lambda item: item[0])
    return f"row {first[0] + 1} has another {first[1]}" if first else ""


def _quoted(name: str) -> str:
    """The name of a column in SQL: a tag's or a label's may have any characters."""
    return '"' + name.replace('"', '""') + '"'


def text_difference(kept: Path, made: Path) -> str:
    """The first line in which two files differ, as text; empty where they are the same, byte for byte.

    Raises:
        OSError: one cannot be read.
    """
    line = 1
    with kept.open("rb") as then, made.open("rb") as now:
        while True:
            item, other = then.read(BLOCK), now.read(BLOCK)
            if item != other:
                pairs = zip(item, other, strict=False)
                same = next((at for at, (a, b) in enumerate(pairs) if a != b), min(len(item), len(other)))
                line += item.count(b"\n", 0, same)
                ends = same == min(len(item), len(other))
                return f"line {line} {'ends otherwise' if ends else 'differs'}"
            if not item:
                return ""
            line += item.count(b"\n")
