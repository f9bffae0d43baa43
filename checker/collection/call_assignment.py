"""Which thread reads which image set by which call, where several calls give its state and each has a quota of its own."""

from __future__ import annotations

import threading
import zlib
from collections import deque
from collections.abc import Iterator, Mapping
from itertools import accumulate

from checker.collection.target_session import Job
from checker.config import Rate

MOST_AHEAD = 10_000
"""Image sets that may wait for the slower one of two calls: beyond that, whoever is free reads them, by that call."""
_WAIT = 0.1


class CallAssignment:
    """Image sets to read, shared by threads. Each thread has a turn, and prefers those of the call that is its turn's.

    An image set's id says by which call its state is read, so that the same audit says the same of it again: AWS does not
    say that two calls agree in all they leave out. Each call has its part of the ids, as `rates` are.
    """

    def __init__(self, jobs: Iterator[Job], rates: Mapping[str, Rate]) -> None:
        self._jobs, self._rates = jobs, rates
        self._waiting: dict[str, deque[Job]] = {}
        self._lock = threading.Lock()
        self._pull = threading.Lock()  # held while the next one is being found, which may take long

    def take(self, turn: int) -> tuple[Job, str] | None:
        """The next image set of a turn and the call to read its state by; None where all are taken."""
        while True:
            if found := self._own(turn):
                return found
            if not self._pull.acquire(timeout=_WAIT):
                continue
            try:
                job = next(self._jobs, None)
                if job is None:
                    return self._left()
            finally:
                self._pull.release()
            calls = job[0].plan.state
            own = self._call(job)
            if len(calls) < 2 or own == calls[turn % len(calls)]:
                return job, own
            with self._lock:
                waiting = self._waiting.setdefault(own, deque())
                waiting.append(job)
                if len(waiting) > MOST_AHEAD:
                    return waiting.popleft(), own

    def _call(self, job: Job) -> str:
        calls = job[0].plan.state
        if len(calls) < 2:
            return next(iter(calls), "")
        ends = list(accumulate(self._rates[call].rate for call in calls))
        at = zlib.crc32(job[1][0].id.encode()) / 2**32 * ends[-1]
        return next(call for call, end in zip(calls, ends, strict=True) if at < end)

    def _own(self, turn: int) -> tuple[Job, str] | None:
        with self._lock:
            for call, waiting in self._waiting.items():
                if waiting and call == _turns(waiting[0], turn):
                    return waiting.popleft(), call
        return None

    def _left(self) -> tuple[Job, str] | None:
        with self._lock:
            for call, waiting in self._waiting.items():
                if waiting:
                    return waiting.popleft(), call
        return None


def _turns(job: Job, turn: int) -> str:
    return job[0].plan.state[turn % len(job[0].plan.state)]
