"""Bytes of files that users name: of anything that has a path, without end, and without waiting for ever."""

from __future__ import annotations

import io
import os
import select
import stat
import sys
import time
from itertools import islice
from pathlib import Path
from typing import Any

from checker.problems import InvalidInputError, Problem, nearest

LONGEST_WAIT = 10.0
"""Seconds in which a pipe has to say something."""
LONGEST_READING = 600.0
"""Seconds in which a pipe has to say all."""
LARGEST_TABLE = 1 << 30
"""Bytes of an inventory, and of recorded answers or events."""
MOST_NAMES = 10_000
"""Names of a folder that are looked at for one like a name that is not there."""
STDIN = "-"
_MIB = 1024 * 1024

_pipes: dict[Path, bytes] = {}
"""What came out of pipes: they give it once, and a run that is kept wants it once more."""


class UnreadableError(OSError):
    """A file that cannot be read, or not whole: `message` says why, `hint` what to do."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


def close_pipes() -> None:
    """Lets go of what came out of pipes: the next command has pipes of its own."""
    _pipes.clear()


def read_bytes(path: Path, shown: str, largest: int, hint: str) -> bytes:
    """The bytes of a file, or of a pipe that somebody writes into.

    Args:
        path: the file.
        shown: the path that messages print.
        largest: how many bytes it may have.
        hint: what to do where it has more.

    Raises:
        InvalidInputError: it cannot be read, has more bytes than it may have, or nothing comes out of it.
    """
    try:
        return read_input(path, largest, hint)
    except UnreadableError as error:
        raise InvalidInputError(Problem(shown, str(error), error.hint)) from None


def read_input(path: Path, largest: int, hint: str = "") -> bytes:
    """As `read_bytes`, for who says himself where the file is named. The path `-` is standard input, which is awaited.

    Raises:
        UnreadableError: as there.
    """
    if path in _pipes:
        return _pipes[path]
    try:
        if str(path) == STDIN:
            return _whole(sys.stdin.buffer, largest, hint, regular=True)
        # without waiting: to open a pipe that nobody writes into would hang
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        with os.fdopen(descriptor, "rb", buffering=0) as file:
            mode = os.fstat(descriptor)
            regular = stat.S_ISREG(mode.st_mode)
            found = _whole(file, largest, hint, regular=regular, size=mode.st_size if regular else 0)
    except UnreadableError:
        raise
    except TimeoutError:
        message = f"nothing was written into it for {LONGEST_WAIT:g} seconds"
        raise UnreadableError(message, "it is a pipe: name a file") from None
    except (OSError, ValueError) as error:  # a name may have a character that no name has
        reason = getattr(error, "strerror", None) or str(error)
        near = _near(path) if isinstance(error, FileNotFoundError) else ""
        raise UnreadableError(f"cannot be read: {reason.lower()}", near) from None
    if not regular:
        _pipes[path] = found
    return found


def _near(path: Path) -> str:
    """`did you mean X?` for the file of the same folder whose name is nearest to one that is not there, else nothing."""
    try:
        names = [item.name for item in islice(path.parent.iterdir(), MOST_NAMES)]
    except OSError:
        return ""
    return nearest(path.name, names)


def _whole(file: Any, largest: int, hint: str, *, regular: bool, size: int = 0) -> bytes:
    """By what is read, since only a file says before how much there is: `size`."""
    if size > largest:
        raise UnreadableError(f"the file has {size / _MIB:.1f} MiB", hint)
    found = io.BytesIO()
    began = time.monotonic()
    while part := _next(file, regular=regular):
        found.write(part)
        if found.tell() > largest:
            raise UnreadableError(f"there is no end to it within {_size(largest)}", hint)
        if not regular and time.monotonic() - began > LONGEST_READING:
            raise UnreadableError(f"there is no end to it within {LONGEST_READING:g} seconds", hint)
    return found.getvalue()


def _size(count: int) -> str:
    return f"{count // _MIB} MiB" if count >= _MIB else f"{count // 1024} KiB"


def _next(file: Any, *, regular: bool) -> bytes:
    """What can be read next; nothing at the end."""
    if not regular and not select.select([file], [], [], LONGEST_WAIT)[0]:
        raise TimeoutError
    return file.read(_MIB) or b""
