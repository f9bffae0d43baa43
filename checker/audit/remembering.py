"""What a collection need not ask: what it has already, and what earlier runs were told and still stands."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from checker.fields import model
from checker.layout import RECORDS
from checker.model import Target
from checker.runs.run_reader import MOST_EARLIER, Kept
from checker.snapshot.answer_index import Stored
from checker.snapshot.deletion_events import Event

if TYPE_CHECKING:
    from checker.collect.reuse import Memory
    from checker.config.audit import Collect


def memory_of(
    how: Collect,
    targets: Sequence[Target],
    earlier: Iterable[Kept],
    events: Iterable[Event],
    *,
    own: Path | None = None,
    refresh: bool = False,
) -> Memory:
    """What is known before anything is asked.

    Args:
        how: what audit.yaml says of collecting.
        targets: what is collected.
        earlier: complete runs of the audit, from the last one back; no more are looked at than it takes to find a whole
            search of every target.
        events: deletions that are known of.
        own: the records of the interrupted run that goes on.
        refresh: no earlier answer stands.

    Raises:
        InvalidInputError: an earlier run was altered.
    """
    from checker.collect.reuse import Memory

    here = then = None
    if own is not None:
        here = Stored()
        here.add(own)
    if any(target.discovery or target.organization for target in targets):
        then = Stored()
        for kept in islice(earlier, MOST_EARLIER):
            then.add(
                kept.folder / RECORDS,
                kept.name,
                reusable=how.incremental and not refresh and _same_tools(kept),
            )
            if then.whole and not any(
                str(one).startswith("target ") for one in kept.facts.get("left_out", ())
            ):
                break
        by_store: dict[str, list[str]] = {}
        for event in events:
            by_store.setdefault(event.datastore_id, []).append(event.image_set_id)
        for store, image_sets in by_store.items():
            then.name(store, image_sets)
    return Memory(here, then, how.recheck_deleted, how.deletions_known_since)


def _same_tools(kept: Kept) -> bool:
    """Whether answers were read as they are now: another botocore may know members that this one drops, or the reverse."""
    from checker import __version__

    facts = kept.facts
    return (
        facts.get("botocore_version") == model().botocore_version and facts.get("tool_version") == __version__
    )
