"""Bytes of files that users name: of anything that has a path, without end, and without waiting for ever."""

from __future__ import annotations

import os
import select
import stat
from itertools import islice
from pathlib import Path
from typing import Any

from checker.problems import InvalidInputError, Problem, nearest

LONGEST_WAIT = 10.0
"""Seconds in which a pipe has to say something."""
MOST_NAMES = 10_000
"""Names of a folder that are looked at for one like a name that is not there."""
_MIB = 1024 * 1024


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
        # without waiting: to open a pipe that nobody writes into would hang
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        with os.fdopen(descriptor, "rb", buffering=0) as file:
            mode = os.fstat(descriptor)
            if stat.S_ISREG(mode.st_mode) and mode.st_size > largest:
                size = f"the file has {mode.st_size / _MIB:.1f} MiB"
                raise InvalidInputError(Problem(shown, size, hint))
            parts, size_read = [], 0
            # by what is read, since only a file says before how much there is
            while part := _next(file, stat.S_ISREG(mode.st_mode)):
                parts.append(part)
                size_read += len(part)
                if size_read > largest:
                    raise InvalidInputError(
                        Problem(shown, f"there is no end to it within {largest // _MIB} MiB", hint)
                    )
    except TimeoutError:
        message = f"nothing was written into it for {LONGEST_WAIT:g} seconds"
        raise InvalidInputError(Problem(shown, message, "it is a pipe: name a file")) from None
    except OSError as error:
        reason = f"cannot be read: {(error.strerror or str(error)).lower()}"
        near = near_file(path) if isinstance(error, FileNotFoundError) else ""
        raise InvalidInputError(Problem(shown, reason, near)) from None
    return b"".join(parts)


def near_file(path: Path) -> str:
    """`did you mean X?` for the file of the same folder whose name is nearest to one that there is not, else nothing."""
    try:
        names = [one.name for one in islice(path.parent.iterdir(), MOST_NAMES)]
    except OSError:
        return ""
    return nearest(path.name, names)


def _next(file: Any, regular: bool) -> bytes:  # noqa: FBT001 - of one caller
    """What can be read next; nothing at the end."""
    if not regular and not select.select([file], [], [], LONGEST_WAIT)[0]:
        raise TimeoutError
    return file.read(_MIB) or b""
