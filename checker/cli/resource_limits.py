"""What the machine gives this process: memory, threads, files; and what to say where it is too little."""

from __future__ import annotations

import os
from contextlib import suppress

from checker.problems import printable

LEAST_MEMORY = 1536 << 20
"""Bytes of virtual memory (ulimit -v) that a command needs: with less, DuckDB may end the process in the middle."""
_NEEDS_NONE = frozenset({"-h", "--help", "--version"})
_SHORT_OF_MEMORY = ("failed to map segment", "cannot allocate memory", "bad_alloc")
_NO_THREAD = "can't start new thread"


def memory_limit() -> int | None:
    """Bytes of virtual memory that this process may have; None where nothing bounds them."""
    try:
        import resource
    except ImportError:  # Windows has no such limits
        return None
    soft = [resource.getrlimit(kind)[0] for kind in (resource.RLIMIT_AS, resource.RLIMIT_DATA)]
    return min((item for item in soft if item != resource.RLIM_INFINITY), default=None)


def too_small_reason(arguments: list[str]) -> str:
    """Why a command is not begun here, as text; empty where it may be."""
    most = memory_limit()
    if most is None or most >= LEAST_MEMORY or not arguments or _NEEDS_NONE & {*arguments}:
        return ""
    return (
        f"out of memory: this process may have {most >> 20} MiB (ulimit -v, ulimit -d), and needs {LEAST_MEMORY >> 20} MiB\n"
        "help: raise the limit; a container's own limit bounds memory better"
    )


def missing_resource(error: BaseException) -> str:
    """What the machine lacked where a command failed with this error, as text; empty where it was something else. Two of
    DuckDB's errors, which is not imported here, say so too."""
    first = str(error).splitlines()[0] if str(error) else type(error).__name__
    if out_of_memory(error):
        return "out of memory"
    if type(error).__name__ == "OutOfMemoryException":
        return f"out of memory: {first}"
    if isinstance(error, RuntimeError) and _NO_THREAD in first:
        return "no more threads can be started (ulimit -u)"
    if isinstance(error, OSError) or type(error).__name__ == "IOException":
        return first
    return ""


def out_of_memory(error: BaseException) -> bool:
    """Whether there was no memory left, also for a library that was to be loaded."""
    text = str(error).lower()
    return isinstance(error, MemoryError) or (
        isinstance(error, ImportError | OSError) and any(item in text for item in _SHORT_OF_MEMORY)
    )


def last_words(text: str) -> None:
    """A line on standard error where there may be no memory and no file left to say it with."""
    with suppress(OSError):
        os.write(2, f"{printable(text)}\n".encode(errors="backslashreplace"))
