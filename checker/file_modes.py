"""Files for nobody but their owner: what holds data of patients is never readable to others, not for a moment.

The process's umask does it, since the libraries that write files ask for no mode. It is one of the whole process, so files
that other threads make meanwhile are as private.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

_OWNER_ONLY = 0o077
_own: list[int] = []
"""What the umask was before, from the outermost one on."""


@contextmanager
def private(*, when: bool = True) -> Iterator[None]:
    """Folders that are made meanwhile have the mode 0700, and files 0600, whatever the umask.

    Args:
        when: whether they do; else they are made as otherwise.
    """
    if not when:
        yield
        return
    _own.append(os.umask(_OWNER_ONLY))
    try:
        yield
    finally:
        os.umask(_own.pop())


@contextmanager
def public() -> Iterator[None]:
    """Inside of `private`: what is made meanwhile has the modes that the user's umask gives."""
    if not _own:
        yield
        return
    before = os.umask(_own[0])
    try:
        yield
    finally:
        os.umask(before)
