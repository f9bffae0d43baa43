"""What a run has asked so far, beside its records: a run that was interrupted and goes on adds up what it asks."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from checker.layout import ASKED
from checker.problems import InvalidInputError, Problem
from checker.runs.authenticity import Keys, signature_error
from checker.runs.run_folder import SealKey, sign_document
from checker.snapshot.records import Record

STEP = 20
"""Calls between two times of writing: so many at most are forgotten where a run is killed."""
_CALLS, _TRAFFIC = "calls", "traffic"


class Meter(Protocol):
    """What counts the calls of a collection; `lock` holds it still."""

    calls: Counter[str]
    throttled: int
    waited: float
    lock: threading.Lock


class CallLog:
    """The calls of a run by action, and its other traffic: what an interrupted run had, and what the meter adds now."""

    def __init__(self, folder: Path, meter: Meter, *, resume: bool, key: SealKey | None = None) -> None:
        """With a key what is written is signed, and what is read must be.

        Raises:
            InvalidInputError: what is there is not signed with the key.
        """
        self._path, self._meter, self._key = folder / ASKED, meter, key
        before = _read(self._path, key) if resume else {}
        self._calls = Counter({name: int(number) for name, number in before.get(_CALLS, {}).items()})
        self._traffic = before.get(_TRAFFIC, {})
        self._reused = 0
        self._written = -STEP

    def take(self, record: Record) -> None:
        """Takes a record that was written; writes what there is by now, if enough has come to it."""
        self._reused += record.reused_from is not None
        with self._meter.lock:
            calls = dict(self._meter.calls)
        if sum(calls.values()) >= self._written + STEP:
            self._written = sum(calls.values())
            self.all(calls, {"throttled": self._meter.throttled, "waited_seconds": self._meter.waited})

    def all(
        self, calls: Mapping[str, int], traffic: Mapping[str, float]
    ) -> tuple[dict[str, int], dict[str, float]]:
        """All calls and all traffic, with those of now, which are written too. Where they cannot be written the audit goes
        on: they are told in reports, and decide nothing."""
        every = dict(sorted((self._calls + Counter(calls)).items()))
        now = {**traffic, "reused": self._reused}
        whole = {name: round(self._traffic.get(name, 0) + now[name], 1) for name in now}
        draft = self._path.with_suffix(".part")
        with suppress(OSError):
            draft.write_text(
                json.dumps(
                    sign_document({"run": self._path.parent.name, _CALLS: every, _TRAFFIC: whole}, self._key)
                )
                + "\n",
                encoding="utf-8",
            )
            draft.replace(self._path)
        return every, whole


def _read(path: Path, key: SealKey | None) -> dict[str, dict[str, float]]:
    """What was written; nothing where it cannot be read."""
    try:
        document = json.loads(path.read_bytes())
        parts = {name: dict(document[name]) for name in (_CALLS, _TRAFFIC)}
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    if key is not None:
        problem = signature_error(path.as_posix(), document, Keys({key.public: key.fits}))
        if problem or document.get("run") != path.parent.name:
            hint = "what the interrupted run had was altered: begin a new run"
            raise InvalidInputError(Problem(path.as_posix(), "is not what the run wrote", hint))
    sound = all(isinstance(item, int | float) for part in parts.values() for item in part.values())
    return parts if sound else {}
