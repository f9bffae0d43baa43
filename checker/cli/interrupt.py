"""Ctrl-C and SIGTERM while collecting: stop soon, keep what there is."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Self

_CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}


class Interrupt:
    """While active, the first signal sets `stop`, and a second one ends the process as usual."""

    def __init__(self) -> None:
        self.stop = threading.Event()
        self.code = 0
        self._active = threading.current_thread() is threading.main_thread()
        self._before: dict[int, object] = {}

    def __enter__(self) -> Self:
        if self._active:
            for number in _CODES:
                self._before[number] = signal.signal(number, self._caught)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._restore()

    def _caught(self, number: int, _frame: FrameType | None) -> None:
        self.code = _CODES[signal.Signals(number)]
        self.stop.set()
        self._restore()

    def _restore(self) -> None:
        while self._before:
            number, handler = self._before.popitem()
            signal.signal(number, handler)  # type: ignore[arg-type]
