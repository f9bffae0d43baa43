"""Ctrl-C, SIGTERM and the end of a terminal: at any moment of any command they end it soon, and its exit code says so."""

from __future__ import annotations

import _thread
import atexit
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

from checker import temporary_files

_CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}
_BUG = 70
if hasattr(signal, "SIGHUP"):  # Windows has none
    _CODES[signal.SIGHUP] = 129
PATIENCE = 1.0
"""Seconds that are left, after a second signal, to whatever cannot be broken off."""

_came: list[int] = []
_told: list[str] = []
_over: list[int] = []
"""The signals that came while the command ran, what was said of them, and the exit code without them: a process has one set
of handlers, so these are the process's too."""
_stops: list[threading.Event] = []
"""What the first signal sets instead of being raised, the last one of them."""
_silent: list[str] = []
"""Why no signal is raised now: one entry for each block that is `noted`, and the end."""
_lost = threading.Event()
"""Set where what was raised came to nothing: in a callback that no one waits for."""
_repeated: list[int] = []
"""Signals that nobody sent: they stand in for what was lost."""


def signal_code() -> int:
    """130, 143 or 129 where a signal came, else 0.

    What was raised then may be lost: DuckDB makes an error of its own of it, a callback nothing at all. So whoever ends
    something, well or not, asks here.
    """
    return _CODES[signal.Signals(_came[0])] if _came else 0


def report_interruption(text: str) -> None:
    """Says on standard error that the command was interrupted, and what becomes of what it had."""
    from checker.cli.console import print_error

    _told.append(text)
    print_error(text)


def was_reported() -> bool:
    """Whether that was said."""
    return bool(_told)


def end(number: int, *, program: bool) -> int:
    """The exit code of a command that is over, with this one of its own. A program that a signal came to ends here: Python
    would wait for threads that wait for others."""
    _over.append(number)
    if program and _came:
        _end()
    found = signal_code() or number
    if not program:
        _came.clear()
    return found


@contextmanager
def raise_signals(*, program: bool) -> Iterator[None]:
    """While active, each signal is raised as KeyboardInterrupt where the main thread is.

    Args:
        program: the process ends after it, by what `end` is told. A signal that comes by then lets it clean up, and
            changes its exit code.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    for item in (_came, _told, _stops, _silent, _repeated):
        item.clear()
    _over[:] = [_BUG]  # what ends without being told to is no pass
    before = {number: signal.getsignal(number) for number in _CODES}
    if program:
        # what is registered first is done last: by then all else has cleaned up
        atexit.register(_end)
        sys.unraisablehook = _unraisable
    try:
        for number, handler in before.items():
            # `nohup` and its like have the end of a terminal ignored
            if number in (signal.SIGINT, signal.SIGTERM) or handler is not signal.SIG_IGN:
                signal.signal(number, _caught)
        with _watched(program=program):
            yield
    finally:
        if program:
            _silent.append("the process ends")
        else:
            for number, handler in before.items():
                signal.signal(number, handler)


@contextmanager
def _watched(*, program: bool) -> Iterator[None]:
    """While active, a signal ends what DuckDB is at: the main thread, which waits for it, may be told of the signal late."""
    read, write = os.pipe()
    os.set_blocking(write, False)
    before = signal.set_wakeup_fd(write, warn_on_full_buffer=False)
    over = threading.Event()
    threading.Thread(target=_watch, args=(read, over, program), daemon=True).start()
    try:
        yield
    finally:
        over.set()
        signal.set_wakeup_fd(before)
        os.close(write)


def _watch(read: int, over: threading.Event, program: bool) -> None:
    """Counts signals as they come: the main thread may be told of them late."""
    count = 0
    while os.read(read, 1):
        count += 1
        if count == 1:
            threading.Thread(target=_press, args=(over,), daemon=True).start()
        if program and count - len(_repeated) == 2:
            threading.Thread(target=_lose_patience, daemon=True).start()
    os.close(read)


def _press(over: threading.Event) -> None:
    """Ends what DuckDB is at, again and again: a query that was about to begin forgets that it was to end."""
    while not over.wait(0.05):
        if _silent or (_stops and not _stops[-1].is_set()):
            continue
        tables = sys.modules.get("checker.snapshot.columns")
        if tables:
            with suppress(Exception):  # one that was just closed says so
                tables.cancel()
        if _lost.is_set():
            _lost.clear()
            _repeated.append(signal.SIGINT)
            _thread.interrupt_main()


def _lose_patience() -> None:
    """Ends the process where a second signal has not, but for what must not be broken off."""
    left = PATIENCE
    while left > 0:
        time.sleep(0.05)
        if not temporary_files.signals_wait() and "noted" not in _silent:
            left -= 0.05
    _end()


@contextmanager
def defer_signals() -> Iterator[None]:
    """While active, signals change the exit code and nothing else: for what is short, and lost where it is not done."""
    _silent.append("noted")
    try:
        yield
    finally:
        _silent.remove("noted")


def _caught(number: int, _frame: FrameType | None) -> None:
    _came.append(number)
    if _silent:
        return
    if _stops and not _stops[-1].is_set():
        _stops[-1].set()
    elif not temporary_files.defer_signal():
        raise KeyboardInterrupt


def _unraisable(found: Any) -> None:
    """Says what no one waits for, as Python does, but not of a signal: that is raised again elsewhere."""
    if _came and isinstance(found.exc_value, KeyboardInterrupt):
        _lost.set()
    else:
        sys.__unraisablehook__(found)


def _end() -> None:
    """Ends the process. Python would go on taking itself apart, where a signal is death without an exit code."""
    temporary_files.discard_all()
    # what nobody reads would be waited for, after a signal too
    for stream in () if _came else (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(signal_code() or _over[-1])


@contextmanager
def stop_event() -> Iterator[threading.Event]:
    """While active, the first signal sets this event, and a second one ends the process as usual."""
    event = threading.Event()
    _stops.append(event)
    try:
        yield event
    finally:
        _stops.remove(event)
