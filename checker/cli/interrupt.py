"""Ctrl-C and SIGTERM: at any moment of any command they end it soon, and its exit code says so."""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType, TracebackType
from typing import Self

_CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}
_BUG = 70
_came: list[int] = []
_told: list[str] = []
_over: list[int] = []
"""The signals that came while the command ran, what was said of them, and the exit code without them: a process has one set
of handlers, so these are the process's too."""


def code() -> int:
    """130 or 143 where a signal came, else 0.

    What was raised then may be lost: DuckDB makes an error of its own of it, a callback nothing at all. So whoever ends
    something, well or not, asks here.
    """
    return _CODES[signal.Signals(_came[0])] if _came else 0


def stop() -> None:
    """Ends here what a signal was to end, wherever that was lost on its way.

    Raises:
        KeyboardInterrupt: a signal came.
    """
    if _came:
        raise KeyboardInterrupt


def tell(text: str) -> None:
    """Says on standard error that the command was interrupted, and what becomes of what it had."""
    from checker.cli.console import complain

    _told.append(text)
    complain(text)


def told() -> bool:
    """Whether that was said."""
    return bool(_told)


def end(number: int) -> int:
    """The exit code of a command that is over, with this one of its own."""
    _over.append(number)
    return code() or number


@contextmanager
def raised(*, program: bool) -> Iterator[None]:
    """While active, each signal is raised as KeyboardInterrupt where the main thread is.

    Args:
        program: the process ends after it, by what `end` is told. A signal that comes by then lets it clean up, and
            changes its exit code.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    _came.clear()
    _told.clear()
    _over[:] = [_BUG]  # what ends without being told to is no pass
    if program:
        # what is registered first is done last: by then all else has cleaned up
        atexit.register(_end)
    before = {number: signal.signal(number, _raise) for number in _CODES}
    try:
        with _watched():
            yield
    finally:
        for number, handler in before.items():
            signal.signal(number, _note if program else handler)


@contextmanager
def _watched() -> Iterator[None]:
    """While active, a signal ends what DuckDB is at: the main thread, which waits for it, may be told of the signal late."""
    read, write = os.pipe()
    os.set_blocking(write, False)
    before = signal.set_wakeup_fd(write, warn_on_full_buffer=False)
    over = threading.Event()
    threading.Thread(target=_watch, args=(read, over), daemon=True).start()
    try:
        yield
    finally:
        over.set()
        signal.set_wakeup_fd(before)
        os.close(write)


def _watch(read: int, over: threading.Event) -> None:
    while os.read(read, 1):
        tables = sys.modules.get("checker.evidence.tables")
        # again and again: a query that was about to begin forgets that it was to end, and what was raised may be lost
        while tables and signal.getsignal(signal.SIGINT) is _raise and not over.wait(0.05):
            tables.cancel()
    os.close(read)


@contextmanager
def noted() -> Iterator[None]:
    """While active, signals change the exit code and nothing else: for what is short, and lost where it is not done."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, _note) for number in _CODES}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _raise(number: int, _frame: FrameType | None) -> None:
    _came.append(number)
    raise KeyboardInterrupt


def _note(number: int, _frame: FrameType | None) -> None:
    _came.append(number)


def _end() -> None:
    """Ends the process. Python would go on taking itself apart, where a signal is death without an exit code."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(code() or _over[-1])


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
