"""What the inputs of a run came to: an input that tells nothing of what is audited is said to, with its number."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from checker.instants import iso
from checker.model import Target
from checker.problems import Problem
from checker.snapshot.columns import PINNED, REFERENCE, connect, read_lines
from checker.snapshot.deletion_events import Event
from checker.sql import Relation, col

MOST_NAMED = 3
"""Data stores and image sets that a text names; the rest is counted."""
MOST_FILES = 10
"""Warnings on recorded answers that are a note each; the rest is counted."""


def of_inputs(
    events: Sequence[Event] | None, records: Path, targets: Sequence[Target], since: datetime | None
) -> tuple[tuple[str, ...], tuple[Problem, ...]]:
    """Both of the below. Where the data store of each target is another one, no image set is in two of them."""
    stores = [target.datastore for target in targets]
    notes, warnings = of_events(events, records, since)
    apart = len(stores) == 1 or (all(stores) and len(set(stores)) == len(stores))
    return (*notes, *(() if apart else of_several_targets(records))), warnings


def of_events(
    events: Sequence[Event] | None, records: Path, since: datetime | None = None
) -> tuple[tuple[str, ...], tuple[Problem, ...]]:
    """How many deletion events are of the data stores that were audited, as notes for reports, and warnings.

    Args:
        events: the deletion events before the run; None where no file of them was given.
        records: the JSON lines of the run.
        since: from when on the owner says that every deletion is known.
    """
    if events is None:
        word = "that every deletion since {} is known is the owner's word alone"
        return (f"Deletion events: none given; {word.format(iso(since))}.",) if since else (), ()
    stores = _stores(records) if events else frozenset()
    own = sum(event.datastore_id in stores for event in events)
    note = (
        f"Deletion events: {len(events):,} before the run, {own:,} of them of data stores that are audited."
    )
    if own:
        return (note,), ()
    others = sorted({event.datastore_id for event in events})
    more = f" and {len(others) - MOST_NAMED:,} more" if len(others) > MOST_NAMED else ""
    named = f"they are of {', '.join(others[:MOST_NAMED])}{more}" if others else "the files hold none"
    audited = f"no deletion event of {len(events):,} is of a data store that is audited"
    message = audited if events else "there is no deletion event before the run"
    return (note,), (Problem("events", message, named, warning=True),)


def of_files(warnings: Sequence[Problem]) -> tuple[str, ...]:
    """What was odd in files of recorded answers, as notes for reports."""
    more = len(warnings) - MOST_FILES
    shown = [f"{problem.where}: {problem.message}." for problem in warnings[:MOST_FILES]]
    return (*shown, *([f"{more} more warnings on recorded answers."] if more > 0 else []))


def of_several_targets(records: Path) -> tuple[str, ...]:
    """Image sets that more than one target has, as notes for reports."""
    with connect() as connection:
        lines = read_lines(connection, records, REFERENCE).filter(col("imageSetId").isnotnull())
        each = lines.aggregate(
            '"imageSetId", min("target") AS one, max("target") AS other',
            f'"datastoreId", "imageSetId", "{PINNED}"',
        )
        same = each.filter(col("one") != col("other"))
        number = _count(same)
        if not number:
            return ()
        names = (col("imageSetId"), col("one"), col("other"))
        first = same.select(*names).order("ALL").limit(MOST_NAMED).fetchall()
    shown = ", ".join(f"{name} of {item} and {other}" for name, item, other in first)
    more = ", .." if number > MOST_NAMED else ""
    are = "image set is" if number == 1 else "image sets are"
    return (f"{number:,} {are} in more than one target, and judged and counted in each: {shown}{more}.",)


def _count(rows: Relation) -> int:
    return int(rows.aggregate("count(*)").fetchall()[0][0])


def _stores(records: Path) -> frozenset[str]:
    """The data stores that records are of."""
    with connect() as connection:
        lines = read_lines(connection, records, REFERENCE)
        return frozenset(name for (name,) in lines.select(col("datastoreId")).distinct().fetchall() if name)
