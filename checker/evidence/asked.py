"""What a run has asked so far, beside its records: a run that was interrupted and goes on adds up what it asks."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from checker.evidence.runfolder import ASKED

STEP = 20
"""Calls between two times of writing: so many at most are forgotten where a run is killed."""
_CALLS, _TRAFFIC = "calls", "traffic"


class Asked:
    """The calls of a run by action, and its other traffic: what an interrupted run had, and what is added now."""

    def __init__(self, folder: Path, *, resume: bool) -> None:
        self._path = folder / ASKED
        before = _read(self._path) if resume else {}
        self._calls = Counter({name: int(number) for name, number in before.get(_CALLS, {}).items()})
        self._traffic = dict(before.get(_TRAFFIC, {}))
        self._written = -STEP

    def calls(self, now: Mapping[str, int]) -> dict[str, int]:
        """All calls, with those that were made now."""
        return dict(sorted((self._calls + Counter(now)).items()))

    def traffic(self, now: Mapping[str, float]) -> dict[str, float]:
        """All traffic, with that of now."""
        names = dict.fromkeys([*now, *self._traffic])
        return {name: round(self._traffic.get(name, 0) + now.get(name, 0), 1) for name in names}

    def keep(self, calls: Mapping[str, int], traffic: Mapping[str, float], *, last: bool = False) -> None:
        """Writes what there is by now, if enough has come to it, or it is the `last` time. Where it cannot be written the
        audit goes on: it is told in reports, and decides nothing."""
        made = sum(calls.values())
        if not last and made - self._written < STEP:
            return
        self._written = made
        content = json.dumps({_CALLS: self.calls(calls), _TRAFFIC: self.traffic(traffic)})
        draft = self._path.with_suffix(".part")
        with suppress(OSError):
            draft.write_text(content + "\n", encoding="utf-8")
            draft.replace(self._path)


def _read(path: Path) -> dict[str, dict[str, float]]:
    """What was written; nothing where it cannot be read."""
    try:
        document = json.loads(path.read_bytes())
        parts = {name: dict(document[name]) for name in (_CALLS, _TRAFFIC)}
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    sound = all(isinstance(one, int | float) for part in parts.values() for one in part.values())
    return parts if sound else {}
