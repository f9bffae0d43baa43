"""Notes of a collection: what is said of many targets alike is said once."""

from __future__ import annotations

import re
from collections.abc import Iterable

MOST_ALONE = 3
"""Targets of which the same is said of each by itself."""
# ids of data stores, of accounts and of requests, which tell notes of one kind apart
_IDS = re.compile(r"\b(?:[0-9a-z]{32}|[0-9]{12}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\b")


def fold_notes(notes: Iterable[str]) -> tuple[str, ...]:
    """The notes, each once, in their order; those of the form `TARGET: TEXT` whose texts differ in nothing but ids are one
    where there are more than `MOST_ALONE` targets, with the number of them and the first names."""
    alike: dict[str, dict[str, str]] = {}
    for note in notes:
        name, _, text = note.partition(": ")
        alike.setdefault(_IDS.sub("…", text) if text else note, {}).setdefault(name, note)
    found: list[str] = []
    for kind, by_name in alike.items():
        own = list(by_name.values())
        if len(own) <= MOST_ALONE:
            found += own
            continue
        texts = {note.partition(": ")[2] for note in own}
        text = (texts.pop() if len(texts) == 1 else kind).rstrip(".")
        names = ", ".join(list(by_name)[:MOST_ALONE])
        found.append(f"{len(own):,} targets: {text} ({names} and {len(own) - MOST_ALONE:,} more).")
    return tuple(found)
