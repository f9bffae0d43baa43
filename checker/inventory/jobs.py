"""Which thread reads which image set by which call, where several calls give its state and each has a quota of its own."""

from __future__ import annotations

import threading
import zlib
from collections import deque
from collections.abc import Iterator

from checker.inventory.site import Job

MOST_AHEAD = 10_000
"""Image sets that may wait for the slower one of two calls: beyond that the other one takes them."""


class Jobs:
    """Image sets to read, shared by threads. Each thread has a turn, and reads those of the call that is its turn's first.

    An image set's id says by which call its state is read, so that the same audit says the same of it again. Half of the
    ids are each call's, if only in the long run: those of the other one wait.
    """

    def __init__(self, jobs: Iterator[Job]) -> None:
        self._jobs = jobs
        self._waiting: dict[str, deque[Job]] = {}
        self._lock = threading.Lock()

    def take(self, turn: int) -> tuple[Job, str] | None:
        """The next image set of a turn and the call to read its state by; None where all are taken."""
        with self._lock:
            for call, waiting in self._waiting.items():
                if waiting and turn % len(waiting[0][0].plan.state) == _place(waiting[0], call):
                    return waiting.popleft(), call
            for job in self._jobs:
                calls = job[0].plan.state
                if len(calls) < 2:
                    return job, next(iter(calls), "")
                own = zlib.crc32(job[1][0].id.encode()) % len(calls)
                if own == turn % len(calls):
                    return job, calls[own]
                waiting = self._waiting.setdefault(calls[own], deque())
                if len(waiting) >= MOST_AHEAD:
                    return job, calls[turn % len(calls)]
                waiting.append(job)
            for call, waiting in self._waiting.items():
                if waiting:
                    return waiting.popleft(), call
        return None


def _place(job: Job, call: str) -> int:
    return job[0].plan.state.index(call)
